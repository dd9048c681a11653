# SPDX-License-Identifier: BSD-2-Clause
"""Asking over HTTP as plainly as can be, and a reader of Prometheus' text format that forgives nothing."""
import re
import socket

from . import ports, wait

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\d+(?:\.\d+)?)")
_OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def dial(address, timeout=5):
    host, port = ports.split(address)
    return socket.create_connection((host, port), wait.seconds(timeout))


def read(s):
    """All that comes until the end; a reset is an end."""
    data = b""
    try:
        while more := s.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.raw = raw
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if raw else None
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}

    @property
    def text(self):
        return self.body.decode()


def ask(address, path, method="GET", header=b"", lines=()):
    """The whole answer; status None when the connection ended without one. `header` goes before the request."""
    request = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *lines, "", ""]).encode()
    with dial(address) as s:
        try:
            s.sendall(header + request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return Answer(read(s))


class Metrics:
    """A page of metrics. Everything that Prometheus would refuse or warn of is an error."""

    def __init__(self, text):
        self.types, self.samples = {}, {}
        assert text.endswith("\n")
        helped = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                helped, told = line[7:].split(" ", 1)
                assert told and helped not in self.types, line
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name == helped and kind in ("counter", "gauge", "histogram"), line
                assert (kind == "counter") == name.endswith("_total"), line
                self.types[name] = kind
            else:
                self._take(line, helped)
        self._check_histograms()

    def _take(self, line, current):
        found = _SAMPLE.fullmatch(line)
        assert found, f"no sample: {line!r}"
        name, labels, value = found.groups()
        owner = _OF_HISTOGRAM.sub("", name) if self.types.get(current) == "histogram" else name
        assert owner == current and owner in self.types, f"{name} is not below its own HELP and TYPE"
        assert (owner == name) == (self.types[owner] != "histogram"), line
        pairs = re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', labels or "")
        assert len(dict(pairs)) == len(pairs), line
        key = (name, tuple(sorted(pairs)))
        assert key not in self.samples, f"twice: {line}"
        self.samples[key] = float(value) if name.endswith("_sum") else int(value)

    def _check_histograms(self):
        """Buckets ascend, each holds those before it, and the last holds all."""
        for (name, pairs), count in self.samples.items():
            if not name.endswith("_count") or self.types.get(name[:-6]) != "histogram":
                continue
            buckets = [
                (float(dict(p)["le"]), v)
                for (n, p), v in self.samples.items()
                if n == name[:-6] + "_bucket" and set(pairs) == {(k, t) for k, t in p if k != "le"}
            ]
            assert buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets), name
            assert buckets[-1] == (float("inf"), count) and (name[:-6] + "_sum", pairs) in self.samples, name

    def sum(self, name, **labels):
        """Of all samples with these labels, whatever others they have; they must exist where the metric has labels at all."""
        assert name in self.types or _OF_HISTOGRAM.sub("", name) in self.types, f"there is no {name}"
        return sum(v for (n, pairs), v in self.samples.items() if n == name and labels.items() <= dict(pairs).items())

    def values(self, name, label):
        """{value of the label: number}, where that is not 0."""
        found = {}
        for (n, pairs), v in self.samples.items():
            if n == name and v:
                key = dict(pairs).get(label, "")
                found[key] = found.get(key, 0) + v
        return found


def metrics(weir):
    """What the program shows now. weir: a Sipweir with admin.http."""
    answer = ask(weir.address_of("admin.http"), "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)
    return Metrics(answer.text)
