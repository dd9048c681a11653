# SPDX-License-Identifier: BSD-2-Clause
"""A phone's side of one TCP connection, with a deadline on every wait."""
import select
import socket
import struct
import time

from . import ports, sip, wait


class Phone:
    def __init__(self, address, header=b"", bind=None, receive_buffer=None):
        host, port = ports.split(address)
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if bind:
            self.socket.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            self.socket.bind((bind, 0))
        self.socket.settimeout(wait.seconds(10))
        self.socket.connect((host, port))
        self.local = "%s:%d" % self.socket.getsockname()[:2]
        self.data = b""
        if header:
            self.socket.sendall(header)

    def send(self, data):
        self.socket.sendall(data)
        return self

    def drip(self, data):
        """Byte by byte, each in a segment of its own as far as the kernel lets us."""
        for i in range(len(data)):
            self.socket.sendall(data[i : i + 1])
        return self

    def _more(self, end, what):
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            raise AssertionError(f"{what} did not come; there is {self.data[:300]!r}")
        data = self.socket.recv(65536)
        self.data += data
        return data

    def receive(self, within=5.0):
        """The next whole message. Anything but a message is an error."""
        end = time.monotonic() + wait.seconds(within)
        while True:
            found = sip.cut(self.data)
            if found:
                kind, raw = found
                self.data = self.data[len(raw) :]
                assert kind == "message", f"{kind} {raw!r} instead of a message"
                return sip.Message(raw)
            if not self._more(end, "a message"):
                raise AssertionError(f"closed in place of a message; there is {self.data[:300]!r}")

    def receive_bytes(self, count, within=5.0):
        end = time.monotonic() + wait.seconds(within)
        while len(self.data) < count:
            if not self._more(end, f"{count} bytes"):
                raise AssertionError(f"closed after {len(self.data)} of {count} bytes: {self.data[-300:]!r}")
        out, self.data = self.data[:count], self.data[count:]
        return out

    def ask(self, data=None, within=5.0, **request):
        """Send a request and return the answer to it."""
        data = data or sip.request(**request)
        self.send(data)
        answer = self.receive(within)
        assert answer.call_id == sip.Message(data).call_id, f"an answer to another request: {answer.raw!r}"
        return answer

    def ping(self, within=5.0):
        self.send(b"\r\n\r\n")
        pong = self.receive_bytes(2, within)
        assert pong == b"\r\n", f"{pong!r} instead of a pong"

    def wait_end(self, within=5.0):
        """How it ended, "fin" or "rst". What came before stays in self.data."""
        end = time.monotonic() + wait.seconds(within)
        try:
            while self._more(end, "the end of the connection"):
                pass
            return "fin"
        except (ConnectionResetError, BrokenPipeError):
            return "rst"

    def is_open(self, quiet_for=0.0):
        """True when the other side has not ended it (and what there is to read stays)."""
        if not select.select([self.socket], [], [], quiet_for)[0]:
            return True
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except ConnectionResetError:
            return False

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.socket.close()

    def reset(self):
        """Leave with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
