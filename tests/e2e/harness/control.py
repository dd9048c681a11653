# SPDX-License-Identifier: BSD-2-Clause
"""The control tool, and its socket without it."""
import json
import os
import pathlib
import re
import socket
import subprocess

from . import sipweir, wait

PROGRAM = pathlib.Path(os.environ.get("SIPWEIRCTL", sipweir.PROGRAM.with_name("sipweirctl"))).absolute()


def run(*arguments, within=20):
    """The finished process, with its output as text."""
    if not os.access(PROGRAM, os.X_OK):
        raise FileNotFoundError(f"{PROGRAM} is not there: build sipweir, or name it in the variable SIPWEIRCTL")
    done = subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, timeout=wait.seconds(within))
    assert not sipweir.REPORT.search(done.stderr), done.stderr
    return done


def command(path, *words):
    """What a command that must succeed prints."""
    done = run("--socket", str(path), *words)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def refused(path, *words):
    """Why a command is refused."""
    done = run("--socket", str(path), *words)
    assert (done.returncode, done.stdout) == (1, ""), done
    return done.stderr


def status(path):
    return json.loads(command(path, "--json", "status"))


def dial(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(str(path))  # without a timeout: it waits where a full queue would be an error
    s.settimeout(wait.seconds(15))
    return s


def read(s):
    """(status, body) of the answer; None when the connection ended without one."""
    data = b""
    try:
        while more := s.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    if not data:
        return None
    head, _, body = data.partition(b"\n")
    found = re.fullmatch(rb"(ok|refused|usage) (\d+)", head)
    assert found and int(found.group(2)) == len(body), data
    return found.group(1).decode(), body.decode()


def ask(path, line):
    with dial(path) as s:
        try:
            s.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read(s)
