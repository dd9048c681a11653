# SPDX-License-Identifier: BSD-2-Clause
"""The PROXY protocol on a listener: who is believed, what is refused, what is answered with silence."""
import collections
import json
import time

import pytest

from harness import proxy, sip, wait

THROUGH = {"proxy_protocol": "require"}

# The words of the vectors' table, and ours in the log.
FAULTS = {
    "version": "version",
    "command": "command",
    "len<family": "address_block",
    "TLV truncated": "tlv",
    "TLV overrun": "tlv",
    "CRC len": "crc32c",
    "two CRC": "crc32c",
    "unique id": "tlv",
    "signature": "not_a_proxy_header",
    "not PROXY": "not_a_proxy_header",
    "port": "port",
    "address": "address",
    "token count": "fields",
    "bare CR": "line_end",
    "NUL": "line_end",
}
REQUEST_LINE_INCLUDED = {"P2-41": "OPTIONS", "P1-43": "REGISTER"}
SECOND_HEADER_INCLUDED = ("P2-48", "P1-44")


def check_vector(weir, case, bytewise):
    """What is wrong with the outcome of one vector; None when it is as its table says."""
    data, verdict, *rest = bytes.fromhex(case["hex"]), *case["expect"]
    one = weir.dial(header=b"")
    send = one.drip if bytewise else one.send
    peer = {"peer": one.local}
    if verdict == "MORE":
        send(data)
        if not one.is_open(0.02):
            return "closed instead of waiting for more"
        one.half_close()
        one.wait_end()
        weir.wait_for("connection.closed", level="debug", **peer)
        return f"an answer: {one.data!r}" if one.data else loud(weir, peer)
    if verdict in ("REJECT", "UNSPEC"):
        send(data)
        one.wait_end()
        wanted = FAULTS[rest[0]] if verdict == "REJECT" else "unspec"
        weir.refused[wanted] += 1  # repetitions of one reason are told as a count
        weir.log.wait_total(weir.refused[wanted], "proxy_header.bad", reason=wanted)
        return f"an answer: {one.data!r}" if one.data else None
    source, port = (rest[0], rest[1]) if verdict == "PROXY" else ("127.0.0.1", int(one.local.split(":")[1]))
    if case["id"] in SECOND_HEADER_INCLUDED:
        send(data)
        one.wait_end()
        if b"SIP/2.0 2" in one.data:
            return f"the second header was taken: {one.data!r}"
    else:
        request = sip.request(REQUEST_LINE_INCLUDED.get(case["id"], "OPTIONS"))
        if case["id"] in REQUEST_LINE_INCLUDED:  # the vector ends behind a request's first line
            request = request.partition(b"\r\n")[2]
        send(data + request)
        if one.receive().status != 200:
            return "not answered"
        one.close()
    line = weir.wait_for("connection.closed", **peer)
    source = source.replace("::ffff:cb00:710a", "203.0.113.10")  # IPv4-mapped is IPv4
    endpoint = next((x for x in rest if str(x).startswith("vpce-")), None)
    seen = (line["source"], line["source_port"], line.get("endpoint"))
    return None if seen == (source, port, endpoint) else f"{seen} instead of {(source, port, endpoint)}"


def loud(weir, peer):
    lines = [line for line in weir.log.louder_than("debug") if line.get("peer") == peer["peer"]]
    return f"not quiet: {lines}" if lines else None


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_every_vector_has_the_outcome_of_its_table(vectors, sipweir, bytewise):
    weir = sipweir(workers=2, listener=THROUGH, log={"level": "debug", "repeat": "50ms"})
    cases = json.loads((vectors / "proxy_protocol.json").read_text())
    assert len(cases) > 60
    weir.refused = collections.Counter()
    wrong = []
    for case in cases:
        try:
            fault = check_vector(weir, case, bytewise)
        except AssertionError as failure:
            fault = str(failure).splitlines()[0]
        if fault:
            wrong.append(f"{case['id']} {case['expect']}: {fault}")
    assert not wrong, "\n".join(wrong)
    assert weir.log.total("proxy_header.bad") == weir.refused.total()


@pytest.mark.parametrize("behind", [b"", proxy.tlv(0x05, b"id"), proxy.tlv(0xEA, b"\x02other")])
def test_a_wrong_checksum_is_refused_and_a_right_one_accepted(sipweir, behind):
    weir = sipweir(listener=THROUGH)
    good = proxy.v2("198.51.100.7", tlvs=behind, crc=True)
    assert weir.dial(header=good).ask().status == 200
    bad = good[:-1] + bytes([good[-1] ^ 1])
    weir.dial(header=bad).wait_end()
    assert weir.wait_for("proxy_header.bad")["reason"] == "crc32c"


def test_a_header_from_a_peer_that_is_not_trusted_is_refused(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], listener={**THROUGH, "trusted": ["10.0.0.0/8"]})
    one = weir.dial("198.51.100.7")
    one.send(sip.request())
    one.wait_end()
    assert one.data == b""
    line = weir.wait_for("proxy_header.bad", peer=one.local)
    assert (line["reason"], line["level"], line["listener"]) == ("untrusted_peer", "notice", "main")
    assert behind.connections == []


def test_a_peer_that_is_not_trusted_is_refused_before_it_says_a_word(sipweir):
    weir = sipweir(listener={**THROUGH, "trusted": ["10.0.0.0/8"]})
    one = weir.dial(header=b"")
    one.wait_end()
    assert one.data == b""


def test_require_refuses_a_connection_without_a_header(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], listener=THROUGH)
    one = weir.dial(header=b"")
    one.send(sip.request())
    one.wait_end()
    assert one.data == b""
    assert weir.wait_for("proxy_header.bad", peer=one.local)["reason"] == "not_a_proxy_header"
    assert behind.connections == []


def test_optional_takes_a_header_from_a_trusted_peer_and_does_without(sipweir):
    weir = sipweir(listener={"proxy_protocol": "optional"})
    with_header, without = weir.dial(header=proxy.v2("198.51.100.7")), weir.dial(header=b"")
    for one, source in ((with_header, "198.51.100.7"), (without, "127.0.0.1")):
        assert one.ask().status == 200
        one.close()
        assert weir.wait_for("connection.closed", peer=one.local)["source"] == source


def test_optional_refuses_a_header_from_anyone_else(sipweir):
    weir = sipweir(listener={"proxy_protocol": "optional", "trusted": ["10.0.0.0/8"]})
    for header in (proxy.v2("198.51.100.7"), proxy.v1("198.51.100.7")):
        liar = weir.dial(header=header)
        liar.wait_end()
        assert liar.data == b""
    direct = weir.dial(header=b"")
    assert direct.ask().status == 200
    direct.close()
    assert weir.wait_for("connection.closed", peer=direct.local)["source"] == "127.0.0.1"
    assert all(line.get("source") != "198.51.100.7" for line in weir.log.read())


@pytest.mark.parametrize("header", [proxy.v2("198.51.100.7"), proxy.v1("198.51.100.7")], ids=["v2", "v1"])
def test_off_does_not_read_a_header(sipweir, backend, header):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial(header=header)
    one.send(sip.request())
    one.wait_end()
    assert one.data == b"", "the signature of v2 begins like a ping: no pong"
    assert behind.connections == []
    assert weir.wait_for("sip.bad", peer=one.local)["reason"] == "proxy_header_unexpected"
    assert all(line.get("source") in (None, "127.0.0.1") for line in weir.log.read())


@pytest.mark.parametrize("second", [proxy.v2("192.0.2.66"), proxy.v1("192.0.2.66")], ids=["v2", "v1"])
def test_a_second_header_is_data_and_ends_the_connection(sipweir, backend, second):
    behind = backend()
    weir = sipweir([behind], listener=THROUGH)
    for proven in (False, True):
        one = weir.dial("198.51.100.7", 40000)
        if proven:
            assert one.ask().status == 200
        one.send(second + sip.request())
        one.wait_end()
        assert one.data == b""
        assert weir.wait_for("connection.closed", peer=one.local)["source"] == "198.51.100.7"
    assert all(line.get("source") != "192.0.2.66" for line in weir.log.read())
    assert len(behind.messages) == 1


@pytest.mark.parametrize(
    "probe",
    [b"", proxy.nlb_health_check(), proxy.v2_local(), b"PROXY UNKNOWN\r\n"],
    ids=["no-byte", "nlb", "local", "unknown"],
)
def test_a_health_check_of_the_load_balancer_is_quiet(sipweir, probe):
    weir = sipweir(listener=THROUGH, log={"level": "debug"})
    for leave in ("close", "reset", "half_close"):
        one = weir.dial(header=probe)
        getattr(one, leave)()
        weir.wait_for("connection.closed", level="debug", peer=one.local)
        one.close()
    assert weir.log.louder_than("debug") == []


def test_health_checks_take_no_slot_of_the_load_balancers_address(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1}, log={"level": "debug"})
    checks = [weir.dial(header=proxy.nlb_health_check()) for _ in range(5)]
    caller = weir.dial("127.0.0.1", 40000)  # the load balancer's own address, as a caller
    assert caller.ask().status == 200
    for one in checks:
        assert one.is_open()
        one.close()
        weir.wait_for("connection.closed", level="debug", peer=one.local)
    assert weir.log.find("limit.refused") == []


def test_a_health_check_that_stays_silent_ends_quietly(sipweir):
    weir = sipweir(listener=THROUGH, log={"level": "debug"}, timeouts={"first_message": "100ms"})
    one = weir.dial(header=proxy.nlb_health_check())
    one.wait_end()
    weir.wait_for("connection.closed", level="debug", peer=one.local)
    assert weir.log.louder_than("debug") == []


def test_the_header_deadline_counts_from_accept_and_not_from_the_last_byte(sipweir):
    weir = sipweir(listener=THROUGH, timeouts={"proxy_header": "600ms"})
    began = time.monotonic()
    one = weir.dial(header=b"").drip(proxy.nlb("198.51.100.7"), gap=0.1)
    one.wait_end()
    took = time.monotonic() - began
    assert 0.5 < took < wait.seconds(2), f"cut after {took:.2f} s"
    assert one.data == b""
    assert weir.wait_for("proxy_header.bad", peer=one.local)["reason"] == "header_timeout"


def test_nothing_is_sent_before_the_header_is_complete(sipweir):
    weir = sipweir(listener=THROUGH)
    one = weir.dial(header=b"\r\n\r\n")
    assert one.is_open(0.1)
    one.send(proxy.v2("198.51.100.7")[4:])
    assert one.ask().status == 200, "and what looked like a ping was the header's beginning"


@pytest.mark.parametrize("version", [proxy.v1, proxy.v2, proxy.nlb])
@pytest.mark.parametrize("source", ["198.51.100.7", "2001:db8::7"])
def test_header_and_request_in_one_segment_or_split_anywhere(sipweir, version, source):
    weir = sipweir(listener=THROUGH)
    header, request = version(source, 1234), sip.request()
    whole = header + request
    for at in (len(whole), 1, 5, 12, 15, 16, len(header) - 1, len(header), len(header) + 1):
        one = weir.dial(header=b"")
        one.send(whole[:at])
        if at < len(whole):
            assert one.is_open(0.01)
            one.send(whole[at:])
        assert one.receive().status == 200
        one.close()
        line = weir.wait_for("connection.closed", peer=one.local)
        assert (line["source"], line["source_port"]) == (source, 1234)


def test_a_source_no_caller_can_have_is_refused(sipweir):
    weir = sipweir(listener=THROUGH, log={"repeat": "50ms"})
    unusable = (proxy.v2("0.0.0.0"), proxy.v2("::"), proxy.v2("::ffff:0.0.0.0"), proxy.v1("0.0.0.0"))
    for count, header in enumerate(unusable, 1):
        one = weir.dial(header=header)
        one.wait_end()
        assert one.data == b""
        weir.log.wait_total(count, "proxy_header.bad", reason="source")
