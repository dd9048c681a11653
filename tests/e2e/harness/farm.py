# SPDX-License-Identifier: BSD-2-Clause
"""
Quick SIP servers and a quick client, each in a process of its own, that note what became of every request by its Call-ID.

Told what to do in lines of JSON on standard input, they answer each with one on standard output.
"""
import collections
import json
import pathlib
import selectors
import socket
import subprocess
import sys
import time

if __package__:
    from . import wait
else:  # run as a program
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    from harness import wait

END = b"\r\n\r\n"


class _Process:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).resolve()), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, within=20, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.hear(within)

    def hear(self, within=20):
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            assert ready.select(wait.seconds(within)), "a process of the farm does not answer"
        line = self.process.stdout.readline()
        assert line, f"a process of the farm has ended with {self.process.wait()}"
        return json.loads(line)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Server(_Process):
    """At `address`, with so many callers at most waiting to be accepted. Answers 200."""

    def __init__(self, backlog=1024):
        super().__init__("server", backlog)
        self.address = self.hear()["address"]

    def report(self):
        """{"accepted": so many connections, "seen": {Call-ID: times}} of all requests but sipweir's own."""
        return self.ask(60)


class Client(_Process):
    """`connections` that ask one request after the other, `requests` in all, each until it is answered."""

    def __init__(self, address, connections, requests):
        super().__init__("client", address, connections, requests)

    def progress(self):
        """How many have been answered."""
        return self.ask()["answered"]

    def report(self):
        """{"answers": {Call-ID: status}, "ended": times that a connection ended with a request due, "faults": [...], "longest": seconds}"""
        return self.ask(60, finish=True)


# --- as programs ---


def _tell(what):
    print(json.dumps(what), flush=True)


def _value(message, name):
    at = message.find(b"\r\n" + name + b":")
    return message[at + len(name) + 3 : message.find(b"\r\n", at + 2)].strip() if at >= 0 else b""


def _reply(message):
    lines = [b"SIP/2.0 200 OK"]
    lines += [name + b": " + _value(message, name) for name in (b"Via", b"From")]
    lines += [b"To: " + _value(message, b"To") + b";tag=farm"]
    lines += [name + b": " + _value(message, name) for name in (b"Call-ID", b"CSeq")]
    return b"\r\n".join([*lines, b"Content-Length: 0"]) + END


def _cut(one, rest):
    """(whole messages, the rest) of what has come; None: it has ended."""
    try:
        data = one.recv(65536)
    except ConnectionResetError:
        data = b""
    *messages, rest = (rest + data).split(END)
    return (messages, rest) if data else None


class _Serving:
    def __init__(self, backlog):
        self.seen, self.accepted, self.rest = collections.Counter(), 0, {}
        self.ready = selectors.DefaultSelector()
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen(backlog)
        self.ready.register(self.listening, selectors.EVENT_READ, self.accept)
        self.ready.register(sys.stdin, selectors.EVENT_READ, None)
        _tell({"address": "127.0.0.1:%d" % self.listening.getsockname()[1]})

    def accept(self, _):
        one, _ = self.listening.accept()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepted += 1
        self.rest[one] = b""
        self.ready.register(one, selectors.EVENT_READ, self.hear)

    def hear(self, one):
        came = _cut(one, self.rest[one])
        if not came:
            self.ready.unregister(one)
            one.close()
            del self.rest[one]
            return
        messages, self.rest[one] = came
        for message in messages:
            self.answer(one, message.lstrip(b"\r\n"))

    def answer(self, one, message):
        if not message:
            return  # a ping
        if _value(message, b"User-Agent") != b"sipweir":
            self.seen[_value(message, b"Call-ID").decode()] += 1
        try:
            one.sendall(_reply(message))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def run(self):
        while True:
            for key, _ in self.ready.select():
                if key.data:
                    key.data(key.fileobj)
                elif not sys.stdin.readline():
                    return
                else:
                    _tell({"accepted": self.accepted, "seen": self.seen})


class _Asking:
    def __init__(self, address, connections, requests):
        host, _, port = address.rpartition(":")
        self.to, self.left, self.next = (host, int(port)), requests, 0
        self.answers, self.faults, self.ended, self.longest = {}, [], 0, 0.0
        self.due, self.data, self.numbers = {}, {}, {}
        self.ready = selectors.DefaultSelector()
        self.ready.register(sys.stdin, selectors.EVENT_READ, None)
        for n in range(connections):
            self.connect(n)

    def connect(self, n, call=None):
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        one.bind((f"127.7.{n // 250}.{n % 250 + 1}", 0))
        one.connect(self.to)
        self.numbers[one], self.data[one] = n, b""
        self.ready.register(one, selectors.EVENT_READ, one)
        self.ask(one, call)

    def ask(self, one, call=None):
        """The next request, or one whose connection has ended, once more."""
        if call is None:
            if not self.left:
                self.due[one] = None
                return
            self.left -= 1
            self.next += 1
            call = f"farm-{self.next}", time.monotonic()
        self.due[one] = call
        name = call[0]
        request = (
            f"OPTIONS sip:farm SIP/2.0\r\nVia: SIP/2.0/TCP farm:5060;branch=z9hG4bK{name}\r\nFrom: <sip:a@farm>;tag={name}\r\n"
            f"To: <sip:b@farm>\r\nCall-ID: {name}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        try:
            one.sendall(request.encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # its end will be read

    def hear(self, one):
        came = _cut(one, self.data[one])
        if not came:
            self.end(one)
            return
        messages, self.data[one] = came
        for message in messages:
            self.take(one, message)

    def take(self, one, message):
        call = self.due[one]
        if not call or _value(message, b"Call-ID").decode() != call[0] or call[0] in self.answers:
            self.faults.append(f"{call} was due, and what came is {message!r}")
            return
        self.answers[call[0]] = int(message[8:11])
        self.longest = max(self.longest, time.monotonic() - call[1])
        self.ask(one)

    def end(self, one):
        call, n = self.due.pop(one), self.numbers.pop(one)
        del self.data[one]
        self.ready.unregister(one)
        one.close()
        self.ended += call is not None
        if call or self.left:
            self.connect(n, call)

    def run(self):
        finish = False
        while not finish or len(self.answers) < self.next or self.left:
            for key, _ in self.ready.select():
                if key.data:
                    self.hear(key.data)
                    continue
                line = sys.stdin.readline()
                if not line:
                    return
                finish = "finish" in json.loads(line)
                if not finish:
                    _tell({"answered": len(self.answers)})
        _tell({"answers": self.answers, "ended": self.ended, "faults": self.faults, "longest": self.longest})


if __name__ == "__main__":
    if sys.argv[1] == "server":
        _Serving(int(sys.argv[2])).run()
    else:
        _Asking(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run()
