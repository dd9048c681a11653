# SPDX-License-Identifier: BSD-2-Clause
"""SIP messages: made, cut out of a stream, and looked at. As plain as a test needs, and no judge of syntax."""
import itertools
import os
import re

_numbers = itertools.count(1)
_run = os.urandom(4).hex()
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)", re.I | re.M)


def request(method="OPTIONS", uri="sip:sipweir.test", body=b"", headers=(), **replace):
    """
    The bytes of a request, unlike any other made in this run. `headers` are more lines ("Name: value");
    `replace` changes a line by its name with underscores, None leaves it out: cseq="2 BYE", content_length=None.
    """
    n = next(_numbers)
    lines = {
        "Via": f"SIP/2.0/TCP phone.test:5060;branch=z9hG4bK{_run}{n}",
        "Max-Forwards": "70",
        "From": f"<sip:alice@sipweir.test>;tag=f{n}",
        "To": "<sip:bob@sipweir.test>",
        "Call-ID": f"{_run}-{n}@phone.test",
        "CSeq": f"1 {method}",
        "Contact": "<sip:alice@phone.test;transport=tcp>",
        "Content-Length": str(len(body)),
    }
    for name, value in replace.items():
        lines[next(k for k in lines if k.lower().replace("-", "_") == name)] = value
    head = [f"{method} {uri} SIP/2.0"]
    for name, value in lines.items():
        if name == "Content-Length":
            head += headers
        if value is not None:
            head.append(f"{name}: {value}")
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def reply(message, status=200, reason="OK", body=b"", headers=()):
    """The bytes of a response to a Message."""
    to = message.header("To")
    lines = [f"SIP/2.0 {status} {reason}"]
    lines += [f"Via: {v}" for v in message.all("Via")]
    lines += [f"From: {message.header('From')}", f"To: {to if ';tag=' in to else to + ';tag=server'}"]
    lines += [f"Call-ID: {message.header('Call-ID')}", f"CSeq: {message.header('CSeq')}", *headers]
    lines += [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Message:
    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.start, _, rest = head.decode("latin-1").partition("\r\n")
        self.lines = re.sub(r"\r\n[ \t]+", " ", rest).split("\r\n")

    @property
    def status(self):
        first, _, rest = self.start.partition(" ")
        return int(rest[:3]) if first.upper() == "SIP/2.0" else None

    @property
    def method(self):
        return None if self.status else self.start.split(" ")[0]

    @property
    def call_id(self):
        return self.header("Call-ID")

    def all(self, name):
        short = {"via": "v", "from": "f", "to": "t", "call-id": "i", "content-length": "l"}.get(name.lower(), name)
        parts = (line.partition(":") for line in self.lines)
        return [v.strip() for k, _, v in parts if k.strip().lower() in (name.lower(), short.lower())]

    def header(self, name):
        return next(iter(self.all(name)), "")

    def __repr__(self):
        return f"<{self.start} {self.call_id}>"


def cut(data):
    """
    The first thing in data: (kind, bytes) with kind "message", "ping" (a double CRLF) or "pong" (a single one);
    None while it is not whole.
    """
    if data[:1] in (b"\r", b"\n"):
        if data.startswith(b"\r\n\r\n"):
            return "ping", data[:4]
        if data.startswith(b"\r\n") and len(data) > 2 and data[2:3] != b"\r":
            return "pong", data[:2]
        return None if b"\r\n\r\n".startswith(data[:4]) else ("noise", data[:1])
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    m = _LENGTH.search(data, 0, end + 2)
    whole = end + 4 + (int(m.group(1)) if m else 0)
    return ("message", data[:whole]) if len(data) >= whole else None
