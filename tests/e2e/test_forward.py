# SPDX-License-Identifier: BSD-2-Clause
"""Between a client and its server: which server, who is calling, back-pressure, and who may close when."""
import threading

import pytest

from harness import proxy, server, sip, wait

THROUGH = {"proxy_protocol": "require"}


# Who is calling


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("source,to", [("198.51.100.7", "203.0.113.9"), ("2001:db8::7", "2001:db8::9")])
def test_the_server_learns_the_caller_and_what_he_called(sipweir, backend, version, source, to):
    behind = backend(reads_header=True)
    weir = sipweir([behind], listener=THROUGH, pool={"proxy_protocol": f"v{version}"})
    for header in (proxy.v1, proxy.v2):
        assert weir.dial(header=header(source, 40001, to, 5070)).ask().status == 200
        seen = behind.connections[-1].header
        assert (seen.version, seen.source, seen.destination) == (version, (source, 40001), (to, 5070))


@pytest.mark.parametrize("version", [1, 2])
def test_the_server_learns_a_direct_client_by_its_own_addresses(sipweir, backend, version):
    behind = backend(reads_header=True)
    weir = sipweir([behind], pool={"proxy_protocol": f"v{version}"})
    one = weir.dial(bind="127.0.0.51")
    assert one.ask().status == 200
    seen = behind.connections[0].header
    assert "%s:%d" % seen.source == one.local
    assert "%s:%d" % seen.destination == weir.address


def test_without_proxy_protocol_the_server_gets_sip_alone(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], listener=THROUGH)
    request = sip.request()
    assert weir.dial().ask(request).status == 200
    assert behind.connections[0].received == request


# Which server


def test_connections_go_to_the_servers_in_turn(sipweir, backend):
    behind = [backend() for _ in range(3)]
    weir = sipweir(behind)
    for _ in range(9):
        one = weir.dial()
        for _ in range(3):
            assert one.ask().status == 200
    assert [len(b.connections) for b in behind] == [3, 3, 3]
    assert {len(c.messages) for b in behind for c in b.connections} == {3}, "a connection stays with its server"


def test_a_server_that_cannot_be_reached_is_passed_over(sipweir, backend):
    behind = [backend() for _ in range(3)]
    for one in behind[:2]:
        one.down()
    weir = sipweir(behind)
    for _ in range(6):
        assert weir.dial().ask().status == 200
    assert len(behind[2].connections) == 6
    line = weir.wait_for("backend.failed")
    assert (line["level"], line["pool"]) == ("warning", "main")
    assert line["server"] in ("s1", "s2")


def test_no_more_servers_are_tried_than_retries_says(sipweir, backend):
    behind = [backend() for _ in range(3)]
    for one in behind[:2]:
        one.down()
    weir = sipweir(behind, pool={"retries": 1})
    statuses = [weir.dial().ask().status for _ in range(6)]
    assert 503 in statuses and 200 in statuses


def test_each_request_is_answered_503_while_no_server_is_up_and_the_connection_stays(sipweir, backend):
    behind = backend()
    behind.down()
    weir = sipweir([behind])
    one = weir.dial()
    for method in ("REGISTER", "OPTIONS", "INVITE", "MESSAGE"):
        request = sip.request(method, body=b"x\r\n\r\n")
        answer = one.ask(request)
        assert answer.status == 503
        asked = sip.Message(request)
        for name in ("Via", "From", "CSeq"):
            assert answer.all(name) == asked.all(name)
        assert answer.header("To").startswith(asked.header("To") + ";tag=")
        assert answer.header("Content-Length") == "0"
    one.send(sip.request("ACK"))
    assert one.ask().status == 503, "and nothing to the ACK"
    behind.up()
    assert one.ask().status == 200
    assert [m.method for m in behind.messages] == ["OPTIONS"]


def test_pipelined_requests_are_all_answered_503(sipweir, backend):
    behind = backend()
    behind.down()
    weir = sipweir([behind])
    requests = [sip.request() for _ in range(50)]
    one = weir.dial().send(b"".join(requests))
    assert [one.receive().call_id for _ in requests] == [sip.Message(r).call_id for r in requests]


def test_what_came_while_connecting_is_not_lost(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    requests = [sip.request("MESSAGE", body=b"x" * 1000) for _ in range(200)]
    for _ in range(5):
        one = weir.dial().send(b"".join(requests))
        for request in requests:
            assert one.receive().call_id == sip.Message(request).call_id
        assert behind.connections[-1].received == b"".join(requests)


# Back-pressure


def check_growth(weir, before):
    """Of memory. A sanitizer keeps what was freed, and tells nothing here."""
    grown = (weir.rss() - before) / 2**20
    assert grown < 4 or wait.SLOW > 1, f"grown by {grown:.1f} MiB"


def test_a_client_that_never_reads_holds_up_its_server_and_nothing_is_lost(sipweir, backend):
    count, size = 600, 50000  # far more than all buffers of the kernel between them
    done = threading.Event()
    sent = []

    def answer(connection, message):
        if message.method != "SUBSCRIBE":
            return server.ok(connection, message)
        for n in range(count):
            data = sip.request("NOTIFY", body=bytes([n % 256]) * size)
            connection.send(data)
            sent.append(data)
        done.set()

    behind = backend(answer)
    weir = sipweir([behind])
    neighbour = weir.dial()
    assert neighbour.ask().status == 200
    before = weir.rss()
    one = weir.dial(receive_buffer=65536).send(sip.request("SUBSCRIBE"))
    wait.until(lambda: len(sent) > 3, what="the first notifications")
    stalled(lambda: len(sent))
    assert not done.is_set(), "the server's sending must come to a stand"
    check_growth(weir, before)
    assert neighbour.ask().status == 200
    for n in range(count):
        got = one.receive(within=20)
        assert got.body == bytes([n % 256]) * size
    assert done.wait(wait.seconds(5))
    check_growth(weir, before)
    assert one.ask().status == 200


def stalled(value, quiet_for=0.5):
    """Until value() has not changed for a while."""
    state = {"value": None, "polls": 0}

    def still():
        now = value()
        state["polls"] = state["polls"] + 1 if now == state["value"] else 0
        state["value"] = now
        return state["polls"] >= quiet_for / 0.02

    wait.until(still, 20, "a stand-still")


def test_a_server_that_never_reads_holds_up_its_client_and_nothing_is_lost(sipweir, backend):
    behind = backend(server.silent, receive_buffer=65536)
    weir = sipweir([behind], timeouts={"message": "60s"})
    one = weir.dial().send(sip.request())
    behind.wait_messages(1)
    behind.pause()
    one.send(sip.request())  # ends the read that the server is waiting in
    before = weir.rss()
    sent = [sip.request("MESSAGE", body=bytes([n % 256]) * 50000) for n in range(600)]
    written = []

    def send_all():
        for data in sent:
            one.send(data)
            written.append(1)

    one.socket.settimeout(wait.seconds(60))
    sender = threading.Thread(target=send_all, daemon=True)
    sender.start()
    wait.until(lambda: len(written) > 3, what="the first messages")
    stalled(lambda: len(written))
    assert len(written) < len(sent), "the client's sending must come to a stand"
    check_growth(weir, before)
    behind.resume()
    behind.wait_messages(len(sent) + 2, within=20)
    sender.join(wait.seconds(5))
    assert behind.connections[0].received.endswith(b"".join(sent))
    check_growth(weir, before)


def test_a_client_that_goes_while_it_is_not_read_is_noticed(sipweir, backend):
    behind = backend(server.silent, receive_buffer=65536)
    weir = sipweir([behind])
    one = weir.dial().send(sip.request())
    behind.wait_messages(1)
    behind.pause()
    one.socket.setblocking(False)
    fill(one)
    one.reset()
    assert weir.wait_for("connection.closed", peer=one.local)["reason"] == "client_reset"


def fill(one):
    """Write whole messages until nothing has been taken for a while."""
    data = sip.request("MESSAGE", body=b"x" * 50000)
    state = {"sent": 0, "at": 0}

    def push():
        try:
            while True:
                n = one.socket.send(data[state["at"] :])
                state["at"] = (state["at"] + n) % len(data)
                state["sent"] += n
        except BlockingIOError:
            return state["sent"]

    stalled(push)


# Who closes when


def test_the_client_may_half_close_behind_an_invite_and_still_gets_its_final_answer(sipweir, backend):
    behind = backend(server.silent)
    weir = sipweir([behind])
    one = weir.dial().send(sip.request("INVITE")).half_close()
    connection = behind.wait_connection()
    invite = connection.wait_messages(1)[0]
    for status, reason in ((100, "Trying"), (180, "Ringing")):
        connection.reply(invite, status, reason)
        assert one.receive().status == status
    assert connection.ended is None, "the client's FIN is not passed on while an answer is due"
    connection.reply(invite, 200, "OK")
    assert one.receive().status == 200
    assert one.wait_end() == "fin"
    assert connection.wait_end() == "fin"
    assert weir.wait_for("connection.closed")["reason"] == "answered"


def test_a_half_closed_client_gets_the_answers_to_all_its_requests(sipweir, backend):
    behind = backend(server.silent)
    weir = sipweir([behind])
    requests = [sip.request(m) for m in ("REGISTER", "ACK", "MESSAGE", "OPTIONS")]
    one = weir.dial().send(b"".join(requests)).half_close()
    connection = behind.wait_connection()
    for message in connection.wait_messages(4):
        if message.method != "ACK":
            assert connection.ended is None
            connection.reply(message, 407, "Proxy Authentication Required")
            assert one.receive().call_id == message.call_id
    assert one.wait_end() == "fin"
    assert weir.wait_for("connection.closed")["reason"] == "answered"


def test_repeated_final_answers_do_not_hide_one_that_is_due(sipweir, backend):
    """A callee repeats its 200 to an INVITE until the ACK comes, over TCP too."""
    behind = backend(server.silent)
    weir = sipweir([behind])
    one = weir.dial().send(sip.request("INVITE"))
    connection = behind.wait_connection()
    invite = connection.wait_messages(1)[0]
    for _ in range(4):
        connection.reply(invite)
        assert one.receive().status == 200
    one.send(sip.request("ACK") + sip.request("BYE")).half_close()
    bye = connection.wait_messages(3)[2]
    connection.reply(bye)
    assert one.receive().call_id == bye.call_id
    assert one.wait_end() == "fin"


@pytest.mark.parametrize("asked", [False, True], ids=["unproven", "answered"])
def test_with_nothing_outstanding_a_half_close_ends_it_at_once(sipweir, backend, asked):
    behind = backend()
    weir = sipweir([behind], timeouts={"half_closed": "60s"})
    one = weir.dial()
    if asked:
        assert one.ask().status == 200
    one.half_close()
    assert one.wait_end() == "fin"
    assert weir.wait_for("connection.closed")["reason"] == "client_closed"
    if asked:
        assert behind.connections[0].wait_end() == "fin"


def test_what_the_server_sent_before_it_closed_reaches_the_client(sipweir, backend):
    size, count = 50000, 40

    def answer(connection, message):
        for _ in range(count):
            connection.reply(message, body=b"x" * size)
        connection.shut()

    behind = backend(answer)
    weir = sipweir([behind])
    one = weir.dial(receive_buffer=65536).send(sip.request())
    for _ in range(count):
        assert len(one.receive().body) == size
    assert one.wait_end() == "fin"
    assert weir.wait_for("connection.closed")["reason"] == "server_closed"
    assert behind.connections[0].wait_end() == "fin"


@pytest.mark.parametrize("how,reason", [("close", "server_closed"), ("reset", "server_reset")])
def test_a_server_that_ends_its_connection_ends_that_of_its_client_alone(sipweir, backend, how, reason):
    behind = backend()
    weir = sipweir([behind])
    one, other = weir.dial(), weir.dial()
    for phone in (one, other):
        assert phone.ask().status == 200
    getattr(behind.connections[0], how)()
    one.wait_end()
    assert weir.wait_for("connection.closed", peer=one.local)["reason"] == reason
    assert other.ask().status == 200


@pytest.mark.parametrize("how,reason", [("close", "client_closed"), ("reset", "client_reset")])
def test_a_client_that_goes_takes_its_server_connection_along(sipweir, backend, how, reason):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    assert one.ask().status == 200
    getattr(one, how)()
    behind.connections[0].wait_end()
    assert weir.wait_for("connection.closed")["reason"] == reason


def test_a_client_that_hangs_up_during_a_call_reaches_the_server(sipweir, backend):
    behind = backend(server.silent)
    weir = sipweir([behind])
    one = weir.dial().send(sip.request("INVITE"))
    connection = behind.wait_connection()
    connection.wait_messages(1)
    one.reset()
    connection.wait_end()
    assert weir.wait_for("connection.closed")["reason"] == "client_reset"


def test_an_answer_made_here_arrives_although_the_client_sends_on(sipweir):
    """A close with unread input is a RST, which would destroy the answer."""
    weir = sipweir()
    for _ in range(20):
        one = weir.dial()
        one.send(sip.request(content_length="x") + b"y" * 20000)
        assert one.receive().status == 400
        assert one.wait_end() == "fin"


# Keepalives of the server connection


def test_a_silent_server_connection_is_kept_alive_and_its_pong_swallowed(sipweir, backend):
    # Two pongs that a slow host has pressed together are a ping, and would be answered.
    interval = f"{int(wait.seconds(0.1) * 1000)}ms"
    behind = backend()
    weir = sipweir([behind], pool={"keepalive_interval": interval})
    one = weir.dial()
    assert one.ask().status == 200
    connection = behind.connections[0]
    for count in (1, 2, 3):
        wait.until(lambda: connection.pings >= count, what="a ping to the server")
        connection.send(b"\r\n")
    assert one.is_open(0.05) and one.data == b""
    assert one.ask().status == 200, "the first thing that comes is the answer"
    assert connection.noise == b""


def test_a_busy_server_connection_is_not_pinged(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], pool={"keepalive_interval": "1s"})
    one = weir.dial()
    for _ in range(15):
        assert one.ask().status == 200
        assert one.is_open(0.1)
    assert behind.connections[0].pings == 0


def test_keepalive_interval_off_sends_none(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], pool={"keepalive_interval": "off"})
    one = weir.dial()
    assert one.ask().status == 200
    assert one.is_open(0.5)
    assert behind.connections[0].pings == 0


def test_a_ping_of_the_server_is_answered_here(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    assert one.ask().status == 200
    connection = behind.connections[0]
    connection.send(b"\r\n\r\n")
    assert one.ask().status == 200, "the client has not seen it"
    assert connection.noise == b"\r\n", "one pong"


# The built-in responder


def test_a_pool_with_respond_answers_itself(sipweir):
    weir = sipweir(pool={"respond": {"status": 503, "reason": "Maintenance", "retry_after": "120s"}})
    one = weir.dial()
    for method in ("REGISTER", "INVITE", "OPTIONS"):
        answer = one.ask(method=method)
        assert answer.start == "SIP/2.0 503 Maintenance"
        assert 120 <= int(answer.header("Retry-After")) <= 180, "spread, so that not everybody comes back at once"
    one.send(sip.request("ACK"))
    assert one.ask().status == 503


def test_retry_after_is_spread(sipweir):
    weir = sipweir(pool={"respond": {"status": 503, "retry_after": "120s"}})
    one = weir.dial()
    assert len({one.ask().header("Retry-After") for _ in range(50)}) > 5


def test_two_listeners_with_a_pool_each(sipweir, backend):
    weir = sipweir(
        listeners=[{"name": "a", "pool": "one"}, {"name": "b", "pool": "two"}],
        pools=[{"name": "one", "respond": {"status": 200}}, {"name": "two", "respond": {"status": 404}}],
    )
    assert weir.dial(listener="a").ask().status == 200
    assert weir.dial(listener="b").ask().status == 404
