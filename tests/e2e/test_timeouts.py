# SPDX-License-Identifier: BSD-2-Clause
"""Each deadline ends what it is for, not before its time, and says which it was."""
import socket
import time

import pytest

from harness import proxy, server, sip, wait

THROUGH = {"proxy_protocol": "require"}


def check_end(weir, one, began, after, reason, event="connection.closed"):
    """It ends between `after` seconds from `began` and a second and a bit later, for `reason`."""
    one.wait_end(after + 5)
    took = time.monotonic() - began
    assert after * 0.9 - 0.05 < took < wait.seconds(after + 1.5), f"ended after {took:.2f} s, not {after}"
    line = weir.wait_for(event, peer=one.local)
    assert line["reason"] == reason
    return line


@pytest.mark.parametrize("data", [b"", b"PROXY TCP4 1", proxy.nlb("198.51.100.7")[:-1]], ids=["none", "v1", "v2"])
def test_proxy_header(sipweir, data):
    weir = sipweir(listener=THROUGH, timeouts={"proxy_header": "500ms"})
    began = time.monotonic()
    one = weir.dial(header=data)
    check_end(weir, one, began, 0.5, "header_timeout", "proxy_header.bad")
    assert one.data == b""


def test_proxy_header_does_not_count_behind_the_header(sipweir):
    weir = sipweir(listener=THROUGH, timeouts={"proxy_header": "200ms"})
    one = weir.dial()
    assert one.is_open(0.6)
    assert one.ask().status == 200


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"OPTIONS sip:a SIP/2.0\r\nVia: "], ids=["none", "ping", "part"])
def test_first_message(sipweir, data):
    weir = sipweir(timeouts={"first_message": "500ms"})
    began = time.monotonic()
    check_end(weir, weir.dial().send(data), began, 0.5, "first_message_timeout")


def test_first_message_counts_from_the_beginning_and_not_from_the_last_byte(sipweir):
    weir = sipweir(timeouts={"first_message": "600ms"})
    began = time.monotonic()
    one = weir.dial().drip(sip.request(), gap=0.1)
    check_end(weir, one, began, 0.6, "first_message_timeout")


def test_first_message_is_met_by_the_first_message(sipweir):
    weir = sipweir(timeouts={"first_message": "200ms"})
    one = weir.dial()
    assert one.ask().status == 200
    assert one.is_open(0.6)


def test_a_message_has_to_be_whole_in_time(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], timeouts={"message": "500ms"})
    one = weir.dial()
    assert one.ask().status == 200
    began = time.monotonic()
    one.drip(sip.request(), gap=0.1)
    check_end(weir, one, began, 0.5, "message_timeout")
    assert len(behind.messages) == 1


def test_the_time_between_messages_is_not_that_of_a_message(sipweir, backend):
    weir = sipweir([backend()], timeouts={"message": "200ms"})
    one = weir.dial()
    for _ in range(3):
        assert one.ask().status == 200
        one.send(b"\r\n")  # part of a ping is no message
        assert one.is_open(0.4)
        one.send(b"\r\n")
        assert one.receive_bytes(2) == b"\r\n"


def test_idle_is_silence(sipweir, backend):
    weir = sipweir([backend()], timeouts={"idle": "500ms"})
    one = weir.dial()
    assert one.ask().status == 200
    began = time.monotonic()
    check_end(weir, one, began, 0.5, "idle")


@pytest.mark.parametrize("what", ["pings", "messages"])
def test_idle_is_not_reached_while_something_comes(sipweir, backend, what):
    weir = sipweir([backend()], timeouts={"idle": "500ms"})
    one = weir.dial()
    assert one.ask().status == 200
    for _ in range(8):
        assert one.is_open(0.15)
        one.ping() if what == "pings" else one.ask()
    began = time.monotonic()
    check_end(weir, one, began, 0.5, "idle")


def test_a_client_that_pinged_and_stops_is_gone_after_so_many_of_its_intervals(sipweir, backend):
    weir = sipweir([backend()], timeouts={"ping_timeout": "2x"})
    one, silent = weir.dial(), weir.dial()
    for phone in (one, silent):
        assert phone.ask().status == 200
    for _ in range(2):
        one.ping()
        assert one.is_open(1.1)  # closer than a second apart they count as one, which the network has split
    one.ping()
    check_end(weir, one, time.monotonic(), 2.2, "ping_timeout")
    assert silent.ask().status == 200, "a client that never pinged owes none"


def test_half_closed(sipweir, backend):
    behind = backend(server.silent)
    weir = sipweir([behind], timeouts={"half_closed": "500ms"})
    began = time.monotonic()
    one = weir.dial().send(sip.request("INVITE")).half_close()
    check_end(weir, one, began, 0.5, "half_closed_timeout")
    assert behind.connections[0].wait_end()


@pytest.fixture
def black_hole():
    """An address where connecting takes for ever: a listener whose queue is full."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    crowd = []
    for _ in range(4):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listening.getsockname())
        crowd.append(one)
    yield "127.0.0.1:%d" % listening.getsockname()[1]
    for one in (*crowd, listening):
        one.close()


def test_connect_is_given_up_and_the_request_answered(sipweir, black_hole):
    weir = sipweir([black_hole], timeouts={"connect": "500ms"}, pool={"retries": 0})
    one = weir.dial()
    for _ in range(2):
        began = time.monotonic()
        assert one.ask().status == 503
        assert 0.4 < time.monotonic() - began < wait.seconds(2)
    assert weir.wait_for("backend.failed")["server"] == "s1"


def test_connect_that_takes_too_long_goes_to_the_next_server(sipweir, black_hole, backend):
    behind = backend()
    weir = sipweir([black_hole, behind], timeouts={"connect": "200ms"})
    for _ in range(2):
        assert weir.dial().ask().status == 200
    assert len(behind.connections) == 2


def test_clients_that_go_while_their_server_is_being_connected_are_noticed(sipweir, black_hole):
    """Also one whose request was there at its accept, so that it was never waited for."""
    weir = sipweir([black_hole], timeouts={"connect": "60s"})
    crowd = [weir.dial().send(sip.request()) for _ in range(20)]
    for one in crowd:
        assert one.is_open(0.02)
        one.reset()
    closed = weir.log.wait_for("connection.closed", count=20)
    assert {line["reason"] for line in closed} == {"client_reset"}
