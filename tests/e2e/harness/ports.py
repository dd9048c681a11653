# SPDX-License-Identifier: BSD-2-Clause
"""Ports from the kernel, for peers that can neither bind port 0 and tell, nor take a socket over."""
import pathlib
import socket


def free(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """A port that was free a moment ago. Whoever uses it must cope with having lost it (see process.Peer)."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def listening(host="127.0.0.1", backlog=1024):
    """A listening TCP socket on a port of the kernel's choice, to hand to a peer."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind((host, 0))
    s.listen(backlog)
    return s


def split(address):
    """("127.0.0.1", 5060) of "127.0.0.1:5060" or "[::1]:5060"."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def held(port):
    """How many connections the server at this port of IPv4 has, accepted or not, read to the end or not."""
    listens, time_wait = "0A", "06"
    lines = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(one[1].endswith(f":{port:04X}") and one[3] not in (listens, time_wait) for one in lines)
