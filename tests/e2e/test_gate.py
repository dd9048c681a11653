# SPDX-License-Identifier: BSD-2-Clause
"""What may pass to a server: whole, checked SIP messages and nothing else."""
import time

import pytest

from harness import sip, wait

CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(64))


def check_refused(weir, behind, data, status, reasons, first=None):
    """`data` is answered with `status` (None: with nothing), ends the connection, and no byte of it is forwarded."""
    one = weir.dial()
    if first:
        assert one.ask(first).status == 200
    already = len(behind.messages)
    one.send(data)
    if status:
        statuses = status if isinstance(status, tuple) else (status,)
        assert one.receive().status in statuses
    one.wait_end()
    assert one.data == b"", f"and then {one.data!r}"
    line = weir.wait_for("sip.bad", peer=one.local)
    assert line["reason"] in reasons, line
    weir.wait_for("connection.closed", peer=one.local)
    assert len(behind.messages) == already
    assert len(behind.connections) == (1 if first else 0)
    return line


# Nobody there who speaks SIP


@pytest.mark.parametrize(
    "data,reasons",
    [
        (b"GET / HTTP/1.1\r\n", {"http"}),
        (b"POST /admin HTTP/1.0\r\nHost: x\r\n\r\n", {"http"}),
        (CLIENT_HELLO, {"tls_on_tcp"}),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", {"ssh"}),
        (b"\0\1\2\3", {"binary"}),
        (b"hello world\r\n", {"not_sip", "start_line"}),
        (b"\x80\x9e\x01\x03\x01", {"binary"}),
        (b"\r\n\r\n\0\r\nQUIT\n", {"proxy_header_unexpected"}),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", {"proxy_header_unexpected"}),
    ],
    ids=["http", "http-post", "tls", "ssh", "nul", "words", "binary", "proxy-v2", "proxy-v1"],
)
def test_what_is_not_sip_is_turned_away_at_its_first_line(sipweir, backend, data, reasons):
    behind = backend()
    weir = sipweir([behind])
    line = check_refused(weir, behind, data, None, reasons)
    assert line["level"] == "notice"
    assert len(line["sample"]) <= 4 * 128


def test_nothing_reaches_a_server_before_the_first_whole_message(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], timeouts={"first_message": "400ms"})
    request = sip.request("INVITE", body=b"x" * 100)
    held = [weir.dial().send(data) for data in (b"", b"\r\n\r\n\r\n\r\n", request[:20], request[:-1])]
    for one in held:
        one.wait_end()
        assert behind.connections == []
        assert weir.wait_for("connection.closed", peer=one.local)["reason"] == "first_message_timeout"


@pytest.mark.parametrize("cut", [10, 200, -1], ids=["start-line", "header", "body"])
def test_a_message_cut_off_by_the_client_is_not_forwarded(sipweir, backend, cut):
    behind = backend()
    weir = sipweir([behind])
    for first in (False, True):
        one = weir.dial()
        if first:
            one.ask()
        one.send(sip.request("MESSAGE", body=b"x" * 100)[:cut]).half_close()
        one.wait_end()
        assert weir.wait_for("connection.closed", peer=one.local)["reason"] == "truncated"
    assert [m.method for m in behind.messages] == ["OPTIONS"]


# Where a message ends

LENGTHS = {
    "two-equal": ["Content-Length: 5", "Content-Length: 5"],
    "two-different": ["Content-Length: 5", "Content-Length: 6"],
    "short-and-long": ["l: 5", "Content-Length: 5"],
    "comma": ["Content-Length: 5,6"],
    "plus": ["Content-Length: +5"],
    "letters": ["Content-Length: 5abc"],
    "parameter": ["Content-Length: 5;x=1"],
    "junk": ["Content-Length: 5 junk"],
    "hexadecimal": ["Content-Length: 0x5"],
    "negative": ["Content-Length: -5"],
    "negative-large": ["Content-Length: -999"],
    "empty": ["Content-Length:"],
    "blank": ["Content-Length:   "],
    "2^32+5": ["Content-Length: 4294967301"],
    "2^64+5": ["Content-Length: 18446744073709551621"],
    "11-digits": ["Content-Length: 99999999999"],
    "11-zeros": ["Content-Length: 00000000005"],
    "folded-value": ["Content-Length:\r\n 5"],
    "continuation": ["Content-Length: 5", "Subject: x\r\n Content-Length: 0"],
    "continuation-tab": ["Content-Length: 5", "Subject: x\r\n\tl: 0"],
    "underscore": ["Content-Length: 5", "Content_Length: 0"],
    "control-before-colon": ["Content-Length: 5", "Content-Length\x01: 0"],
    "missing": [],
}
REASONS = {"content_length", "folding", "header_name", "control_character", "missing_content_length", "max_message"}


def with_lengths(lines):
    return sip.request("MESSAGE", headers=lines, content_length=None) + b"hello"


@pytest.mark.parametrize("lines", LENGTHS.values(), ids=LENGTHS)
def test_a_length_that_two_parsers_could_read_differently_is_refused(sipweir, backend, lines):
    behind = backend()
    weir = sipweir([behind])
    large = any(len(line) > 25 for line in lines)
    check_refused(weir, behind, with_lengths(lines), (400, 413, 513) if large else 400, REASONS)


@pytest.mark.parametrize("name", ["two-different", "negative", "2^32+5", "continuation", "underscore", "missing"])
def test_such_a_length_is_refused_behind_a_good_message_too(sipweir, backend, name):
    behind = backend()
    weir = sipweir([behind])
    check_refused(weir, behind, with_lengths(LENGTHS[name]), (400, 413, 513), REASONS, first=sip.request())


@pytest.mark.parametrize("line", ["Content-Length: 00005", "l:5", "CONTENT-length \t:\t5  ", "Content-Length : 5"])
def test_a_length_that_is_only_oddly_written_is_accepted(sipweir, backend, line):
    behind = backend()
    weir = sipweir([behind])
    message = with_lengths([line])
    one = weir.dial()
    assert one.ask(message).status == 200
    assert one.ask().status == 200
    assert behind.messages[0].raw == message


# What a header may be

BROKEN = {
    "bare-cr": (sip.request(headers=["Subject: a\rb"]), {"line_end"}),
    "bare-lf": (sip.request(headers=["Subject: a\nX: b"]), {"line_end"}),
    "lf-only": (sip.request().replace(b"\r\n", b"\n"), {"line_end"}),
    "cr-cr-lf": (sip.request(headers=["Subject: a\r"]), {"line_end"}),
    "nul-in-value": (sip.request(headers=["Subject: a\0b"]), {"control_character"}),
    "nul-in-name": (sip.request(headers=["Sub\0ject: a"]), {"control_character", "header_name"}),
    "nul-in-start-line": (sip.request(uri="sip:a\0b"), {"control_character", "start_line"}),
    "fold-before-the-first-header": (sip.request().replace(b"\r\n", b"\r\n ", 1), {"folding", "header_name"}),
    "only-white-space": (sip.request(headers=["Subject: a\r\n   "]), {"folding"}),
    "space-in-name": (sip.request(headers=["Sub ject: a"]), {"header_name"}),
    "8-bit-in-name": (sip.request(headers=["S\u00fc: a"]), {"header_name", "control_character"}),
    "no-colon": (sip.request(headers=["Subject"]), {"header_name"}),
    "no-name": (sip.request(headers=[": a"]), {"header_name"}),
    "double-space": (sip.request(uri=" sip:a"), {"start_line"}),
    "no-uri": (b"OPTIONS SIP/2.0\r\n" + sip.request().partition(b"\r\n")[2], {"start_line", "not_sip"}),
}


@pytest.mark.parametrize("data,reasons", BROKEN.values(), ids=BROKEN)
def test_a_header_that_is_not_of_the_grammar_is_refused(sipweir, backend, data, reasons):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial().send(data)
    one.wait_end()
    assert not one.data or sip.Message(one.data).status == 400, one.data
    assert weir.wait_for("sip.bad")["reason"] in reasons
    assert behind.connections == []


def test_a_line_feed_before_a_message_is_refused(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial().send(b"\n\n" + sip.request())
    one.wait_end()
    assert b"200" not in one.data
    assert behind.messages == []


NOT_UNDERSTOOD = {
    "no-via": ({"via": None}, "missing_via"),
    "no-from": ({"from": None}, "missing_from"),
    "no-to": ({"to": None}, "missing_to"),
    "no-call-id": ({"call_id": None}, "missing_call_id"),
    "no-cseq": ({"cseq": None}, "cseq"),
    "cseq-of-another-method": ({"cseq": "1 INVITE"}, "cseq"),
    "cseq-too-large": ({"cseq": "2147483648 OPTIONS"}, "cseq"),
}


@pytest.mark.parametrize("replace,reason", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_a_first_request_that_is_not_understood_is_not_forwarded(sipweir, backend, replace, reason):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial().send(sip.request(**replace))
    assert weir.wait_for("sip.bad", peer=one.local)["reason"] == reason
    answerable = None not in replace.values()  # an answer copies all five of these headers
    if answerable:
        assert one.receive().status == 400
    one.half_close().wait_end()
    assert one.data == b""
    assert behind.connections == []


def test_a_client_may_be_misunderstood_and_go_on_but_not_for_ever(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    one = weir.dial()
    for _ in range(3):
        assert one.ask(cseq="1 INVITE").status == 400
    assert one.ask().status == 200
    stranger = weir.dial()
    for _ in range(100):
        stranger.send(sip.request(cseq="1 INVITE"))
    stranger.wait_end()
    assert stranger.data.count(b"SIP/2.0 400") < 100
    assert weir.wait_for("connection.closed", peer=stranger.local)["reason"] == "sip_bad"
    assert len(behind.connections) == 1


@pytest.mark.parametrize("version,status", [("SIP/7.0", 505), ("SIP/3.0", 505), ("SIP/2.0.0.1", 400)])
def test_another_version_is_refused(sipweir, backend, version, status):
    behind = backend()
    weir = sipweir([behind])
    data = sip.request().replace(b" SIP/2.0\r\n", f" {version}\r\n".encode(), 1)
    check_refused(weir, behind, data, status, {"version" if status == 505 else "start_line"})


@pytest.mark.parametrize(
    "request_line",
    [
        "OPTIONS sip:a sip/2.0",
        "OPTIONS urn:service:sos SIP/2.0",
        "INVITE tel:+4930123456 SIP/2.0",
        "X-UNHEARD.OF sip:a;lr;x=%41@[2001:db8::1]:5060?subject=x SIP/2.0",
        "OPTIONS sips:a@example.com;transport=tcp SIP/2.0",
    ],
)
def test_what_is_odd_and_legal_passes(sipweir, backend, request_line):
    behind = backend()
    weir = sipweir([behind])
    method = request_line.split()[0]
    data = request_line.encode() + b"\r\n" + sip.request(method).partition(b"\r\n")[2]
    assert weir.dial().ask(data).status == 200
    assert behind.messages[0].raw == data


def test_a_scheme_that_is_not_listed_is_answered_416(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"schemes": ["sip", "sips"]})
    one = weir.dial()
    assert one.ask(uri="tel:+4930123456").status == 416
    assert behind.connections == []
    assert weir.dial().ask(uri="SIP:a").status == 200


# Bounds


def sized(size):
    """A request of exactly `size` bytes, most of them body."""
    head = len(sip.request("MESSAGE", body=b"x" * 1000)) - 1000
    return sip.request("MESSAGE", body=b"x" * (size - head))


def test_a_message_of_max_message_bytes_passes_and_one_more_is_refused(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"max_message": "4K", "max_header_bytes": "2K"})
    fits, over = sized(4096), sized(4097)
    assert (len(fits), len(over)) == (4096, 4097)
    assert weir.dial().ask(fits).status == 200
    one = weir.dial().send(over)
    assert one.receive().status == 513
    one.wait_end()
    assert weir.wait_for("sip.bad")["reason"] == "max_message"
    assert [m.raw for m in behind.messages] == [fits]


def test_a_message_that_its_servers_do_not_take_is_answered_513_and_the_next_one_passes(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], pool={"max_message": "2K"})
    one = weir.dial()
    assert one.ask(sized(2049)).status == 513
    assert one.ask(sized(2048)).status == 200
    assert one.ask(sized(2049)).status == 513
    assert one.ask().status == 200
    assert [len(m.raw) > 2048 for m in behind.messages] == [False, False]


def test_a_message_too_large_is_refused_by_its_length_alone(sipweir):
    weir = sipweir(sip={"max_message": "4K", "max_header_bytes": "2K"})
    one = weir.dial().send(sip.request("MESSAGE", content_length="100000"))
    assert one.receive().status == 513
    one.wait_end()


def grown(size):
    """A request whose header section has exactly `size` bytes."""
    short = sip.request(headers=["Subject: "])
    return short.replace(b"Subject: ", b"Subject: " + b"x" * (size - len(short)))


def test_max_header_bytes_is_exact(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"max_header_bytes": "1K"})
    assert weir.dial().ask(grown(1024)).status == 200
    one = weir.dial().send(grown(1025))
    one.wait_end()
    assert weir.wait_for("sip.bad")["reason"] == "max_header_bytes"
    assert len(behind.messages) == 1


def test_a_header_without_end_is_refused_at_its_bound(sipweir):
    weir = sipweir(sip={"max_header_bytes": "1K"})
    one = weir.dial().send(b"OPTIONS sip:a SIP/2.0\r\nSubject: " + b"x" * 2000)
    one.wait_end()
    assert weir.wait_for("sip.bad")["reason"] == "max_header_bytes"


@pytest.mark.parametrize("data", [b"A" * 100000, b"OPTIONS " + b"x" * 100000], ids=["word", "uri"])
def test_a_first_line_without_end_is_refused(sipweir, data):
    weir = sipweir()
    weir.dial().send(data).wait_end()
    assert weir.wait_for("sip.bad")["reason"] in {"max_header_bytes", "not_sip", "start_line"}


def test_max_headers_is_exact(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], sip={"max_headers": 20})
    usual = len(sip.Message(sip.request()).lines)
    fits, over = (sip.request(headers=["X: y"] * (20 - usual + more)) for more in (0, 1))
    assert weir.dial().ask(fits).status == 200
    weir.dial().send(over).wait_end()
    assert weir.wait_for("sip.bad")["reason"] == "max_headers"
    assert len(behind.messages) == 1


@pytest.mark.parametrize("separator", [";", ",", "&", ";\r\n "], ids=["semicolon", "comma", "and", "folded"])
def test_max_parameters_is_exact(sipweir, backend, separator):
    behind = backend()
    weir = sipweir([behind], sip={"max_parameters": 10})
    fits, over = (sip.request(headers=["Accept: a" + f"{separator}b=c" * n]) for n in (10, 11))
    assert weir.dial().ask(fits).status == 200
    weir.dial().send(over).wait_end()
    assert weir.wait_for("sip.bad")["reason"] == "max_parameters"
    assert len(behind.messages) == 1


def test_a_message_that_is_hard_to_read_costs_little(sipweir):
    """libosip2 is quadratic in parameters: what bounds them must come before it."""
    weir = sipweir(sip={"max_header_bytes": "64K"})
    began = time.monotonic()
    for _ in range(50):
        weir.dial().send(sip.request(headers=["Accept: a" + ";a=b" * 15000])).wait_end()
    assert time.monotonic() - began < wait.seconds(2.5)
