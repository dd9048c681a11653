# SPDX-License-Identifier: BSD-2-Clause
"""Servers that are known by a name: found, followed when the name moves, and kept when nobody answers."""
import json
import signal
import time

import pytest

from harness import conf, control, dns, server, sipweir as program, tls, wait


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ctl"


@pytest.fixture
def names(end):
    """names({...}): a name server."""

    def make(zone=None, **more):
        one = dns.Dns(zone, **more)
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def weir(sipweir, path):
    """weir(names, [address], resolve=...): sipweir that asks it."""

    def make(resolver, addresses, resolve="", pool=None, **settings):
        return sipweir(
            addresses,
            pool={"resolve": resolve, **(pool or {})},
            resolvers=[resolver.address],
            admin={"control": str(path)},
            limits={"connections": 0, "unproven": 0},
            **settings,
        )

    return make


def port_of(one):
    return int(one.address.rpartition(":")[2])


@pytest.fixture
def farm(end):
    """farm("127.0.0.2", "127.0.0.3"): a server at each address, on one port."""

    def make(*hosts):
        for _ in range(20):
            made = []
            try:
                port = 0
                for host in hosts:
                    one = server.Server(bind=(host, port))
                    made.append(one)
                    port = port_of(one)
            except OSError:  # the port is taken there
                for one in made:
                    one.stop()
                continue
            end.extend(one.stop for one in made)
            return made
        raise AssertionError("no port that is free at all of them")

    return make


def answering(one, servers):
    """Which of the servers answers a new phone."""
    before = [len(s.messages) for s in servers]
    phone = one.dial()
    assert phone.ask().status == 200
    phone.close()
    (index,) = [i for i, s in enumerate(servers) if len(s.messages) > before[i]]
    return index


def rows(path):
    return {one["name"]: one for one in json.loads(control.command(path, "--json", "backends"))["servers"]}


def test_a_name_is_one_server(weir, names, farm, path):
    (behind,) = farm("127.0.0.2")
    one = weir(names({"sip.test": ["127.0.0.2"]}), [f"sip.test:{port_of(behind)}"])
    assert answering(one, [behind]) == 0
    assert rows(path)["s1"]["address"] == behind.address
    line = one.wait_for("resolve.changed", server="s1")
    assert behind.address in line["message"] and line["pool"] == "main"


def test_new_connections_follow_a_name_that_moves_and_old_ones_stay(weir, names, farm):
    servers = farm("127.0.0.2", "127.0.0.3")
    resolver = names({"sip.test": ["127.0.0.2"]})
    one = weir(resolver, [f"sip.test:{port_of(servers[0])}"])
    old = one.dial()
    assert old.ask().status == 200
    resolver.zone["sip.test"] = ["127.0.0.3"]
    wait.until(lambda: len(one.log.find("resolve.changed")) == 2, 10, "the other address", one.log.text)
    wait.until(lambda: answering(one, servers) == 1, 5, "a connection to it")
    assert old.ask().status == 200 and len(servers[0].messages) >= 2
    assert one.log.find("reload") == []


def test_an_address_that_is_still_among_them_is_kept(weir, names, farm):
    servers = farm("127.0.0.2", "127.0.0.3")
    resolver = names({"sip.test": ["127.0.0.2"]})
    one = weir(resolver, [f"sip.test:{port_of(servers[0])}"])
    assert answering(one, servers) == 0
    resolver.zone["sip.test"] = ["127.0.0.3", "127.0.0.2"]
    asked = len(resolver.asked)
    wait.until(lambda: len(resolver.asked) > asked + 3, 10, "more questions")
    assert answering(one, servers) == 0


def test_all_addresses_of_a_name_are_servers(weir, names, farm, path):
    servers = farm("127.0.0.2", "127.0.0.3", "127.0.0.4")
    resolver = names({"sip.test": ["127.0.0.2", "127.0.0.3"]})
    one = weir(resolver, [f"sip.test:{port_of(servers[0])}"], "address")
    assert sorted(rows(path)) == ["s1/1", "s1/2"]
    assert {answering(one, servers) for _ in range(4)} == {0, 1}
    # One goes, one comes: who stays keeps its object.
    stays = next(name for name, row in rows(path).items() if row["address"] == servers[1].address)
    resolver.zone["sip.test"] = ["127.0.0.4", "127.0.0.3"]
    wait.until(lambda: servers[2].address in {row["address"] for row in rows(path).values()}, 10, "the third")
    wait.until(lambda: {answering(one, servers) for _ in range(4)} == {1, 2}, 5, "the new two")
    assert rows(path)[stays]["address"] == servers[1].address


def test_clients_of_an_address_that_is_gone_are_drained(weir, names, farm, path):
    servers = farm("127.0.0.2", "127.0.0.3")
    resolver = names({"sip.test": ["127.0.0.2", "127.0.0.3"]})
    one = weir(resolver, [f"sip.test:{port_of(servers[0])}"], "address", pool={"drain_over": "1s"})
    phones = [one.dial() for _ in range(6)]
    assert all(phone.ask().status == 200 for phone in phones)
    there = [len(s.connections) for s in servers]
    assert there == [3, 3]
    resolver.zone["sip.test"] = ["127.0.0.3"]
    for connection in servers[0].connections:
        connection.wait_end(15)
    assert not any(connection.ended for connection in servers[1].connections)
    lines = one.log.wait_for("connection.closed", reason="server_drained", count=3)
    assert lines


def test_one_address_is_told_what_to_do_by_its_own_name(weir, names, farm, path):
    servers = farm("127.0.0.2", "127.0.0.3")
    one = weir(names({"sip.test": ["127.0.0.2", "127.0.0.3"]}), [f"sip.test:{port_of(servers[0])}"], "address")
    first = next(name for name, row in rows(path).items() if row["address"] == servers[0].address)
    control.command(path, "backend", f"main/{first}", "down")
    assert {answering(one, servers) for _ in range(4)} == {1}


def states(path):
    servers = json.loads(control.command(path, "--json", "backends"))["servers"]
    return {one["address"]: one["state"] for one in servers if one["state"] != "removed"}


def test_an_order_stays_with_the_address_that_it_was_given_to(weir, names, path):
    resolver = names({"sip.test": ["127.0.0.2", "127.0.0.3"]})
    weir(resolver, ["sip.test:5060"], "address")
    number = next(one["name"] for one in json.loads(control.command(path, "--json", "backends"))["servers"] if one["address"] == "127.0.0.3:5060")
    control.command(path, "backend", f"main/{number}", "down")
    for addresses, expected in (
        (["127.0.0.2"], {}),
        (["127.0.0.2", "127.0.0.4"], {"127.0.0.4:5060": "up"}),
        (["127.0.0.2", "127.0.0.4", "127.0.0.3"], {"127.0.0.4:5060": "up", "127.0.0.3:5060": "down"}),
    ):
        resolver.zone["sip.test"] = addresses
        wait.until(lambda: states(path) == {"127.0.0.2:5060": "up", **expected}, 8, str(expected), lambda: str(states(path)))


def test_a_service_says_where_it_is(weir, names, farm, path):
    first, second = farm("127.0.0.2", "127.0.0.3")
    third, *_ = farm("127.0.0.4")
    zone = {
        "_sip._tcp.example.test": [(10, 3, port_of(first), "a.test"), (10, 1, port_of(second), "b.test"), (20, 1, port_of(third), "c.test")],
        "a.test": ["127.0.0.2"],
        "b.test": ["127.0.0.3"],
        "c.test": ["127.0.0.4"],
    }
    servers = [first, second, third]
    one = weir(names(zone), ["_sip._tcp.example.test"], "srv")
    chosen = [answering(one, servers) for _ in range(8)]
    assert [chosen.count(i) for i in range(3)] == [6, 2, 0]
    by_address = {row["address"]: name for name, row in rows(path).items()}
    for gone in (first, second):
        control.command(path, "backend", f"main/{by_address[gone.address]}", "down")
    assert answering(one, servers) == 2


FAULTS = [dns.NXDOMAIN, dns.SERVFAIL, dns.REFUSED, "silent", b"", b"\x85\x80", b"\x85\x80" + b"\xff" * 200, b"\x85\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 50]


@pytest.mark.parametrize("mood", FAULTS, ids=lambda m: repr(m)[:12])
@pytest.mark.parametrize("resolve", ["", "address", "srv"])
def test_what_was_known_stays_when_no_good_answer_comes(weir, names, farm, mood, resolve):
    (behind,) = farm("127.0.0.2")
    zone = {"sip.test": ["127.0.0.2"], "_sip._tcp.sip.test": [(1, 1, port_of(behind), "sip.test")]}
    resolver = names(zone)
    one = weir(resolver, ["_sip._tcp.sip.test" if resolve == "srv" else f"sip.test:{port_of(behind)}"], resolve)
    assert answering(one, [behind]) == 0
    resolver.mood = mood
    line = one.log.wait_for("resolve.failed", within=20)
    assert "the last answer stays" in line["message"] and line["level"] == "warning"
    assert answering(one, [behind]) == 0
    resolver.mood = None
    asked = len(resolver.asked)
    wait.until(lambda: len(resolver.asked) > asked + 2, 20, "more questions")
    assert answering(one, [behind]) == 0


def known(path):
    return {one["address"] for one in json.loads(control.command(path, "--json", "backends"))["servers"] if one["state"] != "removed"}


@pytest.mark.parametrize("mood", [dns.SERVFAIL, "silent"])
def test_half_an_answer_takes_nothing_away(weir, names, path, mood):
    """One family of addresses does not come: those that were known stay, and the other one may grow."""
    resolver = names({"sip.test": ["127.0.0.1", "::1"]})
    one = weir(resolver, ["sip.test:5060"], "address")
    assert known(path) == {"127.0.0.1:5060", "[::1]:5060"}
    resolver.moods = {dns.AAAA: mood}
    one.wait_for("resolve.failed", within=12)
    assert known(path) == {"127.0.0.1:5060", "[::1]:5060"}
    resolver.moods = {}
    resolver.zone["sip.test"] = ["127.0.0.1"]  # there is none any more, and that was said
    wait.until(lambda: known(path) == {"127.0.0.1:5060"}, 12)
    resolver.moods = {dns.AAAA: mood}
    resolver.zone["sip.test"] = ["127.0.0.1", "127.0.0.2"]
    wait.until(lambda: known(path) == {"127.0.0.1:5060", "127.0.0.2:5060"}, 12)


def test_it_starts_with_a_dead_resolver_and_finds_the_server_later(weir, names, farm):
    (behind,) = farm("127.0.0.2")
    resolver = names({"sip.test": ["127.0.0.2"]})
    resolver.mood = dns.SERVFAIL
    one = weir(resolver, [f"sip.test:{port_of(behind)}"])
    line = one.wait_for("resolve.failed")
    assert "no server until it can" in line["message"]
    phone = one.dial()
    assert phone.ask().status == 503
    resolver.mood = None
    one.log.wait_for("resolve.changed", within=20)
    wait.until(lambda: phone.ask().status == 200, 5, "an answer on the connection that stayed")


def test_a_stop_does_not_wait_for_the_first_answers(weir, names):
    resolver = names()
    resolver.mood = "silent"
    one = weir(resolver, ["sip.test:5060"], ready=False)
    wait.until(lambda: resolver.asked)
    began = time.monotonic()
    one.stop()
    assert time.monotonic() - began < wait.seconds(1.5)


def test_a_reload_keeps_what_is_known(weir, names, farm, path):
    servers = farm("127.0.0.2", "127.0.0.3")
    resolver = names({"sip.test": ["127.0.0.2"], "other.test": ["127.0.0.3"]})
    one = weir(resolver, [f"sip.test:{port_of(servers[0])}"])
    assert answering(one, servers) == 0
    resolver.mood = "silent"
    one.change(pool={"retries": 1})
    assert answering(one, servers) == 0
    # Another name is looked for, by another resolver.
    other = names(resolver.zone)
    one.change(pool={"servers": conf.servers(f"other.test:{port_of(servers[0])}")}, resolvers=[other.address])
    wait.until(lambda: rows(path).get("s1", {}).get("address") == servers[1].address, 10, "the other one")
    wait.until(lambda: answering(one, servers) == 1, 5, "a connection to it")


def other_servers(one, servers, **more):
    """The file with these servers, and sipweir not told yet."""
    tree = {**one.tree, "pools": [{**one.tree["pools"][0], "servers": servers, **more}]}
    one.config.write_text(conf.group(tree))


def test_an_address_that_becomes_a_name_is_missed_by_nobody(weir, names, farm, path):
    """The reload waits for the name, and everything goes on in the meantime."""
    (behind,) = farm("127.0.0.2")
    resolver = names({"sip.test": ["127.0.0.2"]})
    one = weir(resolver, [behind.address])
    resolver.delay = 0.3
    other_servers(one, conf.servers(f"sip.test:{port_of(behind)}"))
    one.kill(signal.SIGHUP)
    while not one.log.find("reload"):
        assert answering(one, [behind]) == 0
    assert one.log.find("reload")[0]["level"] == "notice"
    for _ in range(5):
        assert answering(one, [behind]) == 0
    assert resolver.asked and known(path) == {behind.address}


@pytest.mark.parametrize("mood, reason, most", [(None, "not_found", 3), ("silent", "timeout", 8)])
def test_a_reload_warns_of_a_name_that_nobody_knows(weir, names, farm, path, mood, reason, most):
    (behind,) = farm("127.0.0.2")
    resolver = names()
    resolver.mood = mood
    one = weir(resolver, [behind.address])
    other_servers(one, conf.servers(behind.address, "sip.test:5060"))
    line = next(i for i, text in enumerate(one.config.read_text().splitlines(), 1) if "sip.test" in text)
    began = time.monotonic()
    said = control.command(path, "reload")
    assert time.monotonic() - began < wait.seconds(most)
    what = f'{one.config}:{line}: pools.main.servers.s2.address: "sip.test" cannot be resolved ({reason})'
    assert "warning: " + what in said
    assert one.log.find("reload", level="warning")[0]["message"].startswith(what)
    assert answering(one, [behind]) == 0 and known(path) == {behind.address}
    resolver.mood, resolver.zone = None, {"sip.test": ["127.0.0.9"]}
    wait.until(lambda: "127.0.0.9:5060" in known(path), 12)


def test_orders_and_reloads_wait_for_a_reload_that_waits(weir, names, farm, path):
    (behind,) = farm("127.0.0.2")
    resolver = names({"sip.test": ["127.0.0.9"]})
    one = weir(resolver, [behind.address])
    resolver.delay = 0.3
    other_servers(one, conf.servers(behind.address, "sip.test:5060"))
    one.kill(signal.SIGHUP)
    wait.until(lambda: resolver.asked)
    one.kill(signal.SIGHUP)
    assert "no new clients" in control.command(path, "backend", "main/s2", "drain")
    one.log.wait_for("reload", count=2, level="notice")
    assert not one.log.find("reload", level="error")


def test_a_stop_does_not_wait_for_a_reload_that_waits(weir, names, farm):
    (behind,) = farm("127.0.0.2")
    resolver = names()
    resolver.mood = "silent"
    one = weir(resolver, [behind.address])
    other_servers(one, conf.servers("sip.test:5060"))
    one.kill(signal.SIGHUP)
    wait.until(lambda: resolver.asked)
    began = time.monotonic()
    one.stop()
    assert time.monotonic() - began < wait.seconds(1.5)


def test_a_reload_that_fails_behind_its_names_changes_nothing(weir, names, farm, path, tmp_path):
    (behind,) = farm("127.0.0.2")
    resolver, other = names({"sip.test": ["127.0.0.2"]}), names({"sip.test": ["127.0.0.99"], "k2.test": ["127.0.0.2"]})
    one = weir(resolver, [f"sip.test:{port_of(behind)}"])
    servers = conf.servers(f"sip.test:{port_of(behind)}", "k2.test:5060")
    servers[1]["transport"] = "tls"
    pool = {**one.tree["pools"][0], "servers": servers, "tls": {"ca": str(tmp_path / "none.pem")}}
    outcome = one.reload(text=conf.group({**one.tree, "resolvers": [other.address], "pools": [pool]}))
    assert (outcome["level"], outcome["reason"]) == ("error", "prepare")
    before, asked = len(other.asked), len(resolver.asked)
    wait.until(lambda: len(resolver.asked) > asked + 3, 8)
    assert len(other.asked) == before and not [one for one in other.asked if one[0] == "sip.test"]
    assert len(one.log.find("resolve.changed", server="s1")) == 1  # at the start
    assert known(path) == {behind.address} and answering(one, [behind]) == 0


def test_phones_never_wait_for_a_resolver(weir, names, farm):
    (behind,) = farm("127.0.0.2")
    resolver = names({"sip.test": ["127.0.0.2"]})
    one = weir(resolver, [f"sip.test:{port_of(behind)}"])
    phone = one.dial()
    assert phone.ask().status == 200
    resolver.mood = "silent"
    asked = len(resolver.asked)
    wait.until(lambda: len(resolver.asked) > asked, 10, "a question that nobody answers")
    began = time.monotonic()
    for _ in range(50):
        assert phone.ask().status == 200
    assert time.monotonic() - began < wait.seconds(1)


@pytest.mark.parametrize("resolve,wanted", [("", "sip.test"), ("address", "sip.test"), ("srv", "example.test")])
def test_the_certificate_is_for_the_name(weir, names, backend, authority, resolve, wanted):
    good, bad = (backend(context=tls.server(authority.issue(name))) for name in (wanted, "else.test"))
    asked = []
    for one in (good, bad):
        one.context.sni_callback = lambda connection, name, _: asked.append(name)
        zone = {"sip.test": ["127.0.0.1"], "_sips._tcp.example.test": [(1, 1, port_of(one), "sip.test")]}
        address = "_sips._tcp.example.test" if resolve == "srv" else f"sip.test:{port_of(one)}"
        pool = {"servers": [{"name": "s1", "address": address, "transport": "tls"}], "tls": {"ca": authority.certificate}}
        through = weir(names(zone), ["127.0.0.1:9"], resolve, pool=pool)
        assert through.dial().ask().status == (200 if one is good else 503)
        assert asked[-1] == wanted
        if one is bad:
            assert through.wait_for("backend.failed")["reason"] == "name_mismatch"
        through.stop()


def test_a_session_vouches_for_the_name_that_was_looked_at_alone(weir, names, backend, authority):
    """Another name of the same address, whose certificate is for the first."""
    behind = backend(context=tls.server(authority.issue("sip.test")))
    resolver = names({"sip.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})

    def servers(name):
        return [{"name": "s1", "address": f"{name}:{port_of(behind)}", "transport": "tls"}]

    pool = {"servers": servers("sip.test"), "tls": {"ca": authority.certificate}}
    one = weir(resolver, ["127.0.0.1:9"], pool=pool)
    for _ in range(2):
        phone = one.dial()
        assert phone.ask().status == 200
        phone.close()
    one.change(pool={"servers": servers("other.test")})
    one.wait_for("resolve.changed", message=lambda text: "other.test" in text)
    wait.until(lambda: one.dial().ask().status == 503 and one.log.find("backend.failed"))
    assert one.log.find("backend.failed")[0]["reason"] == "name_mismatch"
    assert one.dial().ask().status == 503


WRONG = [
    ("sip.test", "", "\"sip.test\" cannot be read"),
    ("10.0.0.300:5060", "", "cannot be read"),
    ("_sip._tcp.sip.test", "", "is the name of a service, expected resolve = \"srv\""),
    ("sip.test:5060", "srv", "is the name of a host, expected that of a service"),
    ("sip..test:5060", "address", "cannot be read"),
    ("sip.test:0", "address", "is out of range"),
]


@pytest.mark.parametrize("address,resolve,what", WRONG)
def test_a_name_that_is_none_is_told_with_its_line(tmp_path, address, resolve, what):
    config = tmp_path / "sipweir.conf"
    config.write_text(conf.group(conf.tree([address], pool={"resolve": resolve})))
    line = next(i for i, text in enumerate(config.read_text().splitlines(), 1) if address in text)
    done = program.run("--check", "--config", str(config))
    assert done.returncode == 2
    assert any(f"{config}:{line}: pools.main.servers.s1.address" in text and what in text for text in done.stderr.splitlines()), done.stderr


def test_a_check_asks_nobody(tmp_path, names):
    resolver = names()
    config = tmp_path / "sipweir.conf"
    config.write_text(conf.group(conf.tree(["sip.test:5060"], resolvers=[resolver.address])))
    done = program.run("--check", "--config", str(config))
    assert done.returncode == 0 and resolver.asked == []


def test_who_is_no_resolver_is_told(tmp_path):
    config = tmp_path / "sipweir.conf"
    config.write_text(conf.group(conf.tree(["sip.test:5060"], resolvers=["ns.test"])))
    done = program.run("--check", "--config", str(config))
    assert done.returncode == 2 and "resolvers: \"ns.test\" is nobody who could be asked" in done.stderr
