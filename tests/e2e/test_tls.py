# SPDX-License-Identifier: BSD-2-Clause
"""TLS from clients: who is served with which certificate, what is refused, and that limits come before its price."""
import ssl
import time

import pytest

from harness import conf, http, openssl, proxy, server, sip, tls, wait

THROUGH = {"proxy_protocol": "require"}
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V1_2, V1_3], ids=["1.2", "1.3"])
OLD = ("-cipher", "DEFAULT@SECLEVEL=0")


@pytest.fixture
def weir(sipweir, leaf):
    """A TLS listener behind a load balancer, and the built-in responder."""
    return sipweir(listener={**THROUGH, **conf.secure(leaf)})


def serves(one):
    return one.ask().status == 200


def name_of(one):
    """The name in the certificate that was shown."""
    return dict(x for (x,) in one.tls.getpeercert()["subject"])["commonName"]


# The handshake, and the bytes before it


@VERSIONS
@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_a_request_is_answered(sipweir, authority, version, key):
    weir = sipweir(workers=2, listener={**THROUGH, **conf.secure(authority.issue("sipweir.test", key=key))})
    one = weir.dial("198.51.100.7", context=tls.client(authority, lowest=version, highest=version))
    assert serves(one) and serves(one)
    assert one.tls.version() == {V1_2: "TLSv1.2", V1_3: "TLSv1.3"}[version]
    one.close()
    closed = weir.wait_for("connection.closed", source="198.51.100.7")
    assert (closed["reason"], closed["messages"]) == ("client_closed", 4)


@pytest.mark.parametrize("header", [proxy.v1, proxy.v2, proxy.nlb], ids=["v1", "v2", "nlb"])
def test_the_handshake_completes_however_header_and_client_hello_are_cut(weir, authority, header):
    context = tls.client(authority)
    for split in range(1, 1000):
        one = weir.dial(header=header("198.51.100.7", split), context=context, split=split)
        assert serves(one), split
        one.close()
        if split > one.first_length:
            break
    closed = weir.log.wait_for("connection.closed", source="198.51.100.7", count=split)
    assert {line["source_port"] for line in closed} == set(range(1, split + 1))


def test_the_handshake_completes_when_everything_comes_byte_by_byte(weir, authority):
    one = weir.dial(context=tls.client(authority), drip=True)
    assert serves(one)


class Corked:
    """A socket that sends only when told to."""

    def __init__(self, socket):
        self.socket, self.held = socket, b""

    def sendall(self, data):
        self.held += data

    def __getattr__(self, name):
        return getattr(self.socket, name)


def test_a_request_in_one_segment_with_the_end_of_the_handshake_is_answered(weir, authority):
    one = weir.dial(context=tls.client(authority, lowest=V1_3), is_shaking=False)
    one.socket.socket = cork = Corked(one.socket.socket)
    assert one.socket.handshake()
    one.send(sip.request() + sip.request())
    cork.socket.sendall(cork.held)
    assert [one.receive().status, one.receive().status] == [200, 200]


# Versions, ciphers, and what is never done


@pytest.mark.parametrize(
    "lowest,served",
    [
        (None, {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}),
        ("1.0", {"-tls1": "TLSv1", "-tls1_1": "TLSv1.1", "-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}),
        ("1.1", {"-tls1_1": "TLSv1.1", "-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}),
        ("1.3", {"-tls1_3": "TLSv1.3"}),
    ],
    ids=["default", "1.0", "1.1", "1.3"],
)
@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_s_client_is_served_from_min_version_on_and_told_why_below(sipweir, authority, lowest, served, key):
    warned = {"warnings": 1} if lowest in ("1.0", "1.1") else {}
    weir = sipweir(listener=conf.secure(authority.issue("sipweir.test", key=key), min_version=lowest), **warned)
    for flag in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3"):
        answer = openssl.s_client(weir.address, flag, *(OLD if flag in ("-tls1", "-tls1_1") else ()))
        assert (answer.is_served, answer.version if answer.is_served else None) == (
            flag in served,
            served.get(flag),
        ), answer.output
        if flag not in served:
            assert answer.alert == "protocol version"
    if len(served) < 4:
        assert weir.wait_for("tls.failed")["reason"] == "unsupported_version"
    weir.stop()
    assert {line["reason"] for line in weir.log.find("tls.failed")} <= {"unsupported_version"}, weir.log.text()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_forbidden_cipher_is_refused_and_an_allowed_one_is_not(sipweir, leaf, version):
    ciphers = {"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384", "ciphersuites": "TLS_CHACHA20_POLY1305_SHA256"}
    weir = sipweir(listener=conf.secure(leaf, **ciphers))
    if version == "-tls1_2":
        allowed, forbidden = ("-cipher", ciphers["ciphers"]), ("-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
    else:
        allowed, forbidden = ("-ciphersuites", ciphers["ciphersuites"]), ("-ciphersuites", "TLS_AES_128_GCM_SHA256")
    answer = openssl.s_client(weir.address, version, *allowed)
    assert answer.is_served and answer.cipher == allowed[1], answer.output
    answer = openssl.s_client(weir.address, version, *forbidden)
    assert not answer.is_served and answer.alert == "handshake failure", answer.output
    assert weir.wait_for("tls.failed")["reason"] == "no_shared_cipher"


def test_renegotiation_and_compression_are_off(sipweir, leaf):
    weir = sipweir(listener=conf.secure(leaf))
    answer = openssl.s_client(weir.address, "-tls1_2", "-no_ign_eof", request=b"R\n")
    assert "RENEGOTIATING" in answer.output and "Compression: NONE" in answer.output, answer.output
    assert "no renegotiation" in answer.output, answer.output


# Certificates


def test_the_certificate_is_the_one_of_the_name_asked_for_and_the_first_is_for_all_others(sipweir, authority):
    leaves = [authority.issue(*names) for names in (("a.test",), ("b.test", "b2.test"), ("*.wild.test",), ("x.wild.test",))]
    weir = sipweir(listener=conf.secure(*leaves))
    context = tls.client(authority)
    context.check_hostname = False
    wanted = {
        "a.test": "a.test",
        "b.test": "b.test",
        "B2.Test": "b.test",
        "any.wild.test": "*.wild.test",
        "x.wild.test": "x.wild.test",
        "wild.test": "a.test",
        "two.levels.wild.test": "a.test",
        "unknown.test": "a.test",
        None: "a.test",
    }
    found = {}
    for name in wanted:
        one = weir.dial(context=context, name=name)
        assert serves(one)
        found[name] = name_of(one)
    assert found == wanted


@VERSIONS
def test_rsa_and_ecdsa_stand_side_by_side_for_one_name(sipweir, authority, version):
    leaves = [authority.issue("sipweir.test", key=key) for key in ("ec", "rsa")]
    weir = sipweir(listener=conf.secure(*leaves))
    flag = {V1_2: "-tls1_2", V1_3: "-tls1_3"}[version]
    for algorithms, signature in (("ecdsa_secp256r1_sha256", "ECDSA"), ("rsa_pss_rsae_sha256", "RSA-PSS")):
        answer = openssl.s_client(weir.address, flag, "-servername", "sipweir.test", "-sigalgs", algorithms)
        assert answer.is_served and answer.signature == signature, answer.output


def test_a_chain_in_the_file_is_sent_whole(sipweir, authority, tmp_path):
    weir = sipweir(listener=conf.secure(authority.intermediate(tmp_path).issue("sipweir.test")))
    assert serves(weir.dial(context=tls.client(authority))), "who knows only the root can follow it"


# Sessions


def resumed(weir, context, session, **more):
    one = weir.dial(context=context, session=session, **more)
    assert serves(one)
    one.close()
    return one.tls.session_reused


def new_session(weir, context):
    one = weir.dial(context=context)
    assert serves(one) and not one.tls.session_reused
    return one.tls.session


@VERSIONS
def test_a_session_is_resumed_by_every_worker_and_after_a_reload(sipweir, leaf, authority, version):
    weir = sipweir(workers=4, listener={**THROUGH, **conf.secure(leaf)})
    context = tls.client(authority, lowest=version, highest=version)
    session = new_session(weir, context)
    assert all(resumed(weir, context, session) for _ in range(16))
    weir.change(limits={"connections": 500})
    assert all(resumed(weir, context, session) for _ in range(8))
    weir.change(listener=conf.secure(leaf, authority.issue("another.test")))
    assert all(resumed(weir, context, session) for _ in range(8)), "also when certificates changed"


# Limits come first


def test_who_is_over_its_limit_is_refused_before_a_byte_of_tls(sipweir, leaf):
    weir = sipweir(listener={**THROUGH, **conf.secure(leaf)}, limits={"connections": 1}, admin={"http": "127.0.0.1:0"})
    held = weir.dial()
    assert serves(held)
    over = weir.dial()
    assert not over.is_secured and over.alert is None
    assert over.wait_end() == "rst"
    assert weir.wait_for("limit.refused")["limit"] == "connections"
    handshakes = http.metrics(weir).sum("sipweir_tls_handshakes_total")
    assert handshakes == 1, "nothing was worked on"


def test_a_handshake_that_stops_is_ended_in_time_and_its_slot_is_free(sipweir, leaf):
    weir = sipweir(
        listener={**THROUGH, **conf.secure(leaf)}, limits={"connections": 1}, timeouts={"handshake": "300ms"}
    )
    stuck = weir.dial(is_shaking=False, cut=100)
    began = time.monotonic()
    stuck.wait_raw_end(wait.seconds(5))
    assert time.monotonic() - began > 0.2
    assert weir.wait_for("connection.closed")["reason"] == "handshake_timeout"
    assert serves(weir.dial())


def test_first_message_counts_from_the_end_of_the_handshake(sipweir, leaf):
    weir = sipweir(listener={**THROUGH, **conf.secure(leaf)}, timeouts={"first_message": "300ms"})
    assert weir.dial().wait_end()
    assert weir.wait_for("connection.closed")["reason"] == "first_message_timeout"


# Who does not speak TLS


@pytest.mark.parametrize(
    "said,reason",
    [
        (sip.request(), "plain_sip"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "plain_http"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not_tls"),
        (bytes(range(64)), "not_tls"),
        (proxy.v2("198.51.100.7"), "unexpected_proxy_header"),
    ],
    ids=["sip", "http", "ssh", "garbage", "proxy header"],
)
def test_what_is_spoken_instead_of_tls_is_named(sipweir, leaf, said, reason):
    weir = sipweir(listener=conf.secure(leaf))
    one = weir.dial(is_plain=True)
    one.send(said)
    one.wait_end()
    line = weir.wait_for("tls.failed")
    assert (line["reason"], line["level"]) == (reason, "info") and line["message"]
    assert weir.wait_for("connection.closed")["reason"] == "tls_failed"


def test_tls_on_a_tcp_port_is_named(sipweir):
    weir = sipweir()
    one = tls.Phone(weir.address)
    assert not one.is_secured
    assert weir.wait_for("sip.bad")["reason"] == "tls_on_tcp"


@pytest.mark.parametrize(
    "header", [proxy.nlb_health_check(), proxy.v2_local(), proxy.v2("198.51.100.7"), b""], ids=["nlb", "local", "named", "none"]
)
def test_load_balancers_that_look_whether_it_is_there_are_quiet(sipweir, leaf, header):
    weir = sipweir(listener={**THROUGH, **conf.secure(leaf)}, log={"level": "debug"})
    for _ in range(5):
        weir.dial(is_plain=True, header=header).close()
    weir.log.wait_for("connection.closed", count=5)
    assert weir.log.louder_than("info") == [] and weir.log.find("tls.failed") == []


def test_who_leaves_during_the_handshake_is_no_failure(weir):
    weir.dial(is_shaking=False, cut=100).close()
    weir.dial(is_shaking=False).close()
    closed = weir.log.wait_for("connection.closed", count=2)
    assert {line["reason"] for line in closed} <= {"client_closed", "client_reset"}
    assert weir.log.find("tls.failed") == []


def test_garbage_behind_the_handshake_ends_the_connection_and_is_named(weir):
    one = weir.dial()
    assert serves(one)
    one.socket.socket.sendall(b"\x17\x03\x03\x00\x30" + bytes(48))
    one.wait_end()
    assert weir.wait_for("tls.failed")["reason"] == "bad_record"


def test_connections_in_the_handshake_make_room_when_all_are_used_up(sipweir, leaf):
    weir = sipweir(listener={**THROUGH, **conf.secure(leaf)}, max_connections=5, admin={"http": "127.0.0.1:0"})
    for n in range(5):
        weir.dial(f"198.51.100.{n + 10}", is_shaking=False)
    named = lambda: http.metrics(weir).sum("sipweir_connections", state="named")
    wait.until(lambda: named() == 5, 5, "the headers of all five")
    proven = [weir.dial(f"198.51.100.{n + 20}") for n in range(5)]
    assert all(map(serves, proven))
    wait.until(lambda: weir.log.total("limit.refused", limit="max_connections") == 5, 5, "a line, or a count, for each")


# Bytes


def test_messages_of_any_size_pass_both_ways(sipweir, leaf, backend):
    def echo(connection, message):
        connection.reply(message, body=message.body)

    weir = sipweir([backend(echo)], listener={**THROUGH, **conf.secure(leaf)})
    one = weir.dial()
    for size in (0, 1, 16383, 16384, 16385, 60000):
        body = bytes(i % 251 for i in range(size))
        assert one.ask(body=body).body == body


def test_many_requests_in_one_record_and_one_request_in_many(sipweir, leaf, backend):
    weir = sipweir([backend()], listener={**THROUGH, **conf.secure(leaf)})
    one = weir.dial()
    asked = [sip.request() for _ in range(30)]
    one.send(b"".join(asked))
    assert {one.receive().call_id for _ in asked} == {sip.Message(raw).call_id for raw in asked}
    request = sip.request()
    for i in range(len(request)):
        one.send(request[i : i + 1])
    assert one.receive().call_id == sip.Message(request).call_id


def test_what_openssl_holds_is_not_forgotten(sipweir, leaf, backend):
    """Several records in one segment: the socket is empty after one read, and epoll says nothing more."""
    weir = sipweir([backend()], listener={**THROUGH, **conf.secure(leaf)})
    one = weir.dial()
    one.socket.socket = cork = Corked(one.socket.socket)
    for _ in range(20):
        one.send(sip.request())
    cork.socket.sendall(cork.held)
    for _ in range(20):
        assert one.receive().status == 200


def test_a_client_that_does_not_read_stops_its_server_and_loses_nothing(sipweir, leaf, backend):
    def answer(connection, message):
        for _ in range(100):
            connection.reply(message, body=b"x" * 30000)

    weir = sipweir([backend(answer)], listener={**THROUGH, **conf.secure(leaf)})
    one = weir.dial(receive_buffer=65536).send(sip.request())
    time.sleep(0.3)  # all buffers fill up
    for _ in range(100):
        assert len(one.receive(20).body) == 30000


@pytest.mark.parametrize("leave", ["close_notify", "fin", "both"])
def test_answers_that_are_due_still_reach_a_client_that_has_said_its_last(sipweir, leaf, backend, leave):
    behind = backend(server.silent)
    weir = sipweir([behind], listener={**THROUGH, **conf.secure(leaf)})
    one = weir.dial().send(sip.request("INVITE"))
    message = behind.wait_messages(1)[0]
    if leave != "fin":
        one.socket.say_last()
    if leave != "close_notify":
        one.half_close()
    assert one.is_open(0.2) and not behind.connections[0].ended
    behind.connections[0].reply(message, 100, "Trying")
    behind.connections[0].reply(message)
    assert [one.receive().status, one.receive().status] == [100, 200]
    one.wait_end()
    behind.connections[0].wait_end()


def test_a_connection_ends_with_close_notify(sipweir, leaf, backend):
    """So that a client can tell the end from an attack that cuts the connection."""
    behind = backend()
    weir = sipweir([behind], listener={**THROUGH, **conf.secure(leaf)})
    one = weir.dial()
    assert serves(one)
    behind.connections[0].close()
    assert one.wait_end() == "fin"
    assert one.socket.has_said_its_last


# Metrics


def test_handshakes_are_counted_by_version_and_outcome(sipweir, leaf, authority):
    weir = sipweir(listener=conf.secure(leaf), admin={"http": "127.0.0.1:0"})
    context = tls.client(authority, lowest=V1_3)
    session = new_session(weir, context)
    assert resumed(weir, context, session)
    assert serves(weir.dial(context=tls.client(authority, highest=V1_2)))
    openssl.s_client(weir.address, "-tls1_1", *OLD)
    weir.wait_for("tls.failed")
    page = http.metrics(weir)
    name = "sipweir_tls_handshakes_total"
    assert page.sum(name, version="1.3", outcome="ok", resumed="false") == 1
    assert page.sum(name, version="1.3", outcome="ok", resumed="true") == 1
    assert page.sum(name, version="1.2", outcome="ok", resumed="false") == 1
    assert page.sum(name, outcome="failed") == 1
    assert page.sum("sipweir_tls_handshakes_waiting") == page.sum("sipweir_tls_handshakes_in_progress") == 0
