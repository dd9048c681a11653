# SPDX-License-Identifier: BSD-2-Clause
"""The program's log, read as the operator's tools read it: a JSON object per line."""
import json
import os
import threading

from . import wait

LEVELS = ("error", "warning", "notice", "info", "debug")


class Log:
    def __init__(self, path):
        self.path = path
        self.lines = []  # parsed
        self.alien = []  # what was not a JSON object: nothing of ours
        self._at = 0
        self._file = None
        self._lock = threading.Lock()  # a test's threads may ask at once

    def read(self):
        """Take in what was written since; returns all lines so far. A file that was exchanged is read from its start."""
        with self._lock:
            for line in self._fresh_lines():
                self._take(line)
        return self.lines

    def _fresh_lines(self):
        if not self.path.exists():
            return ()
        with open(self.path, "rb") as f:
            file = os.fstat(f.fileno()).st_ino
            self._at = self._at if file == self._file else 0
            self._file = file
            f.seek(self._at)
            whole, newline, _ = f.read().rpartition(b"\n")
        self._at += len(whole) + len(newline)
        return whole.split(b"\n") if newline else ()

    def _take(self, line):
        try:
            parsed = json.loads(line.decode("ascii"))
            if not isinstance(parsed, dict):
                raise ValueError
            self.lines.append(parsed)
        except ValueError:
            self.alien.append(line.decode("latin-1"))

    def find(self, event, **fields):
        return [
            line
            for line in self.read()
            if line.get("event") == event and all(_fits(line.get(k), v) for k, v in fields.items())
        ]

    def total(self, event, **fields):
        """How many events the lines stand for, those left out included."""
        return sum(1 + line.get("suppressed", 0) for line in self.find(event, **fields))

    def wait_for(self, event, within=5.0, count=1, **fields):
        """The first line that fits, once `count` of them are there (all of them when count is not 1)."""

        def enough():
            found = self.find(event, **fields)
            return found if len(found) >= count else None

        found = wait.until(enough, within, f"log line {event} {fields or ''} x{count}", self.text)
        return found[0] if count == 1 else found

    def wait_total(self, count, event, within=5.0, **fields):
        return wait.until(
            lambda: self.total(event, **fields) >= count,
            within,
            f"{count} events {event} {fields or ''} (there are {self.total(event, **fields)})",
            self.text,
        )

    def louder_than(self, level):
        """Lines of a level above `level` that a quiet start and stop do not have."""
        quiet = {"start", "listening", "stop", "drain"}
        loud = LEVELS[: LEVELS.index(level)]
        return [line for line in self.read() if line["level"] in loud and line["event"] not in quiet]

    def text(self, last=60):
        lines = self.path.read_text("latin-1").splitlines() if self.path.exists() else []
        cut = f"... {len(lines) - last} lines before\n" if len(lines) > last else ""
        return "the log:\n" + cut + "\n".join(lines[-last:])


def _fits(value, wanted):
    if callable(wanted):
        return wanted(value)
    if isinstance(wanted, (set, frozenset)):
        return value in wanted
    return value == wanted
