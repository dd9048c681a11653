# SPDX-License-Identifier: BSD-2-Clause
"""Nothing that one parser takes for a body and another for a request passes: Kamailio sees as many requests as sipweir."""
import pytest

from harness import http, kamailio, phone, sip

# There is one Kamailio for all of them, which counts: no two at once.
pytestmark = pytest.mark.xdist_group("smuggling")

ZERO = "Content-Length: 0"
INSIDE = "Content-Length: {n}"

# Header lines of a request that is followed by n bytes, which are a request themselves. Who reads the wrong line, or
# the right one wrongly, takes these bytes for the next request.
LENGTHS = {
    "two-equal": [INSIDE, INSIDE],
    "zero-first": [ZERO, INSIDE],
    "zero-last": [INSIDE, ZERO],
    "short-zero-first": ["l: 0", INSIDE],
    "short-zero-last": [INSIDE, "l: 0"],
    "list-zero-first": ["Content-Length: 0,{n}"],
    "list-zero-last": ["Content-Length: {n},0"],
    "plus": ["Content-Length: +{n}"],
    "letters": ["Content-Length: {n}abc"],
    "zero-and-letters": ["Content-Length: 0abc", INSIDE],
    "parameter": ["Content-Length: {n};x=1"],
    "zero-and-parameter": ["Content-Length: 0;x=1", INSIDE],
    "junk": ["Content-Length: {n} junk"],
    "zero-and-junk": ["Content-Length: 0 {n}"],
    "hexadecimal": ["Content-Length: {n:#x}"],
    "octal": ["Content-Length: 0{n:o}"],
    "negative": ["Content-Length: -{n}"],
    "negative-large": ["Content-Length: -999"],
    "minus-zero": ["Content-Length: -0", INSIDE],
    "empty": ["Content-Length:"],
    "empty-first": ["Content-Length:", INSIDE],
    "empty-last": [INSIDE, "Content-Length: "],
    "leading-zeros": ["Content-Length: 00000{n}"],
    "2^32": ["Content-Length: 4294967296"],
    "2^32+n": ["Content-Length: {n32}"],
    "2^64": ["Content-Length: 18446744073709551616"],
    "2^64+n": ["Content-Length: {n64}"],
    "99999999999": ["Content-Length: 99999999999"],
    "missing": [],
    "folded-value": ["Content-Length:\r\n {n}"],
    "folded-zero": ["Content-Length:\r\n 0", INSIDE],
    "fold-behind-zero": ["Content-Length: 0\r\n {n}"],
    "fold-in-digits": ["Content-Length: 0\r\n\t", INSIDE],
    "fold-under-another-header": [INSIDE, "Subject: x\r\n Content-Length: 0"],
    "fold-under-another-header-first": ["Subject: x\r\n Content-Length: 0", INSIDE],
    "short-fold-under-another-header": ["Subject: x\r\n\tl: 0", INSIDE],
    "fold-under-a-header-that-is-taken-out": ["X-AUTH-IP: x\r\n Content-Length: 0", INSIDE],
    "underscore": ["Content_Length: 0", INSIDE],
    "underscore-last": [INSIDE, "Content_Length: 0"],
    "space-in-the-name": ["Content Length: 0", INSIDE],
    "space-in-the-name-alone": ["Content Length: {n}"],
    "space-before-the-colon": ["Content-Length \t: {n}"],
    "short-space-before-the-colon": ["l : {n}"],
    "control-before-the-colon": ["Content-Length\x01: 0", INSIDE],
    "control-before-the-colon-of-the-only-one": ["Content-Length\x01: {n}"],
    "vertical-tab-before-the-digits": ["Content-Length:\x0b{n}"],
    "8-bit-space-before-the-colon": ["Content-Length\u00a0: 0", INSIDE],
    "nul-in-a-header": ["Subject: a\0b", INSIDE],
    "nul-before-the-length": ["Subject: \0\r\nContent-Length: 0", INSIDE],
    "nul-in-the-name": ["Content-Length\0: 0", INSIDE],
    "nul-behind-the-digits": ["Content-Length: {n}\0"],
    "nul-between-digits": ["Content-Length: 0\0{n}"],
    "bare-cr": ["Subject: a\rContent-Length: 0", INSIDE],
    "bare-cr-at-the-length": [ZERO + "\r" + INSIDE],
    "bare-lf": ["Subject: a\nContent-Length: 0", INSIDE],
    "bare-lf-at-the-length": [INSIDE + "\n" + ZERO],
    "cr-cr-lf": ["Subject: a\r", INSIDE],
    "lf-cr": ["Subject: a\n\rContent-Length: 0", INSIDE],
    "no-colon": ["Content-Length 0", INSIDE],
    "colon-before-the-name": [":Content-Length: 0", INSIDE],
    "in-quotes": ['Subject: "a\r\n', INSIDE],
    "chunked": ["Transfer-Encoding: chunked", INSIDE],
    "chunked-alone": ["Transfer-Encoding: chunked"],
}


def carrier(lines, n, **more):
    """A request with these lines, {n} in them being the length of what comes behind it."""
    values = {"n": n, "n32": 2**32 + n, "n64": 2**64 + n}
    return sip.request(headers=[line.format(**values) for line in lines], content_length=None, **more)


def with_lengths(lines):
    return lambda smuggled: carrier(lines, len(smuggled)) + smuggled


def first_line(line):
    """`line` where only the request line may stand."""
    return lambda smuggled: line + b"\r\n" + carrier([INSIDE], len(smuggled)).partition(b"\r\n")[2] + smuggled


def all_lines_end_in(end):
    return lambda smuggled: carrier([INSIDE], len(smuggled)).replace(b"\r\n", end) + smuggled


def headers_end_in(end):
    """An end of the headers that is none, and a true one behind the request that this hides or shows."""
    return lambda smuggled: carrier([ZERO], 0)[:-4] + end + smuggled


def length_says_less(smuggled):
    """The end of the body stands behind what it says, and before a request."""
    return carrier([INSIDE], len(smuggled)) + smuggled + b"\r\nOPTIONS "


FORMS = {name: with_lengths(lines) for name, lines in LENGTHS.items()}
FORMS |= {
    "fold-under-the-request-line": first_line(b"OPTIONS sip:a SIP/2.0\r\n Content-Length: 0"),
    "white-space-before-the-first-header": first_line(b"OPTIONS sip:a SIP/2.0\r\n\tSubject: x"),
    "request-line-that-is-a-length": first_line(b"l :0 SIP/2.0"),
    "request-line-that-is-a-length-without-space": first_line(b"l:0 sip:a SIP/2.0"),
    "request-line-that-is-a-long-length": first_line(b"Content-Length: 0 SIP/2.0"),
    "request-line-with-nul": first_line(b"OPTIONS sip:a\0 SIP/2.0"),
    "request-line-folded": first_line(b"OPTIONS\r\n sip:a SIP/2.0"),
    "request-line-with-bare-cr": first_line(b"OPTIONS sip:a SIP/2.0\rContent-Length: 0"),
    "request-line-with-bare-lf": first_line(b"OPTIONS sip:a SIP/2.0\nContent-Length: 0"),
    "all-lf": all_lines_end_in(b"\n"),
    "all-cr": all_lines_end_in(b"\r"),
    "all-lf-cr": all_lines_end_in(b"\n\r"),
    "headers-end-in-lf-lf": headers_end_in(b"\n\n"),
    "headers-end-in-cr-cr": headers_end_in(b"\r\r"),
    "headers-end-in-crlf-lf": headers_end_in(b"\r\n\n"),
    "headers-end-in-lf-crlf": headers_end_in(b"\n\r\n"),
    "headers-end-in-cr-crlf": headers_end_in(b"\r\r\n"),
    "headers-end-in-white-space": headers_end_in(b"\r\n \r\n"),
    "body-longer-than-it-says": length_says_less,
}
# By these Debian's Kamailio is deceived when it stands alone.
DECEIVED = {
    *("zero-first", "short-zero-first", "zero-and-junk", "2^32", "2^64", "underscore", "nul-before-the-length"),
    *("fold-behind-zero", "fold-in-digits", "fold-under-another-header-first", "short-fold-under-another-header"),
    *("fold-under-a-header-that-is-taken-out", "bare-lf", "bare-cr-at-the-length", "all-cr"),
    *("request-line-that-is-a-length", "request-line-that-is-a-length-without-space"),
    *("request-line-that-is-a-long-length", "request-line-with-bare-lf", "headers-end-in-lf-lf"),
    *("headers-end-in-crlf-lf", "headers-end-in-lf-crlf"),
}


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    """A Kamailio that tells the Call-ID of each request that it takes for one."""
    one = kamailio.Kamailio(tmp_path_factory.mktemp("counter"))
    yield one
    one.stop()


def hidden():
    """(a request that must never be one, its Call-ID)"""
    data = sip.request()
    return data, sip.Message(data).call_id


def forwarded(weir):
    return http.metrics(weir).sum("sipweir_messages_total", direction="in", kind="request")


def attack(dial, form):
    """
    The form on a fresh connection, behind a valid request that has been answered, and in one write with one, each
    with a valid request in its tail. Returns the Call-IDs that must not be seen.
    """
    marks = []
    for before in (b"", "answered", "in one write"):
        data, mark = hidden()
        one = dial()
        if before == "answered":
            assert one.ask().status == 200
            before = b""
        elif before:
            before = sip.request()
        one.send(before + form(data) + sip.request()).half_close().wait_end()
        marks.append(mark)
    return marks


def check_counts(counter, weir, form):
    before = len(counter.calls())
    marks = attack(weir.dial, form)
    weir.log.wait_for("connection.closed", count=3)
    counter.wait_idle()
    seen = counter.calls()[before:]
    assert not set(marks) & set(seen), "smuggled"
    assert len(seen) == forwarded(weir) >= 1, seen


@pytest.mark.parametrize("mode", ["enforce", "observe"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_request_within_another_is_no_request_to_kamailio(sipweir, counter, form, mode):
    check_counts(counter, sipweir([counter.address], admin={"http": "127.0.0.1:0"}, sip={"mode": mode}), form)


def test_kamailio_alone_is_deceived(counter):
    """Else the tests above would prove nothing."""
    found = set()
    for name, form in FORMS.items():
        marks = attack(lambda: phone.Phone(counter.address), form)
        counter.wait_idle()
        if set(marks) & set(counter.calls()):
            found.add(name)
    assert DECEIVED <= found
