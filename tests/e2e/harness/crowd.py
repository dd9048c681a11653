# SPDX-License-Identifier: BSD-2-Clause
"""
Many callers from several processes at once, each behind a PROXY header of its own source.

A process is told what to do in lines of JSON on its standard input and answers each with one on its output.
"""
import json
import pathlib
import select
import socket
import struct
import subprocess
import sys

if __package__:
    from . import proxy, sip, wait
else:  # run as a program
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    from harness import proxy, sip, wait


class Crowd:
    """`processes` of callers. call() makes each open `each` connections from each source."""

    def __init__(self, processes):
        self.callers = [
            subprocess.Popen(
                [sys.executable, str(pathlib.Path(__file__).resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]

    def _tell(self, order):
        for one in self.callers:
            one.stdin.write(json.dumps(order) + "\n")
            one.stdin.flush()
        answers = []
        for one in self.callers:
            ready, _, _ = select.select([one.stdout], [], [], wait.seconds(60))
            assert ready, "a process of callers does not answer"
            answers.append(json.loads(one.stdout.readline()))
        return answers

    def call(self, address, sources, each):
        """{source: [admitted, refused]}, once every caller knows; who was admitted stays connected."""
        host, _, port = address.rpartition(":")
        result = {source: [0, 0] for source in sources}
        for answer in self._tell({"do": "call", "to": [host, int(port)], "sources": sources, "each": each}):
            for source, (admitted, refused) in answer.items():
                result[source][0] += admitted
                result[source][1] += refused
        return result

    def leave(self, how):
        """All hang up: "close" or "reset"."""
        self._tell({"do": "leave", "how": how})

    def hammer(self, address, sources, times):
        """Connect, say who it is (each in turn), be refused, `times` in each process; returns how many were refused."""
        host, _, port = address.rpartition(":")
        return sum(self._tell({"do": "hammer", "to": [host, int(port)], "sources": sources, "times": times}))

    def stop(self):
        for one in self.callers:
            one.stdin.close()
            one.wait()
            one.stdout.close()


LINGER_RESET = struct.pack("ii", 1, 0)


def _open(to, source, number):
    s = socket.create_connection(tuple(to), wait.seconds(20))
    s.settimeout(wait.seconds(20))
    s.sendall(proxy.v2(source, 10000 + number % 50000) + sip.request())
    return s


def _is_admitted(s):
    """An answer, or the end of the connection."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            more = s.recv(4096)
            if not more:
                return False
            data += more
    except ConnectionResetError:
        return False
    return data.startswith(b"SIP/2.0 ")


def _call(order, held):
    asked = [(src, _open(order["to"], src, n)) for n in range(order["each"]) for src in order["sources"]]
    result = {source: [0, 0] for source in order["sources"]}
    for source, s in asked:
        admitted = _is_admitted(s)
        result[source][0 if admitted else 1] += 1
        held.append(s) if admitted else s.close()
    return result


def _leave(order, held):
    for s in held:
        if order["how"] == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        s.close()
    held.clear()
    return len(held)


def _hammer(order, held):
    headers = [proxy.v2(source) for source in order["sources"]]
    to, refused, window = tuple(order["to"]), 0, []
    for n in range(order["times"]):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        s.connect(to)
        s.sendall(headers[n % len(headers)])
        window.append(s)
        if len(window) == 32:
            refused += _ended(window)
    return refused + _ended(window)


def _ended(window):
    """Wait until all of them are ended by the other side."""
    ended = 0
    for s in window:
        s.settimeout(wait.seconds(20))
        try:
            ended += s.recv(1) == b""
        except ConnectionResetError:
            ended += 1
        s.close()
    window.clear()
    return ended


def main():
    held = []
    for line in sys.stdin:
        order = json.loads(line)
        do = {"call": _call, "leave": _leave, "hammer": _hammer}[order["do"]]
        print(json.dumps(do(order, held)), flush=True)


if __name__ == "__main__":
    main()
