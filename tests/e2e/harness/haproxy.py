# SPDX-License-Identifier: BSD-2-Clause
"""HAProxy, as the load balancer in front, and as the TLS of phones that have none of their own."""
import socket

from . import ports, process, wait

CONFIG = """
global
	maxconn 2000
	%(log)s
defaults
	mode tcp
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend front
	bind fd@%(fd)d %(accept)s
	%(log_format)s
	default_backend back
backend back
	server weir %(server)s %(options)s
"""


class HAProxy(process.Peer):
    """TCP through. Every client address of 127.0.0.0/8 may be used."""

    def __init__(self, folder, name, server, options, accept="", listening=None, log="", log_format=""):
        super().__init__(folder, name)
        listening = listening or ports.listening()
        self.address = "127.0.0.1:%d" % listening.getsockname()[1]
        config = folder / f"{name}.cfg"
        values = {"fd": listening.fileno(), "server": server, "options": options, "accept": accept}
        values.update(log=log, log_format=log_format)
        config.write_text(CONFIG % values)
        program = process.find("haproxy", "haproxy")
        self.start([program, "-db", "-f", str(config)], pass_fds=[listening.fileno()])
        listening.close()  # its queue holds callers until haproxy is up: no need to wait, and no probe to be forwarded


def balancer(folder, server, send, accept="", listening=None):
    """
    In front of `server`; `send` is "send-proxy" (v1) or "send-proxy-v2"; `accept` "accept-proxy" behind encrypt();
    `listening`: a socket of ports.listening(), where others had to know the address first.
    """
    return HAProxy(folder, "haproxy", server, send, accept, listening)


def encrypt(folder, server, authority, name):
    """What comes in clear goes on to `server` over TLS, with the phone's address in a header before the ClientHello."""
    tls = f"ssl verify required ca-file {authority.certificate} sni str({name}) verifyhost {name}"
    return HAProxy(folder, "haproxy-tls", server, f"send-proxy-v2 {tls}")


class Reader(HAProxy):
    """A server behind that reads PROXY headers; `read()` is what it has made of one: source, authority, unique id."""

    def __init__(self, folder, server):
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind(("127.0.0.1", 0))
        self.log.settimeout(wait.seconds(20))
        told = 'log global\n\tlog-format "READ %ci:%cp %[fc_pp_authority] %[fc_pp_unique_id]"'
        to = f"log 127.0.0.1:{self.log.getsockname()[1]} local0"
        super().__init__(folder, "haproxy-reader", server, "", "accept-proxy", log=to, log_format=told)

    def read(self):
        while True:
            _, found, text = self.log.recv(2000).decode().partition("READ ")
            if found:
                return tuple(text.split())

    def stop(self):
        super().stop()
        self.log.close()
