# SPDX-License-Identifier: BSD-2-Clause
"""What a service manager is told (sd_notify) by a unit of Type=notify."""
import signal
import socket
import time

import pytest

from harness import phone, ports, wait

SLACK = 30_000_000  # more than announced, in microseconds


class Manager:
    """The socket that NOTIFY_SOCKET names, and what came to it."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(wait.seconds(10))

    def next(self):
        """The next message as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def is_silent(self):
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(wait.seconds(10))


@pytest.fixture
def manager(tmp_path, monkeypatch, end):
    def make(name=None):
        one = Manager(name or str(tmp_path / "notify"))
        end.append(one.socket.close)
        monkeypatch.setenv("NOTIFY_SOCKET", one.name)
        return one

    return make


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_ready_comes_when_it_accepts(sipweir, manager, tmp_path, abstract):
    one = manager(f"@sipweir-test{tmp_path}"[:90] if abstract else None)
    address = f"127.0.0.1:{ports.free()}"
    sipweir(ready=False, listener={"address": address})
    assert one.next() == {"READY": "1", "STATUS": "serving"}
    assert phone.Phone(address).ask().status == 200


def test_a_reload_is_told_whether_it_is_done_or_not(sipweir, manager):
    one = manager()
    weir = sipweir()
    one.next()
    for tree in ({**weir.tree, "limits": {"connections": 7}}, {**weir.tree, "limits": {"connections": -7}}):
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        weir.reload(tree)
        reloading = one.next()
        assert reloading["RELOADING"] == "1"
        assert began <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert one.next() == {"READY": "1", "STATUS": "serving"}
    assert one.is_silent()


def test_the_end_is_told_when_it_cannot_be_taken_back_with_the_time_it_needs(sipweir, manager):
    one = manager()
    weir = sipweir(timeouts={"drain_delay": "1s", "drain": "2s"})
    one.next()
    weir.kill(signal.SIGTERM)
    draining = one.next()
    assert "STOPPING" not in draining and draining["STATUS"].startswith("draining")
    assert 3_000_000 - 200_000 + SLACK < int(draining["EXTEND_TIMEOUT_USEC"]) <= 3_000_000 + SLACK
    weir.kill(signal.SIGHUP)  # READY has to follow RELOADING, and does not hide that it drains
    assert [one.next().get("RELOADING"), one.next().get("READY")] == ["1", "1"]
    assert one.next()["STATUS"] == draining["STATUS"]
    leaving = one.next()
    assert leaving["STOPPING"] == "1"
    assert int(leaving["EXTEND_TIMEOUT_USEC"]) == 2_000_000 + SLACK
    weir.stop(None)


def test_a_manager_that_is_gone_disturbs_nothing(sipweir, monkeypatch, tmp_path):
    for name in (str(tmp_path / "none"), "@none-at-all-of-sipweir", "relative", "", "/" + "x" * 200):
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        weir = sipweir()
        assert weir.dial().ask().status == 200
        weir.stop()
