# SPDX-License-Identifier: BSD-2-Clause
"""sipweir-load, the generator of the benchmark: thousands of connections from C, each answer looked at."""
import json
import os
import pathlib
import subprocess

from . import sipweir, wait

PROGRAM = pathlib.Path(os.environ.get("SIPWEIR_LOAD", sipweir.PROGRAM.parent / "sipweir-load")).absolute()


class Load:
    """`command` of sipweir-load against an address, at once; see its --help. Options by name: connections=64."""

    def __init__(self, command, address, *flags, **options):
        line = [str(PROGRAM), command, "--target", address, *flags]
        for name, value in options.items():
            line += ["--" + name.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def expect(self, beginning):
        """Its next line, which must begin so: "holding 50" of hold, "ready" of request with a --gate."""
        line = self.process.stdout.readline()
        assert line.startswith(beginning), line
        return line

    def go(self):
        """Open the gate."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self, within=60):
        """Its counts, once it is done; hold and a gated request are told to leave."""
        out, _ = self.process.communicate(timeout=wait.seconds(within))
        return json.loads(out.splitlines()[-1])

    def end_without_fault(self, within=60):
        result = self.end(within)
        assert result["errors"] == 0 and self.process.returncode == 0, result
        return result

    def stop(self):
        self.process.kill()
        self.process.communicate()
