# SPDX-License-Identifier: BSD-2-Clause
"""Bytes held for slow and half-sent peers are bounded; who asks for more is the one who suffers."""
from harness import server, sip, wait

THROUGH = {"proxy_protocol": "require"}
SMALL = {"per_connection": "256K", "total": "1M"}


def most_of_a_message(size):
    return sip.request("MESSAGE", body=b"x" * size)[:-1]


def test_unproven_connections_that_fill_the_memory_are_closed(sipweir):
    weir = sipweir(workers=2, listener=THROUGH, memory=SMALL)
    crowd = [weir.dial(f"198.51.100.{n + 1}").send(most_of_a_message(60000)) for n in range(60)]
    line = weir.wait_for("limit.refused", limit="memory")
    assert line["level"] == "notice"
    wait.until(lambda: sum(one.is_open() for one in crowd) <= 20, what="room")
    assert any(one.is_open() for one in crowd), "who was within the bound stays"
    assert weir.dial("203.0.113.1").ask().status == 200, "a whole message needs no memory"
    for one in crowd:
        one.close()
    weir.log.wait_for("connection.closed", count=60)
    late = weir.dial("203.0.113.2").send(most_of_a_message(60000))
    assert late.is_open(0.1)
    late.send(b"x")
    assert late.receive().status == 200


def test_proven_connections_are_not_read_until_there_is_memory_again(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], listener=THROUGH, memory=SMALL, timeouts={"message": "60s"})
    crowd = [weir.dial(f"198.51.100.{n + 1}") for n in range(40)]
    for one in crowd:
        assert one.ask().status == 200
    for one in crowd:
        one.send(most_of_a_message(60000))
    assert all(one.is_open(0.02) for one in crowd)
    for one in crowd[:30]:
        one.reset()  # a FIN would wait, unread, for the deadline of its message
    for one in crowd[30:]:
        one.send(b"x")
        assert one.receive(within=10).status == 200
    assert weir.log.find("limit.refused") == []


def test_a_server_that_takes_nothing_costs_no_more_than_the_bound(sipweir, backend):
    behind = backend(server.silent, receive_buffer=65536)
    weir = sipweir([behind], listener=THROUGH, memory=SMALL)
    first = weir.dial("203.0.113.1").send(sip.request())
    behind.wait_messages(1)
    behind.pause()
    before = weir.rss()
    for n in range(20):
        one = weir.dial(f"198.51.100.{n + 1}")
        one.socket.setblocking(False)
        try:
            for _ in range(100):
                one.socket.send(sip.request("MESSAGE", body=b"x" * 60000))
        except (BlockingIOError, ConnectionResetError, BrokenPipeError):
            pass  # full; or closed, when memory was gone before its first message was whole
    assert first.is_open(0.5)
    assert weir.rss() - before < 8 * 2**20 or wait.SLOW > 1
