# SPDX-License-Identifier: BSD-2-Clause
"""Whole calls, as sipp plays them at both ends: each passes over TCP and TLS, and is what sipweir has counted."""
import pytest

from harness import conf, http

CALLS = 40
# Who calls, who is called, and how often each method goes each way in one call.
PLAYS = {
    "uac": ("uas", {"INVITE": 1, "ACK": 1, "BYE": 1}, {}),
    "reinvite": ("reinvited", {"INVITE": 3, "ACK": 3, "BYE": 1}, {}),
    "cancel": ("cancelled", {"INVITE": 1, "CANCEL": 1, "ACK": 1}, {}),
    "hung_up": ("hangs_up", {"INVITE": 1, "ACK": 1}, {"BYE": 1}),
    "message": ("messaged", {"MESSAGE": 1}, {}),
}


@pytest.fixture
def way(sipweir, balancer, encrypter, leaf):
    """way("tls", server): (sipweir, the address that phones call)."""

    def make(transport, server):
        secure = conf.secure(leaf) if transport == "tls" else {}
        weir = sipweir(
            [server.address],
            workers=2,
            listener={"proxy_protocol": "require", **secure},
            admin={"http": "127.0.0.1:0"},
        )
        if transport == "tcp":
            return weir, balancer(weir.address, "send-proxy-v2").address
        return weir, encrypter(balancer(weir.address, "send-proxy-v2", "accept-proxy").address).address

    return make


def assert_counted(weir, there, back):
    page = http.metrics(weir)
    for direction, methods in (("in", there), ("out", back)):
        for method in ("INVITE", "ACK", "BYE", "CANCEL", "MESSAGE", "other"):
            count = page.sum("sipweir_messages_total", direction=direction, kind="request", method=method)
            assert count == CALLS * methods.get(method, 0), (direction, method, count)
    assert page.sum("sipweir_sip_bad_total") == 0 and page.sum("sipweir_local_responses_total") == 0


@pytest.mark.parametrize("connections", ["t1", "tn"])
@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("caller", PLAYS)
def test_each_call_passes_whole_and_none_fails(way, callees, phones, caller, transport, connections):
    callee, there, back = PLAYS[caller]
    weir, front = way(transport, callees(callee))
    # An address of its own, because sipp binds a fixed port of it.
    source = f"127.0.{5 + list(PLAYS).index(caller)}.{ord(transport[1]) + ord(connections[1])}"
    phones(caller, front, source, CALLS, transport=connections).wait_success()
    assert_counted(weir, there, back)
    closed = weir.log.wait_for("connection.closed", source=source, count=CALLS if connections == "tn" else 1)
    assert closed and weir.log.louder_than("info") == []
