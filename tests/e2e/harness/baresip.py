# SPDX-License-Identifier: BSD-2-Clause
"""baresip: a user agent that obeys route sets, told what to do over its control port."""
import json
import socket
import threading

from . import ports, process, wait

CONFIG = """
sip_listen {host}:0
sip_transports tls
net_interface {host}
audio_source aubridge,nowhere
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Baresip(process.Peer):
    """
    A phone at `host` (of 127.0.0.0/8) that registers as `user` of sip.example.com over TLS at `front`, and answers calls
    at once. `events` are what it has told since.
    """

    def __init__(self, folder, user, host, front):
        super().__init__(folder, f"baresip-{user}")
        self.user, self.events = user, []
        self._news = threading.Condition()
        home = folder / self.name
        home.mkdir()
        (home / "contacts").write_text("")
        (home / "accounts").write_text(
            f'<sip:{user}@sip.example.com;transport=tls>;outbound="sip:{front};transport=tls";regint=600;answermode=auto\n'
        )
        program = process.find("baresip", "baresip-core")
        for attempt in range(5):
            control = ports.free()
            (home / "config").write_text(CONFIG.format(host=host, control=control))
            self.start([program, "-f", str(home), "-v", "-s"], cwd=home)
            try:
                wait.until(lambda: self._connect(control), 20, self.name, self.text)
                break
            except ChildProcessError:
                if attempt == 4:
                    raise
        threading.Thread(target=self._listen, daemon=True).start()

    def _connect(self, control):
        if self.process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with {self.process.returncode}\n{self.text()}")
        try:
            self._socket = socket.create_connection(("127.0.0.1", control), 0.5)
            self._socket.settimeout(None)
            return True
        except OSError:
            return False

    def _listen(self):
        """Netstrings, each of them JSON."""
        data = b""
        while True:
            try:
                more = self._socket.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while b":" in data:
                length, rest = data.split(b":", 1)
                if len(rest) <= int(length):
                    break
                with self._news:
                    self.events.append(json.loads(rest[: int(length)]))
                    self._news.notify_all()
                data = rest[int(length) + 1 :]

    def tell(self, command, params=""):
        text = json.dumps({"command": command, "params": params}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))

    def count(self, event):
        return sum(one.get("type") == event for one in self.events)

    def wait_for(self, event, count=1, within=20):
        """Until it has told of so many of these events."""
        end = wait.seconds(within)
        with self._news:
            if self._news.wait_for(lambda: self.count(event) >= count, end):
                return
        told = [one.get("type") or one for one in self.events]
        raise AssertionError(f"{self.user}: no {event} ({count}) within {end} s, but {told}\n{self.text()}")

    def wait_registered(self, within=20):
        """Which may have happened before anybody listened to its events."""
        wait.until(lambda: "200 OK (" in self.text(), within, f"the registration of {self.user}", self.text)

    def stop(self):
        """At once: in order it would first say goodbye to calls that nobody answers any more."""
        self._socket.close()
        self.process.kill()
        self.process.wait()
