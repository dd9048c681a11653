# SPDX-License-Identifier: BSD-2-Clause
"""A phone's side of one TCP connection, with a deadline on every wait."""
import select
import socket
import struct
import time

from . import ports, sip, wait


class Phone:
    def __init__(self, address, header=b"", bind=None, receive_buffer=None, over=None):
        """`over`: an unconnected socket, from elsewhere, to be used instead of one of our own."""
        host, port = ports.split(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = over or socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if bind:
            self.socket.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            self.socket.bind((bind, 0))
        self.socket.settimeout(wait.seconds(10))
        self.data = b""
        self._is_reset = False
        try:
            self.socket.connect((host, port))
        except ConnectionResetError:  # accepted and refused already
            self._is_reset = True
        self.local = "%s:%d" % self.socket.getsockname()[:2]
        self.send(header)

    def send(self, data):
        """All of it, or as much as the other side lets us: a refusal may come at any moment, and is read, not raised."""
        try:
            self.socket.sendall(data)
        except ConnectionResetError:
            self._is_reset = True
        except BrokenPipeError:
            pass
        return self

    def drip(self, data, gap=0.0):
        """Byte by byte, with `gap` seconds between two. Stops early when the other side ends the connection."""
        for i in range(len(data)):
            self.send(data[i : i + 1])
            if self._is_reset or not self.is_open(gap):
                break
        return self

    def _readable(self, within):
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(within * 1000))

    def _more(self, end, what):
        left = end - time.monotonic()
        if left <= 0 or not self._readable(left):
            raise AssertionError(f"{what} did not come; there is {self.data[:300]!r}")
        data = self.socket.recv(65536)
        self.data += data
        return data

    def _must_have_more(self, end, what):
        try:
            if self._more(end, what):
                return
            how = "closed"
        except ConnectionResetError:
            how = "reset"
        raise AssertionError(f"{how} in place of {what}; there is {self.data[:300]!r}")

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
            self._must_have_more(end, "a message")

    def receive_bytes(self, count, within=5.0):
        end = time.monotonic() + wait.seconds(within)
        while len(self.data) < count:
            self._must_have_more(end, f"{count} bytes")
        out, self.data = self.data[:count], self.data[count:]
        return out

    def receive_mixed(self, messages, pongs, within=5.0):
        """So many answers and so many pongs, in whatever order they come."""
        end = time.monotonic() + wait.seconds(within)
        while messages or pongs:
            found = ("pong", b"\r\n") if self.data.startswith(b"\r\n") else sip.cut(self.data)
            if not found:
                self._must_have_more(end, f"{messages} more messages and {pongs} more pongs")
                continue
            kind, raw = found
            self.data = self.data[len(raw) :]
            messages, pongs = messages - (kind == "message"), pongs - (kind == "pong")
            assert messages >= 0 and pongs >= 0, f"one {kind} too many"

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
        """How it ended, "fin" or "rst"; hangs up, as a phone does. What came before stays in self.data."""
        end = time.monotonic() + wait.seconds(within)
        try:
            while not self._is_reset and self._more(end, "the end of the connection"):
                pass
        except ConnectionResetError:
            self._is_reset = True
        self.close()
        return "rst" if self._is_reset else "fin"

    def is_open(self, quiet_for=0.0):
        """True when the other side has not ended it (and what there is to read stays)."""
        if not self._readable(quiet_for):
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
