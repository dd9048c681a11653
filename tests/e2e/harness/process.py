# SPDX-License-Identifier: BSD-2-Clause
"""Programs of others: found or missed by name, started on ports of their own, ended with the test."""
import shutil
import socket
import subprocess

from . import wait


def find(program, package):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        raise FileNotFoundError(f"{program} is missing: install the package {package}")
    return path


class Peer:
    """A program in the foreground. Its output goes to a file, which a failure shows."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.output = folder / f"{name}.out"
        self.process = None

    def start(self, command, **more):
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more)

    def text(self):
        return f"{self.name}:\n" + self.output.read_text(errors="replace")[-6000:]

    def accepts(self, host, port):
        """True once a TCP connection can be made; fails when the program has ended instead."""
        if self.process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with {self.process.returncode}\n{self.text()}")
        try:
            socket.create_connection((host, port), 0.2).close()
            return True
        except OSError:
            return False

    def wait_end(self, within):
        try:
            return self.process.wait(wait.seconds(within))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} is still running after {within} s\n{self.text()}") from None

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
