# SPDX-License-Identifier: BSD-2-Clause
"""Which pool a connection goes to: the first route that fits, else the listener's."""
import pytest

from harness import conf, proxy, sip, tls


@pytest.fixture
def farm(sipweir, backend):
    """farm(routes, ...): sipweir with the pools main, trunks and spare, a server behind each; {name: server}."""

    def make(routes, **settings):
        servers = {name: backend() for name in ("main", "trunks", "spare")}
        pools = [{"name": name, "servers": conf.servers(one.address)} for name, one in servers.items()]
        return sipweir(pools=pools, routes=routes, **settings), servers

    return make


def reached(servers, phone, method="OPTIONS"):
    """Which pool gets the request."""
    before = {name: len(one.messages) for name, one in servers.items()}
    assert phone.ask(sip.request(method)).status == 200
    (name,) = [name for name, one in servers.items() if len(one.messages) > before[name]]
    return name


CLASSES = {"classes": [{"name": "trunks", "networks": ["198.51.100.0/24"]}]}


def test_a_class_has_its_pool_and_the_rest_that_of_the_listener(farm):
    weir, servers = farm([{"class": "trunks", "pool": "trunks"}], listener={"proxy_protocol": "require"}, limits=CLASSES)
    assert reached(servers, weir.dial("198.51.100.7")) == "trunks"
    assert reached(servers, weir.dial("203.0.113.7")) == "main"
    weir.phones[0].close()
    assert weir.wait_for("connection.closed", source="198.51.100.7")["pool"] == "trunks"


def test_endpoints_and_first_methods_are_told_apart(farm):
    routes = [{"endpoint": "vpce-1", "pool": "trunks"}, {"first_method": "REGISTER", "pool": "spare"}]
    weir, servers = farm(routes, listener={"proxy_protocol": "require"})
    by_endpoint = weir.dial(header=proxy.nlb("198.51.100.7", vpc_endpoint="vpce-1"))
    assert reached(servers, by_endpoint, "REGISTER") == "trunks"
    phone = weir.dial()
    assert reached(servers, phone, "REGISTER") == "spare"
    assert reached(servers, phone, "OPTIONS") == "spare"
    other = weir.dial()
    assert reached(servers, other, "OPTIONS") == "main"
    assert reached(servers, other, "REGISTER") == "main"


def test_the_name_asked_for_in_tls_chooses(farm, leaf):
    routes = [{"server_name": "a.sipweir.test", "pool": "trunks"}, {"server_name": "*.sipweir.test", "pool": "spare"}]
    weir, servers = farm(routes, listener=conf.secure(leaf))
    for name, pool in (("a.sipweir.test", "trunks"), ("b.sipweir.test", "spare"), ("sipweir.test", "main"), (None, "main")):
        assert reached(servers, weir.dial(context=tls.client(), name=name)) == pool


def test_a_reload_moves_those_who_come_and_nobody_who_is_there(farm):
    weir, servers = farm([{"class": "trunks", "pool": "trunks"}], listener={"proxy_protocol": "require"}, limits=CLASSES)
    before = weir.dial("198.51.100.7")
    assert reached(servers, before) == "trunks"
    weir.change(routes=[{"class": "trunks", "pool": "spare"}])
    assert reached(servers, before) == "trunks"
    assert reached(servers, weir.dial("198.51.100.7")) == "spare"
    # The pool may even be gone: who uses it goes on.
    tree = {**weir.tree, "pools": [one for one in weir.tree["pools"] if one["name"] != "trunks"]}
    assert weir.reload(tree)["level"] == "notice"
    assert reached(servers, before) == "trunks"


def test_what_a_route_names_must_be_there(sipweir, farm):
    weir, servers = farm([])
    tree = {**weir.tree, "routes": [{"class": "trunks", "pool": "main"}]}
    outcome = weir.reload(tree)
    assert outcome["level"] == "error" and "routes[0].class" in outcome["message"]
    assert reached(servers, weir.dial()) == "main"
