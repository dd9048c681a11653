# SPDX-License-Identifier: BSD-2-Clause
"""TLS to servers: looked at before anything is said to them, and what does not fit is said by name."""
import re
import socket
import ssl
import threading
import types

import pytest

from harness import conf, ports, server, sip, sipweir as program, tls

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture
def secure_backend(backend, authority):
    """secure_backend(leaf, answer, ...): a TLS server of our own; by default its certificate is for backend.test."""

    def make(leaf=None, answer=server.ok, client_authority=None, highest=None, **settings):
        context = tls.server(leaf or authority.issue("backend.test", "127.0.0.1"), client_authority)
        context.maximum_version = highest or ssl.TLSVersion.MAXIMUM_SUPPORTED
        context.sni_callback = lambda one, name, _: setattr(one, "asked_for", name)
        return backend(answer, context=context, **settings)

    return make


def through(behind, **more):
    """The pool with TLS servers."""
    servers = [{**one, "transport": "tls"} for one in conf.servers(*(one.address for one in behind))]
    return {"servers": servers, "tls": more}


@pytest.fixture
def weir(sipweir, authority):
    """weir([server], server_name=...): sipweir that speaks TLS to them and trusts the authority."""

    def make(behind, pool=None, settings=None, **more):
        tls_group = {"ca": authority.certificate, "server_name": "backend.test", **more}
        return sipweir(behind, pool={**through(behind, **tls_group), **(pool or {})}, **(settings or {}))

    return make


@pytest.mark.parametrize("highest", [V1_2, V1_3], ids=["1.2", "1.3"])
def test_a_request_is_answered_over_tls(weir, secure_backend, highest):
    behind = secure_backend(highest=highest)
    one = weir([behind]).dial()
    assert one.ask().status == 200 and one.ask().status == 200
    (connection,) = behind.connections
    assert connection.tls.version() == {V1_2: "TLSv1.2", V1_3: "TLSv1.3"}[highest]
    one.close()
    assert connection.wait_end() == "fin"


def test_the_name_is_asked_for(weir, secure_backend):
    behind = secure_backend()
    assert weir([behind]).dial().ask().status == 200
    assert behind.connections[0].tls.asked_for == "backend.test"


def test_without_server_name_the_certificate_is_for_the_address_and_no_name_is_asked_for(weir, secure_backend, authority):
    good, other = secure_backend(), secure_backend(authority.issue("backend.test"))
    assert weir([good], server_name=None).dial().ask().status == 200
    assert good.connections[0].tls.asked_for is None
    one = weir([other], server_name=None)
    assert one.dial().ask().status == 503
    assert one.wait_for("backend.failed")["reason"] == "name_mismatch"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_proxy_header_comes_in_clear_before_tls(weir, secure_backend, version):
    behind = secure_backend(reads_header=True)
    one = weir([behind], {"proxy_protocol": version}).dial(bind="127.0.0.9")
    assert one.ask().status == 200
    assert behind.connections[0].source == "127.0.0.9"
    assert behind.connections[0].tls.version()


def test_sessions_are_resumed(weir, secure_backend):
    behind = secure_backend()
    one = weir([behind])
    for _ in range(6):
        phone = one.dial()
        assert phone.ask().status == 200
        phone.close()
    reused = [connection.tls.session_reused for connection in behind.connections]
    assert reused[0] is False and sum(reused) >= 4, reused


def test_a_certificate_is_shown_to_who_asks(weir, secure_backend, authority):
    behind = secure_backend(client_authority=authority)
    mine = authority.issue("sipweir.test")
    one = weir([behind], certificate=mine.certificate, private_key=mine.key)
    assert one.dial().ask().status == 200
    assert behind.connections[0].tls.getpeercert()["subject"] == ((("commonName", "sipweir.test"),),)


def test_messages_of_any_size_pass_both_ways(weir, secure_backend):
    behind = secure_backend(answer=lambda connection, message: connection.reply(message, body=message.body))
    one = weir([behind]).dial()
    for size in (0, 1, 15000, 16384, 60000):
        body = bytes(i % 251 for i in range(size))
        assert one.ask(body=body).body == body


def test_a_server_that_does_not_read_stops_its_client_and_loses_nothing(weir, secure_backend):
    behind = secure_backend(receive_buffer=65536)
    one = weir([behind]).dial()
    assert one.ask().status == 200
    behind.pause()
    asked = [sip.request(body=b"x" * 15000) for _ in range(60)]
    one.socket.settimeout(0.3)
    sent = 0
    try:
        for raw in asked:
            one.socket.sendall(raw)
            sent += 1
    except TimeoutError:
        pass
    behind.resume()
    for raw in asked[:sent]:
        assert one.receive(20).call_id == sip.Message(raw).call_id


# What does not fit


BAD = {
    "wrong authority": ("unknown_ca", lambda issue, strange: strange("backend.test")),
    "expired": ("certificate_expired", lambda issue, strange: issue("backend.test", days=(-10, -1))),
    "not yet valid": ("certificate_not_yet_valid", lambda issue, strange: issue("backend.test", days=(1, 10))),
    "wrong name": ("name_mismatch", lambda issue, strange: issue("other.test")),
}


@pytest.mark.parametrize("what", BAD)
def test_a_certificate_that_does_not_fit_is_refused_with_a_message_of_its_own(
    weir, secure_backend, authority, stranger, what
):
    reason, make = BAD[what]
    behind = secure_backend(make(authority.issue, stranger.issue))
    one = weir([behind])
    phone = one.dial()
    assert phone.ask().status == 503
    line = one.wait_for("backend.failed")
    assert (line["reason"], line["pool"], line["server"]) == (reason, "main", "s1") and line["message"]
    assert behind.messages == [], "nothing was said to it"


def test_a_certificate_signed_by_itself_is_named(weir, secure_backend, tmp_path, stranger):
    lonely = stranger.sign_itself("backend.test", tmp_path)
    one = weir([secure_backend(lonely)])
    assert one.dial().ask().status == 503
    assert one.wait_for("backend.failed")["reason"] == "self_signed"


@pytest.fixture
def plain(end):
    """plain(b"bytes"): a server without TLS, which answers the first bytes with these and closes."""

    def make(answer):
        listening = ports.listening()

        def serve():
            while True:
                try:
                    one, _ = listening.accept()
                except OSError:
                    return
                one.recv(65536)
                one.sendall(answer)
                one.close()

        threading.Thread(target=serve, daemon=True).start()
        end.append(lambda: listening.shutdown(socket.SHUT_RDWR))
        return types.SimpleNamespace(address="127.0.0.1:%d" % listening.getsockname()[1])

    return make


@pytest.mark.parametrize(
    "answer,reason",
    [
        (b"SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "plain_sip"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain_http"),
        (b"220 smtp.test ESMTP\r\n", "not_tls"),
        (b"", "closed_in_handshake"),
    ],
    ids=["sip", "http", "else", "nothing"],
)
def test_a_port_without_tls_is_named(weir, plain, answer, reason):
    one = weir([plain(answer)])
    assert one.dial().ask().status == 503
    line = one.wait_for("backend.failed")
    assert line["reason"] == reason and line["message"]


def test_a_health_check_says_what_does_not_fit(weir, secure_backend, plain, authority, stranger):
    """Each has its own reason, where nobody has called yet."""
    health = {"method": "options", "interval": "500ms", "timeout": "400ms"}
    wrong = {
        "unknown_ca": secure_backend(stranger.issue("backend.test")),
        "certificate_expired": secure_backend(authority.issue("backend.test", days=(-10, -1))),
        "name_mismatch": secure_backend(authority.issue("else.test")),
        "plain_sip": plain(b"SIP/2.0 400 What\r\nContent-Length: 0\r\n\r\n"),
    }
    one = weir(list(wrong.values()), {"health": health})
    lines = [one.wait_for("backend.down", server=f"s{i + 1}") for i in range(len(wrong))]
    assert [line["reason"] for line in lines] == list(wrong)
    assert len({line["message"] for line in lines}) == len(wrong)


def test_a_port_that_says_nothing_is_given_up_in_time(weir, backend):
    one = weir([backend()], settings={"timeouts": {"connect": "300ms"}})
    assert one.dial().ask().status == 503
    one.wait_for("backend.failed")


def test_a_server_that_wants_a_certificate_is_named(weir, secure_backend, authority):
    behind = secure_backend(client_authority=authority, highest=V1_2)
    one = weir([behind])
    assert one.dial().ask().status == 503
    assert one.wait_for("backend.failed")["reason"] == "certificate_wanted"


def test_without_verify_anybody_is_believed_with_a_warning(sipweir, secure_backend, stranger):
    behind = secure_backend(stranger.issue("other.test", days=(-10, -1)))
    weir = sipweir([behind], pool=through([behind], verify=False), warnings=1)
    assert weir.dial().ask().status == 200


def test_the_next_server_is_taken_when_one_does_not_fit(weir, secure_backend, stranger):
    bad, good = secure_backend(stranger.issue("backend.test")), secure_backend()
    one = weir([bad, good])
    for _ in range(4):
        assert one.dial().ask().status == 200
    assert bad.messages == [] and len(good.messages) == 4


def test_the_authorities_of_the_system_are_asked_where_none_is_named(sipweir, secure_backend):
    behind = secure_backend()
    weir = sipweir([behind], pool=through([behind], server_name="backend.test"))
    assert weir.dial().ask().status == 503
    assert weir.wait_for("backend.failed")["reason"] == "unknown_ca"


# The files


@pytest.mark.parametrize("side", ["listener", "pool"])
@pytest.mark.parametrize("what", ["other key", "no such file", "no certificate in it", "no key in it", "a folder"])
def test_files_that_do_not_fit_are_errors_with_a_line_and_a_message_each(tmp_path, authority, leaf, side, what):
    mine, other = leaf.copy(tmp_path), authority.issue("other.test")
    option = "private_key" if "key" in what else "certificate"
    if what == "other key":
        mine.key.write_bytes(other.key.read_bytes())
    elif what == "no such file":
        mine.certificate.unlink()
    elif what == "a folder":
        mine.certificate.unlink()
        mine.certificate.mkdir()
    else:
        (mine.key if "key" in what else mine.certificate).write_text("nothing of the kind\n")
    errors = check(tmp_path, mine, side)
    assert len(errors) == 1, errors
    place = "listeners.main.tls.certificates" if side == "listener" else "pools.main.tls"
    assert place in errors[0] and option in errors[0], errors
    wanted = {
        "other key": r"the key in .* is not that of the certificate",
        "no such file": r"there is no file",
        "no certificate in it": r"no certificate",
        "no key in it": r"no (private )?key",
        "a folder": r"is no file",
    }
    assert re.search(wanted[what], errors[0].split(": ", 2)[2]), errors


def check(folder, mine, side):
    """The errors of sipweir --check for a configuration with this leaf."""
    listener = conf.secure(mine) if side == "listener" else {}
    pool = {}
    if side == "pool":
        pool = {
            "servers": [{"name": "s1", "address": "127.0.0.1:5070", "transport": "tls"}],
            "tls": {"certificate": mine.certificate, "private_key": mine.key},
        }
    path = folder / "sipweir.conf"
    path.write_text(conf.group(conf.tree(["127.0.0.1:5070"], listener=listener, pool=pool)))
    result = program.run("--check", "--config", str(path))
    assert result.returncode == 2, result
    return result.stderr.strip().splitlines()
