# SPDX-License-Identifier: BSD-2-Clause
"""HAProxy, as the load balancer in front, and as the TLS of phones that have none of their own."""
from . import ports, process

CONFIG = """
global
	maxconn 2000
defaults
	mode tcp
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend front
	bind fd@%(fd)d %(accept)s
	default_backend back
backend back
	server weir %(server)s %(options)s
"""


class HAProxy(process.Peer):
    """TCP through. Every client address of 127.0.0.0/8 may be used."""

    def __init__(self, folder, name, server, options, accept="", listening=None):
        super().__init__(folder, name)
        listening = listening or ports.listening()
        self.address = "127.0.0.1:%d" % listening.getsockname()[1]
        config = folder / f"{name}.cfg"
        values = {"fd": listening.fileno(), "server": server, "options": options, "accept": accept}
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
