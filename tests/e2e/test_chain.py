# SPDX-License-Identifier: BSD-2-Clause
"""HAProxy in front, sipweir, Kamailio behind: what the whole is for, with programs of others at all ends."""
import re

import pytest

from harness import conf, http, phone

CHAINS = pytest.mark.parametrize("send,behind", [("send-proxy", "v1"), ("send-proxy-v2", "v2")])


@pytest.fixture
def chain(sipweir, balancer, registrar):
    """chain(send, behind): (HAProxy, sipweir) on the way to `registrar`."""

    def make(send, behind, **settings):
        weir = sipweir(
            [registrar.address],
            workers=2,
            listener={"proxy_protocol": "require"},
            pool={"proxy_protocol": behind},
            **settings,
        )
        return balancer(weir.address, send), weir

    return make


def play_300_calls(phones, front, weir, registrar):
    """Each is answered by the registrar, which sees who calls; and each is told in the log, with nothing else."""
    played = (
        ("register", "tn", "127.0.0.11", 60),
        ("register", "t1", "127.0.0.12", 40),
        ("options", "tn", "127.0.0.13", 60),
        ("options", "t1", "127.0.0.14", 40),
        ("invite", "tn", "127.0.0.15", 60),
        ("invite", "t1", "127.0.0.16", 40),
    )
    running = [phones(what, front.address, who, calls, transport=how) for what, how, who, calls in played]
    for one in running:
        one.wait_success()
    for what, _, who, calls in played:
        assert registrar.seen(what.upper()).count((what.upper(), who)) == calls
    for method in ("ACK", "BYE"):
        assert {who for _, who in registrar.seen(method)} == {"127.0.0.15", "127.0.0.16"}
        assert len(registrar.seen(method)) == 100
    for _, how, who, calls in played:
        weir.wait_for("connection.closed", source=who)
        if how == "tn":
            weir.log.wait_for("connection.closed", source=who, count=calls, messages=lambda n: n > 0)
    assert weir.log.louder_than("info") == []


@CHAINS
def test_300_calls_pass_and_none_fails(chain, registrar, phones, send, behind):
    front, weir = chain(send, behind)
    play_300_calls(phones, front, weir, registrar)


@pytest.mark.parametrize("behind", ["tcp", "tls"])
def test_300_calls_over_tls_pass_and_none_fails(
    sipweir, balancer, encrypter, tls_registrar, phones, authority, leaf, behind
):
    """TLS in, and TCP or TLS out. Debian's sipp has no TLS: HAProxy puts it on, a second one is the load balancer."""
    server = {"name": "k1", "address": tls_registrar.address}
    if behind == "tls":
        server = {"name": "k1", "address": tls_registrar.tls_address, "transport": "tls"}
    tls_out = {"tls": {"ca": authority.certificate, "server_name": "kamailio.test"}} if behind == "tls" else {}
    weir = sipweir(
        workers=2,
        listener={"proxy_protocol": "require", **conf.secure(leaf)},
        pools=[{"name": "main", "proxy_protocol": "v2", "servers": [server], **tls_out}],
        admin={"http": "127.0.0.1:0"},
    )
    front = encrypter(balancer(weir.address, "send-proxy-v2", "accept-proxy").address)
    play_300_calls(phones, front, weir, tls_registrar)
    page = http.metrics(weir)
    assert page.sum("sipweir_tls_handshakes_total", outcome="ok") == 183, "a connection per call, or one for all"
    protocols = set(re.findall(r"SEEN .* proto=(\w+)", tls_registrar.output.read_text()))
    assert protocols == {behind, *(["udp"] if "udp" in protocols else [])}


@CHAINS
def test_kamailio_sees_the_address_of_the_phone(chain, send, behind):
    front, weir = chain(send, behind)
    one = phone.Phone(front.address, bind="127.0.0.21")
    for method in ("REGISTER", "OPTIONS"):
        assert one.ask(method=method).header("X-Source") == "127.0.0.21"
    port = int(one.local.split(":")[1])
    one.close()
    closed = weir.wait_for("connection.closed", source="127.0.0.21")
    assert closed["source_port"] == port
    assert closed["peer"].startswith("127.0.0.1:")


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_health_checks_of_haproxy_succeed_and_are_quiet(sipweir, balancer, send):
    weir = sipweir(listener={"proxy_protocol": "require"}, log={"level": "debug"}, limits={"connections": 1})
    front = balancer(weir.address, f"{send} check inter 50ms")
    weir.log.wait_for("connection.closed", level="debug", count=10)
    assert weir.log.louder_than("debug") == []
    one = phone.Phone(front.address, bind="127.0.0.41")
    assert one.ask().status == 200, "haproxy has it up"
    one.close()


@CHAINS
def test_a_phone_over_its_limit_is_refused_and_its_neighbour_is_not(chain, send, behind):
    front, weir = chain(send, behind, limits={"connections": 2})
    held = [phone.Phone(front.address, bind="127.0.0.31") for _ in range(2)]
    for one in held:
        assert one.ask(method="REGISTER").status == 200
    over = phone.Phone(front.address, bind="127.0.0.31")
    over.send(b"OPTIONS")
    over.wait_end()
    assert over.data == b""
    assert weir.wait_for("limit.refused", source="127.0.0.31")["limit"] == "connections"
    neighbour = phone.Phone(front.address, bind="127.0.0.32")
    assert neighbour.ask(method="REGISTER").header("X-Source") == "127.0.0.32"
    held.pop().close()
    weir.wait_for("connection.closed", source="127.0.0.31", messages=lambda n: n > 0)
    again = phone.Phone(front.address, bind="127.0.0.31")
    assert again.ask(method="REGISTER").status == 200
    for one in (*held, over, neighbour, again):
        one.close()
