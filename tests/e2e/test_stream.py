# SPDX-License-Identifier: BSD-2-Clause
"""Messages pass in both directions unchanged and in order, however they come in pieces."""
import pytest

from harness import sip


ODD = sip.request(
    "MESSAGE",
    body=b"\0\1\2\xff\r\n\r\nINVITE sip:fake SIP/2.0\r\nContent-Length: 0\r\n\r\n",
    headers=[
        "sUbJeCt : folded\r\n\t over\r\n  lines",
        "X-Empty:",
        "k: path",
        "X-Quoted: \"a\\\"b;c,d\"",
        "X-Utf8: \u00e4\u20ac",
        "Via:SIP / 2.0 / UDP   192.0.2.1",
    ],
)


def test_a_message_is_forwarded_unchanged(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    assert weir.dial().ask(ODD).status == 200
    assert behind.messages[0].raw == ODD


def test_a_message_byte_by_byte_is_the_same_as_whole(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    for _ in range(3):
        one.drip(ODD)
        assert one.receive().status == 200
    assert behind.connections[0].received == ODD * 3


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_an_answer_is_passed_unchanged(sipweir, backend, bytewise):
    answers = []

    def answer(connection, message):
        data = sip.reply(message, 200, "Gr\u00fc\u00dfe", body=b"\0\r\n\r\nSIP/2.0 500", headers=["X : a\r\n b", "k:"])
        answers.append(data)
        for i in range(0, len(data), 1 if bytewise else len(data)):
            connection.send(data[i : i + (1 if bytewise else len(data))])

    weir = sipweir([backend(answer)])
    one = weir.dial()
    for n in range(5):
        one.send(sip.request())
        got = one.receive()
        assert got.raw == answers[n]


def test_many_messages_in_one_segment_arrive_in_order(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    messages = [sip.request(("OPTIONS", "MESSAGE")[n % 2], body=b"x" * (n % 40)) for n in range(300)]
    one = weir.dial().send(b"".join(messages))
    answers = [one.receive() for _ in messages]
    assert [a.call_id for a in answers] == [sip.Message(m).call_id for m in messages]
    assert behind.connections[0].received == b"".join(messages)
    one.close()
    closed = weir.wait_for("connection.closed")
    assert closed["bytes_in"] == len(b"".join(messages))
    assert closed["bytes_out"] == len(b"".join(a.raw for a in answers))


def test_messages_cut_at_every_place_arrive_whole(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    before, after = ODD + sip.request(), sip.request("MESSAGE", body=b"abc")
    stream = before + b"\r\n\r\n" + after
    one = weir.dial()
    assert one.ask().status == 200
    places = range(1, len(stream), 7)
    for at in places:
        one.send(stream[:at])
        one.send(stream[at:])
        one.receive_mixed(messages=3, pongs=1)
    connection = behind.connections[0]
    assert connection.received.partition(b"\r\n\r\n")[2] == (before + after) * len(places)


def test_what_a_server_begins_reaches_the_client_unchanged(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    one.ask(method="REGISTER")
    notify = sip.request("NOTIFY", body=b"state")
    behind.connections[0].send(notify)
    got = one.receive()
    assert got.raw == notify
    answer = sip.reply(got, 200, "OK")
    one.send(answer)
    behind.connections[0].wait_messages(2)
    assert behind.connections[0].messages[1].raw == answer


def test_what_a_server_sends_must_be_sip_too(sipweir, backend):
    def answer(connection, message):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")

    weir = sipweir([backend(answer)])
    one = weir.dial().send(sip.request())
    one.wait_end()
    assert one.data.startswith(b"SIP/2.0 503 "), "the answer that was due will not come"
    assert weir.wait_for("connection.closed")["reason"] == "server_bad"


def test_a_first_message_may_be_an_answer(sipweir, backend):
    """An SBC reopens its connection to deliver one."""
    behind = backend()
    weir = sipweir([behind])
    answer = sip.reply(sip.Message(sip.request("INVITE")), 200, "OK")
    weir.dial().send(answer)
    assert behind.wait_messages(1)[0].raw == answer
