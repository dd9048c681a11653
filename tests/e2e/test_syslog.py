# SPDX-License-Identifier: BSD-2-Clause
"""log.target = "syslog": lines come to /dev/log, and a daemon that takes none keeps nobody."""
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import conf, log, phone, ports, wait
from harness import sipweir as program

# A /dev of its own, in which the log is ours.
OWN_DEV = 'touch "$0/null" && mount --bind /dev/null "$0/null" && mount --rbind "$0" /dev && exec "$@"'
LINE = re.compile(rb"<(\d+)>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d sipweir\[(\d+)\]: (\{.*\})")


class Daemon:
    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(wait.seconds(5))

    def read(self):
        """The next line: (priority, process, event)."""
        priority, process, line = LINE.fullmatch(self.socket.recv(65536)).groups()
        return int(priority), int(process), json.loads(line)["event"]


class Weir:
    def __init__(self, folder):
        if os.geteuid() != 0:
            pytest.skip("a /dev of its own needs root")
        self.dev = folder / "dev"
        self.dev.mkdir()
        self.address = f"127.0.0.1:{ports.free()}"
        self.config = folder / "sipweir.conf"
        self.write("syslog")

    def write(self, target):
        tree = conf.tree(listener={"address": self.address}, log={"target": str(target)})
        self.config.write_text(conf.group(tree))

    def start(self):
        own = ["unshare", "--mount", "sh", "-c", OWN_DEV, str(self.dev)]
        self.process = subprocess.Popen([*own, program.program(), "--config", str(self.config)])

    def call(self):
        one = phone.Phone(self.address)
        assert one.ask().status == 200
        one.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(wait.seconds(10)) == 0


@pytest.fixture
def weir(tmp_path, end):
    one = Weir(tmp_path)
    end.append(lambda: one.process.kill())
    return one


def test_lines_come_with_priority_and_process_and_find_a_daemon_that_was_started_anew(weir):
    daemon = Daemon(weir.dev / "log")
    weir.start()
    assert daemon.read() == (29, weir.process.pid, "start")
    assert daemon.read() == (29, weir.process.pid, "listening")
    weir.call()
    assert daemon.read() == (30, weir.process.pid, "connection.closed")
    daemon.socket.close()
    weir.call()  # told to nobody
    daemon = Daemon(weir.dev / "log")
    weir.call()
    assert daemon.read()[2] == "connection.closed"
    weir.stop()
    while daemon.read()[2] != "stop":
        pass


@pytest.mark.parametrize("target", [None, "weir.log"])
def test_a_daemon_that_takes_nothing_keeps_neither_a_reload_nor_the_stop(weir, tmp_path, target):
    daemon = Daemon(weir.dev / "log")
    weir.start()
    assert daemon.read()[2] == "start" and daemon.read()[2] == "listening"
    for _ in range(1000):  # more than its socket and our queue hold
        weir.call()
    if target:
        weir.write(tmp_path / target)
        weir.process.send_signal(signal.SIGHUP)
        log.Log(tmp_path / target).wait_for("reload", message="changed: log.target")
    weir.stop()
