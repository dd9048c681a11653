# SPDX-License-Identifier: BSD-2-Clause
"""A name server on loopback that says what a test tells it, and notes who asked for what."""
import ipaddress
import socket
import struct
import threading
import time

A, AAAA, SRV = 1, 28, 33
OK, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def _name(text):
    return b"".join(struct.pack("B", len(label)) + label.encode() for label in text.strip(".").split(".") if label) + b"\0"


def _record(owner, kind, ttl, data):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


class Dns:
    """
    `zone`: {"a.test": ["10.0.0.1", ...], "_sip._tcp.a.test": [(priority, weight, port, "host"), ...]}. A name that is not in it does not
    exist. `mood`: None, a code for every answer, "silent", or bytes that are sent as they are behind the id; `moods`: the same of one
    type of records, {AAAA: SERVFAIL}; `delay`: seconds before each answer.
    """

    def __init__(self, zone=None, ttl=1):
        self.zone, self.ttl, self.mood = dict(zone or {}), ttl, None
        self.moods, self.delay = {}, 0
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self):
        self.socket.close()

    def _run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(data)
            time.sleep(self.delay)
            if answer is not None:
                try:
                    self.socket.sendto(answer, peer)
                except OSError:
                    return

    def _question(self, data):
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        return ".".join(labels).lower(), struct.unpack("!H", data[at + 1 : at + 3])[0], data[12 : at + 5]

    def _answer(self, data):
        name, kind, question = self._question(data)
        self.asked.append((name, kind))
        mood = self.moods.get(kind, self.mood)
        if mood == "silent":
            return None
        if isinstance(mood, bytes):
            return data[:2] + mood
        code, records = OK, b""
        if mood is not None:
            code = mood
        elif name not in self.zone:
            code = NXDOMAIN
        else:
            found = [self._data(kind, one) for one in self.zone[name]]
            found = [one for one in found if one is not None]
            records = b"".join(_record(b"\xc0\x0c", kind, self.ttl, one) for one in found)
            return data[:2] + struct.pack("!HHHHH", 0x8580, 1, len(found), 0, 0) + question + records
        return data[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, 0, 0, 0) + question

    @staticmethod
    def _data(kind, one):
        if isinstance(one, tuple):
            return struct.pack("!HHH", *one[:3]) + _name(one[3]) if kind == SRV else None
        address = ipaddress.ip_address(one)
        return address.packed if kind == {4: A, 6: AAAA}[address.version] else None
