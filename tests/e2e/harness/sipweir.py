# SPDX-License-Identifier: BSD-2-Clause
"""The program under test: its own folder, configuration, ports and log; and what each of its ends must look like."""
import copy
import os
import pathlib
import re
import resource
import signal
import subprocess

from . import conf, log, phone, proxy, tls, wait

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = pathlib.Path(os.environ.get("SIPWEIR", ROOT / "build" / "sipweir")).absolute()
REPORT = re.compile(r"Sanitizer|runtime error:|WARNING: Thread|Assertion .* failed")


def program():
    if not os.access(PROGRAM, os.X_OK):
        raise FileNotFoundError(f"{PROGRAM} is not there: build sipweir, or name it in the variable SIPWEIR")
    return str(PROGRAM)


def run(*arguments, within=10):
    """Run it to its end; returns the finished process with its text output."""
    return subprocess.run(
        [program(), *arguments], capture_output=True, text=True, errors="replace", timeout=wait.seconds(within)
    )


class Sipweir:
    """`warnings`: how many it prints at its start, as plain text."""

    def __init__(self, folder, tree, arguments=None, descriptors=None, warnings=0):
        self.folder = pathlib.Path(folder)
        self.tree = tree
        self.phones = []
        self.process = None
        self.stopped = False  # and looked at
        self.config = self.folder / "sipweir.conf"
        self._stderr = self.folder / "sipweir.log"
        self._descriptors, self._warnings = descriptors, warnings
        self._arguments = arguments or ["--config", str(self.config)]
        if tree is not None:
            self.config.write_text(conf.group(tree))
        self.log = log.Log(self._log_path())

    def _settings(self):
        return (self.tree or {}).get("log", {})

    def _log_path(self):
        target = self._settings().get("target", "stderr")
        return self._stderr if target == "stderr" else pathlib.Path(target)

    def _is_json(self):
        return self._settings().get("format", "json") == "json"

    def start(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._descriptors, self._descriptors))

        self._output = open(self.folder / "sipweir.out", "wb")
        with open(self._stderr, "wb") as stderr:
            self.process = subprocess.Popen(
                [program(), *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=stderr,
                preexec_fn=limit if self._descriptors else None,
            )
        return self

    def wait_ready(self):
        """Until each listener has said where it listens."""
        names = {one["name"] for one in self.tree["listeners"]} if self.tree else {None}

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"sipweir ended with {self.process.returncode} at its start\n{self.stderr()}")
            if not self._is_json():
                return "listening" in self.stderr()
            said = {line.get("listener") for line in self.log.find("listening")}
            return names <= said

        wait.until(ready, 10, "the listening line of each listener", self.stderr)
        return self

    def stderr(self):
        return self._stderr.read_text(errors="replace")

    def stdout(self):
        return (self.folder / "sipweir.out").read_text(errors="replace")

    def address_of(self, listener=None):
        """"127.0.0.1:43211", as the log says it."""
        name = listener or self.tree["listeners"][0]["name"]
        if self._is_json():
            self.log.wait_for("listening", listener=name)
            return self.log.find("listening", listener=name)[-1]["address"]
        line = next(x for x in self.log.text(10000).splitlines() if "listening" in x and name in x)
        return re.search(r'\baddress="?([^" ]+)', line).group(1)

    @property
    def address(self):
        return self.address_of()

    def wait_for(self, event, **fields):
        return self.log.wait_for(event, **fields)

    def dial(self, source="198.51.100.7", port=40000, header=None, listener=None, bind=None, **more):
        """
        A phone's connection. On a listener that knows the PROXY protocol it comes with a header that names
        `source`, as a load balancer sends it; `header` replaces that header, b"" for none. With TLS where the listener
        speaks it (see tls.Phone for what `more` may be).
        """
        one = next(x for x in self.tree["listeners"] if listener in (None, x["name"]))
        if header is None:
            through = one.get("proxy_protocol", "off") != "off"
            header = proxy.v2(source, port) if through else b""
        kind = tls.Phone if one.get("transport") == "tls" else phone.Phone
        made = kind(self.address_of(one["name"]), header, bind=bind, **more)
        self.phones.append(made)
        return made

    def rss(self):
        """Resident bytes of the process."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def is_plain(self):
        """Neither a sanitizer nor valgrind keeps memory of its own."""
        return not re.search("asan|tsan|valgrind", str(program()))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def kill(self, number):
        self.process.send_signal(number)

    def wait_end(self, within=10):
        try:
            code = self.process.wait(wait.seconds(within))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"sipweir did not end within {wait.seconds(within):g} s\n{self.log.text()}") from None
        self._output.close()
        return code

    def reload(self, tree=None, text=None):
        """
        HUP, with another file where there is one: `tree` as conf.tree makes it, or any `text`. Returns the line of the
        log that says what became of it.
        """
        before = len(self._outcomes())
        if tree is not None or text is not None:
            self.config.write_text(conf.group(tree) if text is None else text)
        self.kill(signal.SIGHUP)
        wait.until(lambda: len(self._outcomes()) > before, 10, "the outcome of the reload", self.log.text)
        outcome = self._outcomes()[before]
        if tree is not None and outcome["level"] == "notice":
            self.tree = tree
        return outcome

    def _outcomes(self):
        return self.log.find("reload", level={"notice", "error"})

    def change(self, listener=None, pool=None, **sections):
        """A reload that must succeed, of the present settings with these in their place; None takes one out."""
        tree = copy.deepcopy(self.tree)
        for at, more in ((tree["listeners"][0], listener), (tree["pools"][0], pool)):
            at.update(more or {})
        for name, more in sections.items():
            tree[name] = {**tree.get(name, {}), **more} if isinstance(more, dict) else more
        outcome = self.reload(tree)
        assert outcome["level"] == "notice", outcome
        return outcome

    def stop(self, number=signal.SIGTERM):
        """
        End it as an operator does, and look at how it went: exit 0, no slot held, nothing alien on stderr.
        `number` None: it has been told to stop.
        """
        if self.stopped:
            return
        self.stopped = True
        if number and self.process.poll() is None:
            self.kill(number)
        code = self.wait_end()
        self.check_reports()
        assert code == 0, f"exit status {code} instead of 0\n{self.log.text()}\n{self.stderr()[-4000:]}"
        if self._is_json() and self._settings().get("level", "info") not in ("error", "warning"):
            stop = self.log.find("stop")
            assert len(stop) == 1, f"{len(stop)} stop lines\n{self.log.text()}"
            assert stop[0].get("current") == 0, f"limit slots still held at the end: {stop[0]}\n{self.log.text()}"

    def check_reports(self):
        report = [line for line in self.stderr().splitlines() if REPORT.search(line)]
        assert not report, "a report on standard error:\n" + self.stderr()[-8000:]
        if self._is_json():
            self.log.read()
            warnings = [line for line in self.log.alien if line.startswith("warning: ")]
            assert len(warnings) == self._warnings and len(self.log.alien) == self._warnings, f"lines that are not JSON in ASCII: {self.log.alien[:5]}"

    def finish(self):
        """The end of every test: the phones go first."""
        for one in self.phones:
            one.close()
        if self.process is None:
            return
        try:
            self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
