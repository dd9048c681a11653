# SPDX-License-Identifier: BSD-2-Clause
"""
A SIP server that does what a test tells it: answers, late answers, none at all, closes, never reads.

An answer function is called as answer(connection, message) in the connection's thread, for each request.
"""
import socket
import ssl
import struct
import threading

from . import proxy, sip, tls, wait


def ok(connection, message):
    connection.reply(message)


def status(code, reason):
    return lambda connection, message: connection.reply(message, code, reason)


def silent(connection, message):
    pass


def trying_then_ok(connection, message):
    connection.reply(message, 100, "Trying")
    connection.reply(message)


class Connection:
    """
    One accepted connection. `source` is who the PROXY header names; `pings` counts what came between messages; with
    TLS, `tls` is the ssl.SSLObject, and `alert` why it ended: what the client had against us, or we against it.
    """

    def __init__(self, server, sock, peer):
        self.server, self.socket, self.peer = server, sock, "%s:%d" % peer[:2]
        self.header = None
        self.messages = []
        self.pings = 0
        self.noise = b""
        self.received = bytearray()  # behind the PROXY header
        self.ended = None  # "fin", "rst" or "closed" (by us)
        self.tls = self.alert = None
        self._data = b""

    @property
    def source(self):
        return self.header.source[0] if self.header and self.header.source else None

    def send(self, data):
        self.socket.sendall(data)

    def reply(self, message, status=200, reason="OK", **more):
        self.send(sip.reply(message, status, reason, **more))

    def close(self):
        """An orderly end, also while the thread sits in recv()."""
        self.ended = self.ended or "closed"
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def shut(self):
        """Only our FIN."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.ended = "closed"
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.shutdown(socket.SHUT_RD)  # wakes the thread; the RST comes with its close
        self.socket.close()

    def wait_messages(self, count, within=5.0):
        wait.until(lambda: len(self.messages) >= count, within, f"{count} messages ({len(self.messages)} so far)")
        return self.messages

    def wait_end(self, within=5.0):
        return wait.until(lambda: self.ended, within, "the end of the backend connection")

    def run(self):
        try:
            if self.server.reads_header:
                self._take_header()
            if self.server.context and not self.ended:
                self._secure()
            while not self.ended:
                self._take_messages()
                self._read()
        except ConnectionResetError:
            self.ended = self.ended or "rst"
        except OSError:
            self.ended = self.ended or "closed"
        except ValueError as bad:
            self.server.faults.append(str(bad))
            self.ended = "closed"
        self.socket.close()

    def _read(self):
        self.server.reading.wait()
        data = self.socket.recv(65536)
        if not data or self.server.stopping:
            self.ended = self.ended or "fin"
        self._data += data

    def _take_header(self):
        while not self.ended and not (header := proxy.read(self._data)):
            self._read()
        if not self.ended:
            self._data = self._data[header.length :]
            self.header = header

    def _secure(self):
        """What came behind the header is the beginning of the handshake."""
        received, self._data = self._data, b""
        self.socket = tls.Channel(self.socket, self.server.context, received, server_side=True)
        try:
            is_secured = self.socket.handshake()
        except ssl.SSLCertVerificationError as refusal:
            is_secured, self.socket.alert = False, refusal.reason
        self.tls, self.alert = self.socket.tls, self.socket.alert
        if not is_secured:
            self.ended = "failed"

    def _take_messages(self):
        while self._data:
            found = sip.cut(self._data)
            if not found:
                return
            kind, raw = found
            self._data = self._data[len(raw) :]
            self.received += raw
            if kind == "message":
                message = sip.Message(raw)
                self.messages.append(message)
                if message.method:
                    self.server.answer(self, message)
            elif kind == "ping":
                self.pings += 1
            else:
                self.noise += raw


class Server:
    """
    `reads_header`: each connection begins with a PROXY header; `context`: TLS follows. Connections are kept in order
    of arrival.
    """

    def __init__(self, answer=ok, reads_header=False, receive_buffer=None, context=None, bind=("127.0.0.1", 0)):
        self.answer, self.reads_header, self.context = answer, reads_header, context
        self.connections = []
        self.faults = []
        self.stopping = False
        self.reading = threading.Event()
        self.reading.set()
        self._receive_buffer = receive_buffer
        self._listen(*bind)

    def _listen(self, host, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        self.socket.bind((host, port))
        self.socket.listen(1024)
        self.address = "%s:%d" % self.socket.getsockname()[:2]
        threading.Thread(target=self._accept, args=(self.socket,), daemon=True).start()

    def _accept(self, listening):
        while True:
            try:
                sock, peer = listening.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one = Connection(self, sock, peer)
            self.connections.append(one)
            threading.Thread(target=one.run, daemon=True).start()

    def wait_connections(self, count, within=5.0):
        wait.until(
            lambda: len(self.connections) >= count, within, f"{count} connections ({len(self.connections)} so far)"
        )
        return self.connections

    def wait_connection(self, number=0, within=5.0):
        return self.wait_connections(number + 1, within)[number]

    @property
    def messages(self):
        """All that came, on whatever connection."""
        return [m for c in self.connections for m in c.messages]

    def wait_messages(self, count, within=5.0):
        wait.until(lambda: len(self.messages) >= count, within, f"{count} messages ({len(self.messages)} so far)")
        return self.messages

    def pause(self):
        """From now on no connection is read, and new ones are not either."""
        self.reading.clear()

    def resume(self):
        self.reading.set()

    def down(self):
        """Stop listening; what is open stays. A connect is refused from now on."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def up(self):
        """Listen again, on the same port."""
        host, _, port = self.address.rpartition(":")
        self._listen(host, int(port))

    def stop(self):
        self.stopping = True
        self.reading.set()
        try:
            self.down()
        except OSError:
            pass
        for one in self.connections:
            one.close()
        assert not self.faults, self.faults
