# SPDX-License-Identifier: BSD-2-Clause
"""HAProxy as the load balancer in front: TCP through, with a PROXY header of either version."""
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
	bind fd@%(fd)d
	default_backend back
backend back
	server weir %(server)s %(send)s
"""


class HAProxy(process.Peer):
    """`send` is "send-proxy" (v1) or "send-proxy-v2"; every client address of 127.0.0.0/8 may be used."""

    def __init__(self, folder, server, send):
        super().__init__(folder, "haproxy")
        listening = ports.listening()
        self.address = "127.0.0.1:%d" % listening.getsockname()[1]
        config = folder / "haproxy.cfg"
        config.write_text(CONFIG % {"fd": listening.fileno(), "server": server, "send": send})
        program = process.find("haproxy", "haproxy")
        self.start([program, "-db", "-f", str(config)], pass_fds=[listening.fileno()])
        listening.close()  # its queue holds callers until haproxy is up: no need to wait, and no probe to be forwarded
