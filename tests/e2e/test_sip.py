# SPDX-License-Identifier: BSD-2-Clause
"""What sip.* decides about messages that are well framed: who is judged, what is only told, what is taken out."""
import pytest

from harness import http, sip, wait

STRIPPED = ("X-AUTH-IP: 192.0.2.1", "X-AUTH-PORT: 5060", "X-AUTH-Token: secret")


def counted(weir, name):
    """The values of a metric that are not 0, by reason."""
    values = http.metrics(weir).values(name, "reason")
    return {reason: value for reason, value in values.items() if value}


ADMIN = {"http": "127.0.0.1:0"}


# Who is judged


def test_by_default_a_later_request_is_forwarded_as_it_is(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    assert one.ask().status == 200
    odd = sip.request(cseq="1 INVITE")
    assert one.ask(odd).status == 200
    assert behind.messages[-1].raw == odd


def test_with_check_all_each_request_is_judged_and_the_connection_lives(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"check": "all", "schemes": ["sip"]}, admin=ADMIN)
    one = weir.dial()
    assert one.ask().status == 200
    for _ in range(20):
        assert one.ask(cseq="1 INVITE").status == 400
    assert one.ask(uri="tel:+4930123456").status == 416
    assert one.ask(max_forwards="many").status == 400
    assert one.ask().status == 200
    assert len(behind.messages) == 2 and len(behind.connections) == 1
    assert counted(weir, "sipweir_sip_bad_total") == {"cseq": 20, "uri_scheme": 1, "max_forwards": 1}


def test_with_check_all_what_came_before_a_bad_request_in_one_read_is_forwarded(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"check": "all"})
    one = weir.dial()
    assert one.ask().status == 200
    one.send(sip.request() + sip.request(via=None) + sip.request())
    one.wait_end()
    behind.wait_messages(2)
    assert len(behind.messages) == 2, "the bad one cannot be answered: it ends the connection"


def test_a_reload_changes_who_is_judged(sipweir, backend):
    weir = sipweir([backend()])
    one = weir.dial()
    assert one.ask().status == 200
    assert one.ask(cseq="1 INVITE").status == 200
    weir.change(sip={"check": "all"})
    assert one.ask(cseq="1 INVITE").status == 400
    assert one.ask().status == 200


@pytest.mark.parametrize("nobody", ["ack", "response"])
def test_what_nobody_may_answer_is_dropped_and_the_connection_lives(sipweir, backend, nobody):
    behind = backend()
    weir = sipweir([behind], admin=ADMIN)
    bad = sip.request("ACK", cseq="1 INVITE")
    if nobody == "response":
        bad = sip.reply(sip.Message(sip.request(call_id=None)))
        bad = b"\r\n".join(line for line in bad.split(b"\r\n") if not line.startswith(b"Call-ID"))
    one = weir.dial().send(bad)
    weir.wait_for("sip.bad", peer=one.local)
    assert one.ask().status == 200 and one.data == b""
    assert len(behind.messages) == 1
    assert sum(counted(weir, "sipweir_sip_bad_total").values()) == 1


# Observe mode


def test_observe_says_what_it_would_refuse_and_forwards_it(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"mode": "observe"}, admin=ADMIN)
    data = {
        "cseq": sip.request(cseq="1 INVITE"),
        "version": sip.request().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1),
        "max_parameters": sip.request(headers=("X: " + ";" * 100,)),
        "max_headers": sip.request(headers=["X: y"] * 150),
        "control_character": sip.request(headers=("X: \x01",)),
    }
    for reason, request in data.items():
        one = weir.dial()
        assert one.ask(request).status == 200
        assert weir.wait_for("sip.would_refuse", peer=one.local)["reason"] == reason
        assert one.ask().status == 200
    assert [m.raw for m in behind.messages if m.raw in data.values()] == list(data.values())
    assert counted(weir, "sipweir_sip_would_refuse_total") == dict.fromkeys(data, 1)
    assert counted(weir, "sipweir_sip_bad_total") == {}


def test_what_has_to_wait_for_a_rate_is_told_once(sipweir, backend):
    rate = {"connection_message_rate": "20/s burst 1", "over_message_rate": "delay"}
    weir = sipweir([backend()], sip={"mode": "observe", "check": "all"}, limits=rate, admin=ADMIN)
    one = weir.dial()
    for request in (sip.request(cseq="1 INVITE"), sip.request(headers=("X: \x01",))) * 3:
        one.send(request)
    assert [one.receive().status for _ in range(6)] == [200] * 6
    assert http.metrics(weir).sum("sipweir_delayed_total") > 0
    assert counted(weir, "sipweir_sip_would_refuse_total") == {"cseq": 3, "control_character": 3}


@pytest.mark.parametrize(
    "data",
    [
        sip.request(headers=("l: 0",)),
        sip.request(headers=("Content_Length: 0",)),
        sip.request(headers=("X: a\n b",)),
        sip.request(content_length=None),
        sip.request(headers=("X: \0",)),
    ],
    ids=["two-lengths", "look-alike", "bare-lf", "no-length", "nul"],
)
def test_observe_still_refuses_what_has_no_certain_border(sipweir, backend, data):
    behind = backend()
    weir = sipweir([behind], sip={"mode": "observe"})
    one = weir.dial().send(data)
    assert one.receive().status == 400
    one.wait_end()
    assert behind.connections == []


def test_a_missing_length_is_zero_where_that_is_configured(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"missing_content_length": "zero"})
    one = weir.dial()
    old = sip.request(content_length=None)
    assert one.ask(old).status == 200
    one.send(old + sip.request())
    assert [one.receive().status, one.receive().status] == [200, 200]
    assert behind.messages[0].raw == old and len(behind.messages) == 3


# Headers that are taken out


def test_headers_that_servers_believe_are_taken_out_and_no_other_byte_changes(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    others = ("X-AUTH-IPS: 1", "Subject: X-AUTH-IP: 2", "x-other:\t3")
    body = b"X-AUTH-IP: 192.0.2.1\r\n\r\n"
    clean = sip.request("MESSAGE", body=body, headers=others)
    with_them = clean.replace(b"Max-Forwards", b"x-auth-ip : 192.0.2.1\r\nMax-Forwards").replace(
        b"Contact", b"X-Auth-Token:\r\n folded\r\n\tagain\r\nX-AUTH-PORT:1\r\nContact"
    )
    for data in (with_them, clean):
        assert one.ask(data).status == 200
        assert behind.messages[-1].raw == clean
    one.send(with_them * 2 + with_them[:200])
    behind.wait_messages(4)
    one.send(with_them[200:])
    behind.wait_messages(5)
    assert {m.raw for m in behind.messages} == {clean}


def test_headers_are_taken_out_however_the_stream_is_cut(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    data = sip.request(headers=STRIPPED)
    for at in range(1, len(data), 7):
        one.send(data[:at]).send(data[at:])
        assert one.receive().status == 200
    assert len({m.raw for m in behind.messages}) == 1
    assert b"X-AUTH" not in behind.messages[0].raw


def test_a_class_that_is_trusted_keeps_its_headers(sipweir, backend):
    behind = backend()
    classes = [{"name": "trunks", "networks": ["127.0.0.5"], "keep_headers": True}]
    weir = sipweir([behind], limits={"classes": classes})
    data = sip.request(headers=STRIPPED)
    assert weir.dial(bind="127.0.0.5").ask(data).status == 200
    assert behind.messages[-1].raw == data
    assert weir.dial(bind="127.0.0.6").ask(data).status == 200
    assert behind.messages[-1].raw != data


def test_without_names_nothing_is_taken_out(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"strip_headers": []})
    data = sip.request(headers=STRIPPED)
    assert weir.dial().ask(data).status == 200
    assert behind.messages[-1].raw == data


# Pings that are forwarded


def test_forwarded_pings_reach_the_server_and_its_pongs_the_client(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"keepalive": "forward"}, pool={"keepalive_interval": "off"})
    one = weir.dial().send(b"\r\n\r\n")
    assert one.ask().status == 200
    connection = behind.connections[0]
    assert connection.pings == 0, "nobody was there to be pinged"
    for count in range(1, 4):
        one.send(b"\r\n\r\n")
        wait.until(lambda: connection.pings == count, what="the ping at the server")
        assert one.is_open(0.02) and one.data == b"", "nobody else answers it"
        connection.send(b"\r\n")
        assert one.receive_bytes(2) == b"\r\n"
    request = sip.request()
    one.send(b"\r\n" + request)
    assert one.receive().status == 200
    assert (connection.noise, connection.messages[-1].raw) == (b"\r\n", request)


def test_a_forwarded_ping_may_be_split_and_the_servers_reach_the_client(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"keepalive": "forward"}, pool={"keepalive_interval": "off"})
    one = weir.dial()
    assert one.ask().status == 200
    connection = behind.connections[0]
    for part in (b"\r", b"\n", b"\r", b"\n"):
        one.send(part)
    wait.until(lambda: connection.pings == 1, what="the ping at the server")
    connection.send(b"\r\n\r\n")
    assert one.receive_bytes(4) == b"\r\n\r\n"
    one.send(b"\r\n" + sip.request())
    assert one.receive().status == 200
    assert connection.noise == b"\r\n", "the client's pong, and none of ours"


def test_pongs_to_pings_of_our_own_are_not_forwarded(sipweir, backend):
    behind = backend()
    interval = f"{int(wait.seconds(0.1) * 1000)}ms"
    weir = sipweir([behind], sip={"keepalive": "forward"}, pool={"keepalive_interval": interval})
    one = weir.dial()
    assert one.ask().status == 200
    connection = behind.connections[0]
    for count in (1, 2):
        wait.until(lambda: connection.pings >= count, what="a ping to the server")
        connection.send(b"\r\n")
    assert one.ask().status == 200, "the first thing that comes is the answer"
    assert one.data == b""


def test_a_flood_of_forwarded_pings_ends_the_connection_too(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"keepalive": "forward"})
    one = weir.dial()
    assert one.ask().status == 200
    one.send(b"\r\n\r\n" * 1000)
    one.wait_end()
    assert weir.wait_for("connection.closed")["reason"] == "ping_flood"


# Scanners, and what is told


@pytest.mark.parametrize(
    "data,reason",
    [
        (sip.request(headers=("User-Agent: friendly-scanner",)), "agent"),
        (sip.request(uri="sip:nm", **{"from": "<sip:nm@nm>;tag=root"}), "nmap"),
        (sip.request(uri="sip:100@127.0.0.1", **{"from": '"sipvicious"<sip:100@1.1.1.1>;tag=6'}), "sipvicious"),
    ],
    ids=["agent", "nmap", "sipvicious"],
)
def test_a_scanner_is_known_by_its_name_and_by_its_requests(sipweir, backend, data, reason):
    penalty = {"mode": "enforce", "scanner": 20, "ban_at": 20}
    weir = sipweir([backend()], limits={"penalty": penalty}, admin=ADMIN)
    one = weir.dial().send(data)
    assert weir.wait_for("sip.scanner", peer=one.local)["reason"] == reason
    assert weir.wait_for("ban.start")["reason"] == "scanner"
    assert counted(weir, "sipweir_scanners_total") == {reason: 1}


def test_a_phone_is_no_scanner(sipweir, backend):
    weir = sipweir([backend()], admin=ADMIN)
    assert weir.dial().ask(headers=("User-Agent: Acme Phone/1.0",), uri="sip:nmap@example.com").status == 200
    assert counted(weir, "sipweir_scanners_total") == {}


def test_what_is_no_sip_is_counted_by_what_it_is(sipweir):
    weir = sipweir(admin=ADMIN)
    first = {
        "http": b"GET / HTTP/1.1\r\n\r\n",
        "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
        "rdp": b"\x03\0\0\x13\x0e\xe0\0\0",
        "binary": b"\x80\0",
        "tls_on_tcp": b"\x16\x03\x01",
    }
    for data in first.values():
        weir.dial().send(data).wait_end()
    assert counted(weir, "sipweir_sip_bad_total") == dict.fromkeys(first, 1)


def test_how_long_answers_take_is_counted_per_server(sipweir, backend):
    weir = sipweir([backend()], admin=ADMIN)
    one = weir.dial()
    for _ in range(3):
        assert one.ask().status == 200
    assert http.metrics(weir).sum("sipweir_answer_seconds_count", pool="main", server="s1") == 3
