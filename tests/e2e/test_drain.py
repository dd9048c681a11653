# SPDX-License-Identifier: BSD-2-Clause
"""TERM: load balancers are told first, then connections end evenly, the least important first and none torn."""
import select
import signal
import time

import pytest

from harness import http, phone, server, sip, wait

THROUGH = {"proxy_protocol": "require"}
ADMIN = {"http": "127.0.0.1:0"}
OVER = wait.seconds(4)


def drain(over=OVER, delay="off"):
    return {"drain": f"{int(over * 1000)}ms", "drain_delay": delay}


def ends(phones, within):
    """[(seconds from now, phone)] of when each was told to go, in this order. Each hangs up then, as phones do."""
    began, found, poll = time.monotonic(), [], select.poll()
    by_descriptor = {one.socket.fileno(): one for one in phones}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    while len(found) < len(phones):
        left = began + within - time.monotonic()
        assert left > 0, f"{len(found)} of {len(phones)} were told to go"
        for descriptor, _ in poll.poll(left * 1000):
            one = by_descriptor[descriptor]
            poll.unregister(descriptor)
            found.append((time.monotonic() - began, one))
            assert one.wait_end() == "fin" and one.data == b"", "a clean end, and nothing half"
    return found


def call(one):
    """A call that goes on: its Call-ID."""
    invite = sip.Message(sip.request("INVITE"))
    answer = one.ask(invite.raw)
    assert answer.status == 200
    one.send(ack_of(invite, answer))
    return invite, answer


def ack_of(invite, answer, method="ACK", cseq=1):
    return sip.request(
        method,
        **{"from": invite.header("From"), "to": answer.header("To"), "call_id": invite.call_id, "cseq": f"{cseq} {method}"},
    )


def answers(connection, message):
    if message.method != "ACK":
        connection.reply(message)


# What the log says of it


@pytest.mark.parametrize(
    "delay,over,count,told",
    [
        ("off", "off", 0, "accepting no more; no connection is open now"),
        ("off", "300ms", 0, "accepting no more; no connection is open now"),
        ("off", "off", 1, "accepting no more; 1 open connection is closed at once"),
        ("off", "300ms", 1, "accepting no more; 1 open connection is closed within 300ms"),
        ("off", "off", 3, "accepting no more; 3 open connections are closed at once"),
        ("off", "300ms", 3, "accepting no more; 3 open connections are closed over 300ms"),
        ("200ms", "300ms", 0, "accepting for 200ms more, while /readyz says no; no connection is open now"),
        ("200ms", "off", 1, "accepting for 200ms more, while /readyz says no; then 1 open connection is closed at once"),
        ("200ms", "300ms", 2, "accepting for 200ms more, while /readyz says no; then 2 open connections are closed over 300ms"),
    ],
)
def test_the_log_says_what_will_become_of_whom(sipweir, delay, over, count, told):
    weir = sipweir(timeouts={"drain_delay": delay, "drain": over})
    for _ in range(count):
        assert weir.dial().ask().status == 200
    weir.stop()
    assert [line["message"] for line in weir.log.find("drain")] == [told]


# Before anything is closed


def test_load_balancers_are_told_and_everybody_is_served_during_the_delay(sipweir, backend):
    weir = sipweir([backend()], listener=THROUGH, admin=ADMIN, timeouts=drain(0.05, delay="1500ms"))
    admin = weir.address_of("admin.http")
    before = weir.dial()
    assert before.ask().status == 200 and http.ask(admin, "/readyz").status == 200
    began = time.monotonic()
    weir.kill(signal.SIGTERM)
    line = weir.wait_for("drain")
    assert line["level"] == "notice"
    assert http.ask(admin, "/readyz").status == 503 and http.ask(admin, "/healthz").status == 200
    assert http.metrics(weir).sum("sipweir_draining") == 1
    while time.monotonic() - began < 1.2:
        one = weir.dial()
        assert one.ask().status == 200 and before.ask().status == 200
        one.close()
    weir.stop(None)
    assert 1.4 < time.monotonic() - began < 1.4 + wait.seconds(3)


def test_after_the_delay_the_port_is_closed(sipweir, loads):
    weir = sipweir(workers=2, timeouts=drain(0.2, delay="300ms"), log={"level": "notice"})
    clients = loads("connect", weir.address, proxy="none", connections=4, seconds=wait.seconds(30))
    wait.until(lambda: weir.dial().ask().status == 200, 5)
    weir.stop()
    result = clients.end()
    # Who had connected was closed in its turn, between messages; who came later found no listener. Between the last
    # accept and the close of a socket there is a moment that nobody can do anything about: it can meet each of the four
    # clients at each of the two workers' sockets once.
    assert not result["faults"]["short_answer"] and result["faults"]["reset"] <= 4 * 2, result
    with pytest.raises(OSError):
        phone.Phone(weir.address)


def test_who_waits_in_the_queue_when_it_begins_is_served(sipweir):
    weir = sipweir(workers=2, timeouts=drain())
    weir.kill(signal.SIGSTOP)
    queue = [weir.dial().send(sip.request()) for _ in range(50)]
    weir.kill(signal.SIGTERM)
    weir.kill(signal.SIGCONT)
    for one in queue:
        assert one.receive().status == 200
    for one in queue:
        assert one.wait_end(OVER + 1) == "fin"
    weir.stop(None)


# The order and the pace


def test_of_200_connections_none_is_torn_dialogs_come_last_and_the_pace_is_even(sipweir, backend):
    weir = sipweir([backend(answers)], workers=2, listener=THROUGH, timeouts=drain(), limits={"unproven": 0})
    calling, proven, unproven = ([weir.dial(f"198.51.{count}.7") for _ in range(count)] for count in (20, 140, 40))
    for one in calling:  # the oldest: it is no matter of age
        call(one)
    for one in proven:
        assert one.ask().status == 200
    everybody = [*unproven, *proven, *calling]
    weir.kill(signal.SIGTERM)
    told = ends(everybody, OVER + wait.seconds(3))
    weir.stop(None)
    assert {line["reason"] for line in weir.log.find("connection.closed")} == {"shutdown"}
    for number, (seconds, _) in enumerate(told):
        late = seconds / OVER - (number + 1) / 200
        assert abs(late) < 0.1, f"number {number} after {seconds:.2f} s of {OVER:.2f}"
    kinds = [everybody.index(one) for _, one in told]
    kinds = ["unproven" if at < 40 else "proven" if at < 180 else "calling" for at in kinds]
    # Each of the two workers keeps the order; they do not wait for each other.
    assert kinds.index("proven") > 10 and kinds.index("calling") > 140 and kinds[-1] == "calling", kinds


def test_on_one_worker_the_order_is_strict(sipweir, backend):
    weir = sipweir([backend(answers)], listener=THROUGH, timeouts=drain(wait.seconds(1)))
    proven = [weir.dial("198.51.100.2") for _ in range(5)]
    calling = [weir.dial("198.51.100.3") for _ in range(5)]
    hung_up = [weir.dial("198.51.100.2") for _ in range(5)]
    unproven = [weir.dial("198.51.100.1") for _ in range(5)]
    for one in proven:
        assert one.ask().status == 200
    for one in calling:
        call(one)
    for one in hung_up:
        assert one.ask(ack_of(*call(one), method="BYE", cseq=2)).status == 200
    kinds = {"unproven": unproven, "proven": [*proven, *hung_up], "calling": calling}
    weir.kill(signal.SIGTERM)
    told = ends([*unproven, *proven, *hung_up, *calling], wait.seconds(5))
    weir.stop(None)
    order = [next(name for name, kind in kinds.items() if one in kind) for _, one in told]
    assert order == ["unproven"] * 5 + ["proven"] * 10 + ["calling"] * 5


# Nobody is torn


def test_a_request_that_awaits_its_answer_gets_it_first(sipweir, backend):
    behind = backend(server.silent)
    weir = sipweir([behind], listener=THROUGH, timeouts=drain())
    waiting = [weir.dial("198.51.100.7").send(sip.request()) for _ in range(5)]
    behind.wait_messages(5)
    idle = [weir.dial("198.51.100.8") for _ in range(5)]
    weir.kill(signal.SIGTERM)
    for one in idle:
        assert one.wait_end(OVER + 1) == "fin"
    time.sleep(OVER / 4)
    assert all(one.is_open() for one in waiting)
    for connection in behind.connections:
        connection.reply(connection.messages[0])
    for one in waiting:
        assert one.receive().status == 200 and one.wait_end() == "fin"
    weir.stop(None)


def test_a_message_that_is_half_sent_is_finished_first(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], listener=THROUGH, timeouts=drain())
    one = weir.dial()
    assert one.ask().status == 200
    request = sip.request(body=b"x" * 3000)
    one.send(request[:1500])
    weir.kill(signal.SIGTERM)
    weir.wait_for("drain")
    time.sleep(OVER / 4)
    assert one.is_open()
    one.send(request[1500:])
    assert one.receive().status == 200 and one.wait_end(OVER) == "fin"
    weir.stop(None)
    assert len(behind.messages) == 2


def test_at_the_end_of_the_time_the_rest_is_closed_all_the_same(sipweir, backend):
    behind = backend(server.silent)
    weir = sipweir([behind], listener=THROUGH, timeouts=drain(wait.seconds(0.5)))
    waiting = [weir.dial().send(sip.request("INVITE")) for _ in range(5)]
    behind.wait_messages(5)
    began = time.monotonic()
    weir.stop()
    assert time.monotonic() - began < wait.seconds(3)
    for one in waiting:
        one.wait_end()


def test_phones_that_talk_all_the_time_are_not_torn_either(sipweir, loads):
    """Requests one after another on each connection: each is answered whole, or the connection ends between two."""
    responder = loads("respond", "127.0.0.1:0", proxy="none")
    port = responder.expect("port ").split()[1]
    weir = sipweir([f"127.0.0.1:{port}"], workers=2, timeouts=drain(wait.seconds(2)), log={"level": "notice"})
    talking = loads("request", weir.address, "--gate", proxy="none", connections=50, seconds=wait.seconds(4))
    talking.expect("ready")
    talking.go()
    wait.until(lambda: weir.dial().ask().status == 200, 5)
    weir.stop()
    result = talking.end()
    faults = {kind: count for kind, count in result["faults"].items() if count}
    # At the end of its time a request that is due is told 503, which is none of the answers it wants.
    told = faults.pop("wrong_answer", 0)
    assert faults == {"closed": 50 - told}, f"each ended once, with a FIN and nothing half: {result}"


def test_a_second_signal_ends_it_at_once_whatever_is_open(sipweir):
    weir = sipweir(timeouts=drain(60, delay="30s"))
    assert weir.dial().ask().status == 200
    weir.kill(signal.SIGTERM)
    weir.wait_for("drain")
    weir.kill(signal.SIGTERM)
    weir.stopped = True
    began = time.monotonic()
    weir.wait_end()
    assert time.monotonic() - began < wait.seconds(2)


def test_who_has_nothing_open_is_gone_after_the_delay(sipweir):
    weir = sipweir(timeouts=drain(60, delay="200ms"))
    began = time.monotonic()
    weir.stop()
    assert time.monotonic() - began < wait.seconds(3)
