# SPDX-License-Identifier: BSD-2-Clause
"""Kamailio as the server behind, from Debian, with its own reader of PROXY headers."""
import os
import pathlib
import re
import signal
import socket
import subprocess

from . import ports, process, sip, wait

CONTRIB = pathlib.Path(__file__).resolve().parents[3] / "contrib" / "kamailio"
SEEN = 'xlog("L_ALERT", "SEEN method=$rm source=$si port=$sp proto=$proto call=$ci\\n");'
MODULES = pathlib.Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
CONFIG = """
debug=1
log_stderror=yes
children=1
tcp_children=2
tcp_accept_haproxy=yes
disable_tcp=no
auto_aliases=no
listen=tcp:127.0.0.1:%(tcp)d
listen=udp:127.0.0.1:%(udp)d
mpath="%(modules)s/"
%(tls)s
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "siputils.so"

loadmodule "auth.so"

request_route {
	%(seen)s
	if (is_method("REGISTER") && $fd == "auth.test") {
		if (!pv_auth_check("$fd", "secret", "0", "0")) {
			auth_challenge("$fd", "0");
			exit;
		}
	}
	if (is_method("REGISTER|OPTIONS")) {
		append_to_reply("X-Source: $si\\r\\n");
		sl_send_reply("200", "OK");
		exit;
	}
	if ($proto == "tcp" || $proto == "tls") {
		$du = "sip:127.0.0.1:%(uas)d;transport=udp";
		t_relay();
	}
	exit;
}
"""
TLS = """
enable_tls=yes
listen=tls:127.0.0.1:%(port)d
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "%(certificate)s")
modparam("tls", "private_key", "%(key)s")
modparam("tls", "tls_force_run", 1)
"""


def openssl_after_fork(folder):
    """What keeps its processes from sharing what belongs to one of them: see openssl_after_fork.c."""
    library = folder / "openssl_after_fork.so"
    source = pathlib.Path(__file__).parent / "openssl_after_fork.c"
    compiler = process.find("cc", "gcc")
    subprocess.run([compiler, "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library)}


class Kamailio(process.Peer):
    """
    Answers REGISTER and OPTIONS with 200 and an X-Source header (a REGISTER of auth.test only with the password "secret"); relays all else that comes by TCP or TLS to the UAS,
    over UDP. `seen()` is its own record: method and source address of each request. With a `leaf` it listens at
    `tls_address` too.
    """

    def __init__(self, folder, uas_port=9, leaf=None):
        super().__init__(folder, "kamailio")
        self._uas_port, self._leaf = uas_port, leaf
        self._program = process.find("kamailio", "kamailio")
        if not MODULES.is_dir():
            raise FileNotFoundError(f"{MODULES} is missing: install the package kamailio")
        for attempt in range(5):  # it cannot bind port 0: a port that was free may be lost before it comes up
            try:
                self._begin()
                return
            except ChildProcessError:
                if "bind" not in self.text() or attempt == 4:
                    raise

    def _begin(self):
        tcp, udp = ports.free(), ports.free(socket.SOCK_DGRAM)
        self.address = f"127.0.0.1:{tcp}"
        tls = ""
        if self._leaf:
            port = ports.free()
            self.tls_address = f"127.0.0.1:{port}"
            tls = TLS % {"port": port, "certificate": self._leaf.certificate, "key": self._leaf.key}
        config = self.folder / "kamailio.cfg"
        config.write_text(CONFIG % {"seen": SEEN, "tcp": tcp, "udp": udp, "uas": self._uas_port, "modules": MODULES, "tls": tls})
        self._run(config, tcp)

    def _run(self, config, tcp):
        run = self.folder / "kamailio.run"
        run.mkdir(exist_ok=True)
        self.start(
            [self._program, "-DD", "-E", "-f", str(config), "-Y", str(run), "-m", "32", "-M", "4", "-w", str(run)],
            env={**os.environ, **(openssl_after_fork(self.folder) if self._leaf else {})},
        )
        wait.until(lambda: self.accepts("127.0.0.1", tcp), 20, "kamailio", self.text)

    def seen(self, method=None):
        """[(method, source)] of all requests so far, in order."""
        found = re.findall(r"SEEN method=(\S+) source=(\S+) .*proto=t(?:cp|ls)", self.output.read_text(errors="replace"))
        return [one for one in found if method in (None, one[0])]

    def callers(self):
        """{(source, port)} of all requests so far but OPTIONS, which may be sipweir's own."""
        found = re.findall(r"SEEN method=(\S+) source=(\S+) port=(\d+)", self.output.read_text(errors="replace"))
        return {(source, port) for method, source, port in found if method != "OPTIONS"}

    def calls(self):
        """The Call-ID of each request so far, in order."""
        return re.findall(r"SEEN method=.* call=(.*)", self.output.read_text(errors="replace"))

    def wait_idle(self):
        """Until it has read to their ends all connections that others have ended."""
        port = ports.split(self.address)[1]
        wait.until(lambda: not ports.held(port), 10, "the end of kamailio's connections", self.text)


class Contributed(Kamailio):
    """
    With a file of contrib/kamailio, in which the two addresses are exchanged: its own, and that of the load balancer.
    `changes`: calls of a function that are to be something else.
    """

    def __init__(self, folder, name, public, **changes):
        self._text = (CONTRIB / name).read_text()
        for theirs, ours in changes.items():
            self._text, count = re.subn(rf"\b{theirs}\(.*?\);", ours, self._text)
            assert count
        self._public = public
        super().__init__(folder)

    def _begin(self):
        tcp = ports.free()
        self.address = f"127.0.0.1:{tcp}"
        text = self._text
        for theirs, ours in (("10.0.1.10:5060", self.address), ("sip.example.com:5061", self._public)):
            assert theirs in text
            text = text.replace(theirs, ours)
        assert "request_route {\n" in text
        config = self.folder / "kamailio.cfg"
        config.write_text(text.replace("request_route {\n", "request_route {\n" + SEEN + "\n"))
        self._run(config, tcp)


MOODY = """
debug=1
log_stderror=yes
children=1
tcp_children=4
tcp_accept_haproxy=yes
auto_aliases=no
listen=tcp:%(host)s:%(tcp)d
listen=udp:%(host)s:%(udp)d
mpath="%(modules)s/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "siputils.so"
loadmodule "cfgutils.so"
modparam("pv", "shvset", "mood=i:0")
request_route {
	if ($proto == "udp") {
		$shv(mood) = $(hdr(X-Mood){s.int});
		sl_send_reply("200", "OK");
		exit;
	}
	%(seen)s
	if ($shv(mood) == 1) {
		usleep("40000");
	}
	if ($shv(mood) == 2) {
		sl_send_reply("503", "Overloaded");
		exit;
	}
	sl_send_reply("200", "OK");
	exit;
}
"""
WELL, SLOW, REFUSING = 0, 1, 2


class Moody(Kamailio):
    """
    Answers everything 200; but late, or 503, as set_mood() says. Can be killed, stopped, and started anew at the same address.
    `inside`: the beginning of a command that runs it elsewhere, where it listens on `host`.
    """

    def __init__(self, folder, host="127.0.0.1", inside=()):
        folder.mkdir()
        self._host, self._inside, self._outputs = host, list(inside), []
        super().__init__(folder)

    def _begin(self):
        self._ports = ports.free(), ports.free(socket.SOCK_DGRAM)
        self.address = f"{self._host}:{self._ports[0]}"
        values = {"host": self._host, "tcp": self._ports[0], "udp": self._ports[1], "modules": MODULES, "seen": SEEN}
        self._config = self.folder / "kamailio.cfg"
        self._config.write_text(MOODY % values)
        self.begin()

    def begin(self):
        self.output = self.folder / f"kamailio{len(self._outputs)}.out"
        self._outputs.append(self.output)
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        command = ["-DD", "-E", "-f", self._config, "-Y", run, "-m", "32", "-M", "4", "-w", run]
        self.start([*self._inside, self._program, *map(str, command)], start_new_session=True)
        wait.until(lambda: self.accepts(self._host, self._ports[0]), 20, "kamailio", self.text)

    def signal(self, number):
        """To all its processes."""
        os.killpg(self.process.pid, number)

    def set_mood(self, mood):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(wait.seconds(5))
            one.connect((self._host, self._ports[1]))
            via = f"SIP/2.0/UDP {self._host};rport;branch=z9hG4bKmood{mood}"
            one.send(sip.request("OPTIONS", uri="sip:mood", headers=[f"X-Mood: {mood}"], via=via))
            assert b" 200 " in one.recv(4000)

    def calls(self):
        return [call for out in self._outputs for call in re.findall(r"SEEN method=.* call=(.*)", out.read_text(errors="replace"))]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGCONT)
        super().stop()
