# SPDX-License-Identifier: BSD-2-Clause
"""sipp as the phones, and as the server that is called."""
import pathlib
import re
import socket

from . import ports, process, wait

SCENARIOS = pathlib.Path(__file__).resolve().parents[1] / "scenarios"


def plays(scenario):
    """One of ours, or one that sipp brings along."""
    path = SCENARIOS / f"{scenario}.xml"
    return ["-sf", str(path)] if path.exists() else ["-sn", scenario]


class Sipp(process.Peer):
    """
    Phones at `source` (an address of 127.0.0.0/8) that play a scenario `calls` times. `transport` is "t1" (all in
    one connection) or "tn" (a connection per call).
    """

    def __init__(self, folder, scenario, target, source, calls, transport="tn", rate=100):
        super().__init__(folder, f"sipp-{scenario}-{source}-{transport}")
        self.calls = calls
        program = process.find("sipp", "sip-tester")
        command = [program, target, *plays(scenario), "-t", transport, "-i", source]
        command += ["-m", str(calls), "-r", str(rate), "-l", "50", "-max_socket", "200", "-nostdin", "-trace_err"]
        command += ["-error_file", str(folder / f"{self.name}.err"), "-timeout", "60", "-timeout_error"]
        self.start(command, cwd=folder)

    def text(self):
        errors = self.folder / f"{self.name}.err"
        return super().text() + (errors.read_text(errors="replace")[-3000:] if errors.exists() else "")

    def wait_success(self, within=60):
        """Until all calls are made; each of them must have succeeded."""
        code = self.wait_end(within)
        assert code == 0, f"sipp ended with {code}\n{self.text()}"
        out = self.output.read_text(errors="replace")
        done = [int(n) for n in re.findall(r"Successful call\s*\|\s*\d+\s*\|\s*(\d+)", out)]
        failed = [int(n) for n in re.findall(r"Failed call\s*\|\s*\d+\s*\|\s*(\d+)", out)]
        counts = f"{done[-1:]} done, {failed[-1:]} failed\n{out[-4000:]}"
        assert done[-1:] == [self.calls] and failed[-1:] == [0], counts


class Uas(process.Peer):
    """The callee on UDP, or on TCP: sipp's stock one (180, 200, and the answer to BYE) unless told otherwise."""

    def __init__(self, folder, scenario="uas", transport="u1"):
        super().__init__(folder, f"sipp-{scenario}")
        program = process.find("sipp", "sip-tester")
        self._kind = "tcp" if transport.startswith("t") else "udp"
        for attempt in range(5):
            self.port = ports.free(socket.SOCK_STREAM if self._kind == "tcp" else socket.SOCK_DGRAM)
            self.address = f"127.0.0.1:{self.port}"
            command = [program, *plays(scenario), "-t", transport, "-i", "127.0.0.1", "-p", str(self.port)]
            self.start([*command, "-nostdin", "-max_socket", "400"], cwd=folder)
            try:
                wait.until(self._is_up, 10, "sipp uas", self.text)
                return
            except ChildProcessError:
                if attempt == 4:
                    raise

    def _is_up(self):
        if self.process.poll() is not None:
            raise ChildProcessError(f"sipp uas ended with {self.process.returncode}\n{self.text()}")
        wanted = f":{self.port:04X} "
        return any(wanted in line for line in pathlib.Path(f"/proc/net/{self._kind}").read_text().splitlines())
