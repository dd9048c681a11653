# SPDX-License-Identifier: BSD-2-Clause
"""CRLF keep-alives of RFC 5626: answered here, as a promise that somebody is there."""
from harness import sip


def test_a_thousand_pings_are_answered_and_none_reaches_the_server(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    one.ask()
    for _ in range(1000):
        one.ping()
    assert one.ask().status == 200
    connection = behind.connections[0]
    assert (connection.pings, connection.noise, len(connection.messages)) == (0, b"", 2)
    one.close()
    assert weir.wait_for("connection.closed")["reason"] == "client_closed"


def test_a_flood_of_pings_in_one_segment_ends_the_connection(sipweir, backend):
    weir = sipweir([backend()])
    one = weir.dial()
    one.ask()
    one.send(b"\r\n\r\n" * 1000)
    one.wait_end()
    assert len(one.data) <= 2 * 1000 and set(one.data) <= set(b"\r\n")
    assert weir.wait_for("connection.closed")["reason"] == "ping_flood"


def test_a_ping_may_be_split_and_may_lead_a_request(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    one.ask()
    for part in (b"\r", b"\n", b"\r"):
        one.send(part)
        assert one.is_open(0.02) and not one.data
    one.send(b"\n")
    assert one.receive_bytes(2) == b"\r\n"
    request = sip.request()
    one.send(b"\r\n\r\n" + request)
    assert one.receive_bytes(2) == b"\r\n"
    assert one.receive().status == 200
    assert behind.messages[-1].raw == request


def test_a_single_crlf_between_messages_is_not_answered(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    one.ask()
    one.send(b"\r\n" + sip.request())
    assert one.receive().status == 200, "an answer first, no pong before it"
    assert behind.connections[0].noise == b""


def test_no_pong_before_there_is_a_server_connection(sipweir, backend):
    weir = sipweir([backend()])
    one = weir.dial().send(b"\r\n\r\n")
    assert one.is_open(0.2)
    assert one.ask().status == 200, "the first thing that comes is the answer"
    one.ping()


def test_no_pong_while_no_server_can_be_reached(sipweir, backend):
    behind = backend()
    behind.down()
    weir = sipweir([behind])
    one = weir.dial()
    assert one.ask().status == 503
    one.send(b"\r\n\r\n")
    assert one.ask().status == 503, "no pong came before it"
    behind.up()
    assert one.ask().status == 200
    one.ping()


def test_pings_in_a_body_are_body(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    message = sip.request("MESSAGE", body=b"\r\n\r\n\r\n\r\n")
    one = weir.dial()
    assert one.ask(message).status == 200, "and no pong before it"
    assert behind.messages[0].raw == message
