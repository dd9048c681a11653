# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a benchmark: the proxies under test, each with a configuration that does the same, and the load."""

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import time

MAX_CONNECTIONS = 9900  # HAProxy wants two descriptors for each, and 20,000 is a common limit
TRACKED_SOURCES = 262144
BACKENDS = 8  # addresses of the one responder: the proxy's own ports are used up per server address

HAPROXY = """\
global
    nbthread 1
    maxconn {max_connections}
defaults
    mode tcp
    timeout connect 3s
    timeout client 1h
    timeout server 1h
frontend in
    bind 127.0.0.1:{port} accept-proxy backlog 4096{tls}
    stick-table type ip size {sources} expire 10m store conn_cur
    tcp-request session track-sc0 src
    tcp-request session reject if {{ sc0_conn_cur gt {limit} }}
    default_backend out
backend out
    balance roundrobin
{servers}
"""

SIPWEIR = """\
workers = 1;
log: {{ {log} }};
admin: {{ control = ""; }};
listeners = (
  {{ name = "in"; address = "127.0.0.1:{port}"; transport = "{transport}"; backlog = 4096;{tls}
    proxy_protocol = "require"; trusted = [ "127.0.0.0/8" ]; pool = "out"; }}
);
limits: {{ connections = {limit}; tracked_sources = {sources};{more_limits} }};
timeouts: {{ drain_delay = "off"; drain = "off"; }};
pools = (
  {{ name = "out"; policy = "round-robin"; proxy_protocol = "v2"; servers = (
{servers}
  ); }}
);
"""

# HAProxy has no option for it, and OpenSSL's own default of two would be more work than one.
TICKETS = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = every_context
[every_context]
NumTickets = 1
"""

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """The benchmark cannot go on."""


def start(command: list[str], core: int, **streams) -> subprocess.Popen:
    """Start a process on one core; it ends with us, however we end."""

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {core})

    return subprocess.Popen(command, text=True, preexec_fn=prepare, **streams)


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    for port in random.sample(range(20000, 30000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port between 20000 and 30000")


class Certificate:
    """A certificate that signs itself: `key` is what openssl calls it, such as "ec" or "rsa:4096"."""

    def __init__(self, folder: str, key: str):
        path = os.path.join(folder, "certificate-" + key.replace(":", ""))
        self.certificate, self.key, self.both = path + ".pem", path + ".key", path + ".both"
        command = ["openssl", "req", "-x509", "-newkey", key, "-noenc", "-days", "30", "-subj", "/CN=bench"]
        if key == "ec":
            command += ["-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-keyout", self.key, "-out", self.certificate]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")
        with open(self.both, "w") as both, open(self.certificate) as certificate, open(self.key) as private:
            both.write(certificate.read() + private.read())


class Proxy:
    """One running proxy. `kind`: sipweir, sipweir+logs or haproxy. With a certificate its clients speak TLS."""

    def __init__(self, name: str, kind: str, program: str, folder: str, core: int):
        self.name, self.kind, self.program, self.core = name, kind, program, core
        self.folder = folder
        self.process: subprocess.Popen | None = None
        self.certificate: Certificate | None = None
        self.more_limits = ""  # of sipweir
        self.config = ""
        self.port = 0

    def twin(self, name: str) -> "Proxy":
        """Another process of the same proxy, not started yet."""
        return Proxy(name, self.kind, self.program, self.folder, self.core)

    def secured(self, certificate: Certificate, name: str = "", more_limits: str = "") -> "Proxy":
        """The same proxy with TLS, not started yet."""
        made = self.twin(name or self.name)
        made.certificate, made.more_limits = certificate, more_limits
        return made

    @property
    def label(self) -> str:
        return self.name + (", TLS" if self.certificate else "")

    @property
    def path(self) -> str:
        return os.path.join(self.folder, self.label.replace(" ", "-").replace(",", ""))

    @property
    def pid(self) -> int:
        self.check()
        return self.process.pid

    @property
    def target(self) -> list[str]:
        """How sipweir-load is told whom to connect to."""
        return ["--target", f"127.0.0.1:{self.port}", *(["--tls"] if self.certificate else [])]

    def start(self, backend_port: int, limit: int) -> None:
        environment = dict(os.environ)
        self.port = free_port()
        self.config = self._write_config(backend_port, limit)
        with open(self.path + ".conf", "w") as file:
            file.write(self.config)
        if self.kind == "haproxy":
            command = [self.program, "-db", "-f", self.path + ".conf"]
            environment["OPENSSL_CONF"] = self.path + ".openssl"
            with open(environment["OPENSSL_CONF"], "w") as file:
                file.write(TICKETS)
        else:
            command = [self.program, "--config", self.path + ".conf"]
        with open(self.path + ".err", "w") as errors:
            streams = {"stdin": subprocess.DEVNULL, "stdout": errors, "stderr": errors}
            self.process = start(command, self.core, env=environment, **streams)
        self._wait_for_port()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)

    def check(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise Failure(f"{self.name} is not running: {self._last_words()}")

    def _last_words(self) -> str:
        with open(self.path + ".err") as file:
            return file.read()[-2000:].strip() or "it said nothing"

    def _write_config(self, backend_port: int, limit: int) -> str:
        backends = [f"127.0.0.{i}:{backend_port}" for i in range(1, BACKENDS + 1)]
        values = {"port": self.port, "limit": limit, "sources": TRACKED_SOURCES, "max_connections": MAX_CONNECTIONS}
        if self.kind == "haproxy":
            servers = [f"    server s{i} {address} send-proxy-v2" for i, address in enumerate(backends)]
            tls = f" ssl crt {self.certificate.both}" if self.certificate else ""
            return HAPROXY.format(servers="\n".join(servers), tls=tls, **values)
        servers = [f'    {{ name = "s{i}"; address = "{address}"; }}' for i, address in enumerate(backends)]
        log = 'level = "warning"; connections = false;'
        if self.kind == "sipweir+logs":
            # The budget would leave most lines of a benchmark unwritten.
            log = f'level = "info"; connections = true; budget = "off"; target = "{self.path}.log";'
        values["tls"], values["transport"] = "", "tcp"
        if self.certificate:
            files = f'certificate = "{self.certificate.certificate}"; private_key = "{self.certificate.key}";'
            values["tls"], values["transport"] = f"\n    tls: {{ certificates = ( {{ {files} }} ); }};", "tls"
        return SIPWEIR.format(servers=",\n".join(servers), log=log, more_limits=self.more_limits, **values)

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self.check()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise Failure(f"{self.name} does not listen: {self._last_words()}")


def read_result(line: str) -> dict:
    try:
        return json.loads(line)
    except ValueError:
        raise Failure(f"sipweir-load: a JSON line was expected, not {line!r}") from None


class Load:
    """The generator's side: the responder behind the proxies, and the clients in front of them."""

    def __init__(self, program: str, core: int):
        self.program, self.core = program, core
        self.responder = self._start("respond", "--target", "127.0.0.1:0", "--listens", str(BACKENDS))
        self.backend_port = int(self._expect(self.responder, "port "))

    def finish(self) -> dict:
        """End the responder: what it counted."""
        self.responder.terminate()
        return read_result(self.responder.communicate()[0])

    def close(self) -> None:
        stop(self.responder)

    def _start(self, *arguments: str) -> subprocess.Popen:
        pipe = subprocess.PIPE
        return start([self.program, *arguments], self.core, stdin=pipe, stdout=pipe)

    def _expect(self, process: subprocess.Popen, beginning: str) -> str:
        line = process.stdout.readline().strip()
        if not line.startswith(beginning):
            raise Failure(f"sipweir-load: {beginning!r} was expected, not {line!r}")
        return line[len(beginning):]

    def run(self, command: str, proxy: Proxy, *arguments: str) -> dict:
        """Run to the end; the answer is the JSON line."""
        process = self._start(command, *proxy.target, *arguments)
        return read_result(process.communicate()[0])

    def start_gated(self, proxy: Proxy, *arguments: str) -> "Gated":
        process = self._start("request", "--gate", *proxy.target, *arguments)
        self._expect(process, "ready")
        return Gated(process)

    def hold(self, proxy: Proxy, connections: int, *arguments: str) -> "Held":
        process = self._start("hold", *proxy.target, "--connections", str(connections), *arguments)
        self._expect(process, f"holding {connections}")
        return Held(process)


class Gated:
    """Requests on connections that are open already and stay open until the end of the block."""

    def __init__(self, process: subprocess.Popen):
        self.process = process

    def __enter__(self) -> "Gated":
        return self

    def run(self) -> dict:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return read_result(self.process.stdout.readline())

    def __exit__(self, *_error) -> None:
        self.process.communicate()


class Held:
    """Silent connections, closed at the end of the block. `result` is there then."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.result: dict = {}

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_error) -> None:
        self.result = read_result(self.process.communicate()[0])
