# SPDX-License-Identifier: BSD-2-Clause
"""TLS on the sockets of the harness, through memory, so that a test decides which bytes go out together."""
import ssl
import threading
import time

from . import phone

CHUNK = 65536


def client(authority=None, leaf=None, lowest=None, highest=None, ciphers=None):
    """A client's context: trusts `authority` (nobody is looked at without one), shows `leaf` when asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        context.load_verify_locations(authority.certificate)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if leaf:
        context.load_cert_chain(leaf.certificate, leaf.key)
    context.minimum_version = lowest or ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = highest or ssl.TLSVersion.MAXIMUM_SUPPORTED
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def server(leaf, authority=None):
    """A server's context; with `authority` the client must show a certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    if authority:
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Channel:
    """
    A socket with TLS on it: what phone.Phone and server.Connection use of a socket. Reading and writing are for two
    threads. `alert` is what the other side had against us; such an end, and close_notify, read as an end.
    """

    def __init__(self, socket, context, received=b"", **more):
        self.socket, self.alert = socket, None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._lock = threading.Lock()
        self._in.write(received)
        self._plain, self._has_ended = b"", False
        self.has_said_its_last = False  # the other side, with close_notify
        self.tls = context.wrap_bio(self._in, self._out, **more)

    def _try(self, operation):
        """What it returns; None when it wants more input. What it has to say goes out, in order."""
        with self._lock:
            try:
                return operation()
            except ssl.SSLWantReadError:
                return None
            finally:
                out = self._out.read()
                if out:
                    self.socket.sendall(out)

    def _feed(self):
        data = self.socket.recv(CHUNK)
        with self._lock:
            self._in.write(data) if data else self._in.write_eof()

    def hello(self):
        """The ClientHello, for the caller to send as he likes; handshake() goes on behind it."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self._out.read()

    def handshake(self):
        """False when the other side had something against it, or ended. Our own refusal of its certificate is raised."""
        try:
            while self._try(lambda: self.tls.do_handshake() or True) is None:
                self._feed()
            self._decrypt()
            return True
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLEOFError:
            return False
        except ssl.SSLError as failure:
            self.alert = failure.reason
            return False

    def _decrypt(self):
        try:
            while not self._has_ended and (data := self._try(lambda: self.tls.read(CHUNK))) is not None:
                self._plain += data
                self._has_ended = self.has_said_its_last = not data
        except ssl.SSLEOFError:
            self._has_ended = True
        except ssl.SSLError as failure:
            self.alert, self._has_ended = failure.reason, True

    def has_input(self):
        """Whether recv() has an answer at once."""
        return bool(self._plain) or self._has_ended

    def gather(self):
        """One read of the socket. What it brings need not be data."""
        self._feed()
        self._decrypt()

    def recv(self, count):
        while not self.has_input():
            self.gather()
        data, self._plain = self._plain[:count], self._plain[count:]
        return data

    def sendall(self, data):
        if data:
            self._try(lambda: self.tls.write(data))

    def say_last(self):
        """Our close_notify; reading goes on."""
        self._try(self.tls.unwrap)

    def __getattr__(self, name):
        return getattr(self.socket, name)


class Phone(phone.Phone):
    """
    A phone over TLS. The PROXY header and the ClientHello go out in one segment, as a load balancer sends them; in two
    that part after `split` bytes; byte by byte (`drip`); or the first `cut` bytes of them alone. `is_secured` tells how
    the handshake went, `alert` why not; with is_shaking=False it is left to the test. `is_plain`: it forgets its TLS.
    """

    def __init__(
        self,
        address,
        header=b"",
        context=None,
        name="sipweir.test",
        session=None,
        split=None,
        drip=False,
        cut=None,
        is_shaking=True,
        is_plain=False,
        **more,
    ):
        super().__init__(address, header if is_plain else b"", **more)
        self.is_secured, self.is_plain = False, is_plain
        if is_plain:
            return
        self.socket = Channel(self.socket, context or client(), server_hostname=name, session=session)
        first = header + self.socket.hello()
        self.first_length = len(first)
        first = first[:cut]
        try:
            self._send_first(first, range(1, len(first)) if drip else [split] if split else [])
            self.is_secured = is_shaking and self.socket.handshake()
        except (ConnectionResetError, BrokenPipeError):
            self._is_reset = True

    def _send_first(self, data, splits):
        begin = 0
        for end in (*splits, len(data)):
            self.socket.socket.sendall(data[begin:end])
            begin = end
            if end < len(data):
                super()._readable(0.003)  # nothing is to come: the next segment shall not join this one

    def _readable(self, within):
        if self.is_plain:
            return super()._readable(within)
        end = time.monotonic() + within
        while not self.socket.has_input():
            if not super()._readable(max(0.0, end - time.monotonic())):
                return False
            self.socket.gather()
        return True

    def has_bytes(self, within):
        """Whether the other side says anything, encrypted or not."""
        return super()._readable(within)

    def wait_raw_end(self, within):
        """Until the other side has ended it, whatever it says before; nothing of that is looked at."""
        end = time.monotonic() + within
        try:
            while super()._readable(max(0.0, end - time.monotonic())):
                if not self.socket.socket.recv(CHUNK):
                    return
        except ConnectionResetError:
            return
        raise AssertionError(f"the connection did not end within {within:g} s")

    @property
    def alert(self):
        return self.socket.alert

    @property
    def tls(self):
        """The ssl.SSLObject: version(), cipher(), session, getpeercert() ..."""
        return self.socket.tls

    def is_open(self, quiet_for=0.0):
        try:
            while self._readable(quiet_for):
                data = self.socket.recv(CHUNK)
                if not data:
                    return False
                self.data += data
            return True
        except ConnectionResetError:
            return False
