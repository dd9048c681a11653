# SPDX-License-Identifier: BSD-2-Clause
"""An office: a network namespace of its own behind a cable that can be pulled out. Needs root."""
import contextlib
import ctypes
import os
import socket
import subprocess
import threading

from . import process, wait

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


class Office:
    """`address` is the office's, `outside` the other end of its cable, where sipweir listens."""

    def __init__(self):
        ip = process.find("ip", "iproute2")
        # Of the networks for benchmarks (RFC 2544), one that no other test of this machine has.
        number = os.getpid() % 16384
        net = f"198.18.{number // 64}.{number % 64 * 4}"
        base = int.from_bytes(socket.inet_aton(net), "big")
        self.outside, self.address = (socket.inet_ntoa((base + n).to_bytes(4, "big")) for n in (1, 2))
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._cable = f"weir{os.getpid()}"
        self.inside = ["nsenter", "--net", "--target", str(self._holder.pid)]
        wait.until(self._has_own_network, 5, "a network namespace")
        peer = ("peer", "name", "cable", "netns", str(self._holder.pid))
        _run(ip, "link", "add", self._cable, "type", "veth", *peer)
        _run(ip, "address", "add", f"{self.outside}/30", "dev", self._cable)
        _run(ip, "link", "set", self._cable, "up")
        self.run(ip, "address", "add", f"{self.address}/30", "dev", "cable")
        self.plug_in()

    def _has_own_network(self):
        here = os.readlink("/proc/self/ns/net")
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{self._holder.pid}/ns/net") != here

    def run(self, *command):
        _run(*self.inside, *command)

    def unplug(self):
        self.run("ip", "link", "set", "cable", "down")

    def plug_in(self):
        self.run("ip", "link", "set", "cable", "up")

    def forget_silently(self):
        """A router that has forgotten its connections drops what comes for them, instead of resetting it."""
        nft = process.find("nft", "nftables")
        self.run(nft, "add table ip office; add chain ip office out { type filter hook output priority 0; };")
        self.run(nft, "add rule ip office out tcp flags & rst == rst drop")
        # As a router would: a new connection never meets the old one of its port, which it could not reset now.
        self.run("sh", "-c", "echo 20000 30000 >/proc/sys/net/ipv4/ip_local_port_range")

    def sockets(self, count):
        """TCP sockets that live in there; they are used from here."""
        made = []

        def make():
            with open(f"/proc/{self._holder.pid}/ns/net") as namespace:
                assert _libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            made.extend(socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count))

        thread = threading.Thread(target=make)  # a thread alone may go elsewhere
        thread.start()
        thread.join()
        assert len(made) == count
        return made

    def dial(self, weir, count):
        """So many phones of the office, direct clients of sipweir."""
        return [weir.dial(header=b"", over=one) for one in self.sockets(count)]

    @staticmethod
    def vanish(phones):
        """Gone without a word, once the cable is out: the RST goes nowhere."""
        for one in phones:
            one.reset()

    def stop(self):
        _run("ip", "link", "delete", self._cable)
        self._holder.kill()
        self._holder.wait()
