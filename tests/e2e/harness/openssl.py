# SPDX-License-Identifier: BSD-2-Clause
"""openssl s_client: a TLS client that is neither ours nor Python's, and can be told to speak what is old."""
import contextlib
import os
import re
import subprocess

from . import process, sip, wait


class Answer:
    """What s_client said of a connection over which one request was sent."""

    def __init__(self, output):
        self.output = output

    def _find(self, pattern):
        found = re.search(pattern, self.output, re.M)
        return found.group(1) if found else None

    @property
    def is_served(self):
        return "SIP/2.0 200 OK" in self.output

    @property
    def version(self):
        return self._find(r"^\s*Protocol\s*: (\S+)") or self._find(r"^New, (\S+), Cipher")

    @property
    def cipher(self):
        return self._find(r"^New, \S+ Cipher is (\S+)")

    @property
    def alert(self):
        """The other side's: "protocol version", "handshake failure" ..."""
        return self._find(r"alert ([a-z ]+):")

    @property
    def subject(self):
        return self._find(r"^subject=(?:CN = )?(.*)")

    @property
    def signature(self):
        return self._find(r"^Peer signature type: (\S+)")


def s_client(address, *options, request=None, until=b"\r\n\r\n"):
    """Connect, shake hands, send the request, and read until `until` has come behind "SIP/2.0", or the end."""
    command = [process.find("openssl", "openssl"), "s_client", "-connect", address, "-ign_eof", *options]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.set_blocking(peer.stdout.fileno(), False)
    seen = []

    def is_over():
        while data := peer.stdout.read(65536):
            seen.append(data)
        return data == b"" or until in b"".join(seen).partition(b"SIP/2.0 ")[2]

    try:
        with contextlib.suppress(BrokenPipeError):
            peer.stdin.write(sip.request() if request is None else request)
            peer.stdin.flush()
        wait.until(is_over, 5, "an answer or the end", lambda: b"".join(seen).decode("latin-1"))
    finally:
        peer.kill()
        peer.communicate()
    return Answer(b"".join(seen).decode("latin-1"))
