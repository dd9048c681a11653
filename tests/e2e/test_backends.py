# SPDX-License-Identifier: BSD-2-Clause
"""The servers of a pool: chosen, checked, told what to do, and lost, with real ones at the other end."""
import collections
import json
import os
import random
import socket
import threading
import time

import pytest

from harness import conf, control, http, phone, proxy, server, sip, wait

QUICK = {"method": "options", "interval": "200ms", "timeout": "150ms", "rise": 2, "fall": 2}
BOTH = pytest.mark.parametrize("loss", ["close", "keep"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ctl"


@pytest.fixture
def weir(sipweir, path):
    """weir(servers, pool={...}): with a control socket and metrics."""

    def make(servers, pool=None, **settings):
        one = sipweir(
            [one.address for one in servers],
            pool={"health": QUICK, **(pool or {})},
            admin={"control": str(path), "http": "127.0.0.1:0"},
            limits={"connections": 0, "unproven": 0},
            **settings,
        )
        one.wait_for("listening", listener="admin.control")
        return one

    return make


class Moody:
    """Answers checks with `status`, and clients with 200 and its name."""

    def __init__(self, name):
        self.name, self.status = name, 200

    def __call__(self, connection, message):
        is_check = message.header("User-Agent") == "sipweir"
        connection.reply(message, self.status if is_check else 200, "Well")


def health_of(path, name):
    servers = json.loads(control.command(path, "--json", "backends"))["servers"]
    return next(one for one in servers if one["name"] == name)


def asked(behind):
    """How many requests of clients it has had."""
    return sum(one.method is not None and one.header("User-Agent") != "sipweir" for one in behind.messages)


# --- health


def test_a_server_whose_checks_fail_gets_no_new_clients_until_they_succeed_again(weir, path, backend):
    moods = [Moody("a"), Moody("b")]
    servers = [backend(mood) for mood in moods]
    one = weir(servers)
    wait.until(lambda: health_of(path, "s1")["health"] == health_of(path, "s2")["health"] == "up", 5)
    moods[0].status = 503
    line = one.wait_for("backend.down", server="s1")
    assert (line["level"], line["reason"], line["address"]) == ("warning", "status", servers[0].address)
    assert "answered 503" in line["message"]
    page = http.metrics(one)
    assert page.sum("sipweir_backend_up", server="s1") == 0 and page.sum("sipweir_backend_up", server="s2") == 1
    known = health_of(path, "s1")
    assert (known["health"], known["status"], known["state"]) == ("down", 503, "up")
    for _ in range(4):
        client = one.dial()
        assert client.ask().status == 200
        client.close()
    assert (asked(servers[0]), asked(servers[1])) == (0, 4)
    moods[0].status = 404  # whoever says that is alive
    began = time.monotonic()
    one.wait_for("backend.up", server="s1")
    assert time.monotonic() - began < 0.2 * 2 + wait.seconds(1)
    assert "up" in control.command(path, "backends")


def test_a_check_is_a_request_of_nobody_behind_a_header_of_nobody(weir, path, backend):
    behind = backend(reads_header=True)
    weir([behind], pool={"proxy_protocol": "v2", "health": QUICK})
    check = behind.wait_messages(1)[0]
    assert behind.connections[0].header.source is None and behind.connections[0].header.version == 2
    assert check.start == f"OPTIONS sip:{behind.address} SIP/2.0"
    via = check.header("Via")
    assert via.startswith(f"SIP/2.0/TCP {behind.connections[0].peer};branch=z9hG4bK")
    wait.until(lambda: health_of(path, "s1")["health"] == "up", 5)


def test_readiness_does_not_depend_on_servers(weir, backend):
    behind = backend(server.silent)
    one = weir([behind])
    one.wait_for("backend.down")
    assert http.ask(one.address_of("admin.http"), "/readyz").status == 200


def test_it_stops_in_the_middle_of_a_check(weir, backend):
    behind = backend(server.silent)
    one = weir([behind], pool={"health": {"method": "options", "interval": "50ms", "timeout": "50ms"}})
    behind.wait_messages(2)
    one.stop()


def test_with_all_servers_down_they_are_tried_or_clients_are_refused(weir, backend):
    for all_down, status in (("try", 200), ("refuse", 503)):
        mood = Moody("a")
        mood.status = 503
        one = weir([backend(mood)], pool={"all_down": all_down, "health": QUICK})
        one.wait_for("backend.down")
        client = one.dial()
        assert client.ask().status == status
        client.close()
        one.stop()


# --- policies


def test_a_source_finds_its_server_again_also_by_another_instance(sipweir, backend):
    servers = [backend(reads_header=True) for _ in range(4)]
    settings = {
        "listener": {"proxy_protocol": "require"},
        "pool": {"policy": "source-hash", "proxy_protocol": "v1"},
        "workers": 2,
    }
    found = collections.defaultdict(set)
    for _ in range(2):
        one = sipweir([behind.address for behind in servers], **settings)
        for _ in range(2):
            for host in range(1, 21):
                client = phone.Phone(one.address, proxy.v2(f"198.51.100.{host}"))
                assert client.ask().status == 200
                client.close()
    for i, behind in enumerate(servers):
        for connection in behind.connections:
            found[connection.source].add(i)
    assert len(found) == 20 and all(len(those) == 1 for those in found.values())
    assert len(set.union(*found.values())) > 1


# --- what an administrator says


def test_a_drained_server_loses_its_clients_and_stays_so_over_a_reload(weir, path, backend):
    servers = [backend(), backend()]
    one = weir(servers)
    clients = [one.dial() for _ in range(8)]
    for client in clients:
        assert client.ask().status == 200
    assert (asked(servers[0]), asked(servers[1])) == (4, 4)
    said = control.command(path, "backend", "main/s1", "drain", "--over", "1s")
    assert said == "no new clients; its 4 connections are closed within 1 s\n"
    assert one.wait_for("backend.drain", server="s1")["reason"] == "administrator"
    one.log.wait_for("connection.closed", count=4, within=10, reason="server_drained")
    one.change(timeouts={"connect": "4s"})
    assert (health_of(path, "s1")["state"], health_of(path, "s1")["ordered"]) == ("drain", True)
    for _ in range(3):
        client = one.dial()
        assert client.ask().status == 200
        client.close()
    assert asked(servers[0]) == 4
    assert control.command(path, "backend", "main/s1", "up") == "it takes clients\n"
    assert not health_of(path, "s1")["ordered"]
    for _ in range(2):
        assert one.dial().ask().status == 200
    assert asked(servers[0]) == 5
    assert sum(client.is_open() for client in clients) == 4


def test_a_drain_by_the_file_says_how_long_it_will_take(weir, path, backend):
    first, second = backend(), backend()
    one = weir([first, second], pool={"drain_over": "60s"})
    clients = [one.dial() for _ in range(4)]
    assert all(client.ask().status == 200 for client in clients)
    servers = conf.servers(first.address, second.address)
    servers[0]["state"] = "drain"
    one.change(pool={"servers": servers})
    left = wait.until(lambda: health_of(path, "s1")["drain_left_ms"], 5, "a drain")
    assert 50_000 < left <= 60_000
    wait.until(lambda: health_of(path, "s1")["drain_left_ms"] < left - 500, 5, "less time")
    assert health_of(path, "s2")["drain_left_ms"] == 0
    for client in clients:
        client.close()
    wait.until(lambda: health_of(path, "s1")["drain_left_ms"] == 0, 5, "nobody left to be closed")


def test_what_cannot_be_ordered_is_refused_with_a_sentence(weir, path, backend):
    weir([backend()])
    assert control.refused(path, "backend", "main/s9", "up").startswith("there is no such server")
    assert control.refused(path, "backend", "other/s1", "up").startswith("there is no such pool")
    for words in (("main", "up"), ("main/s1", "sideways"), ("main/s1",), ("main/s1", "drain", "--over", "soon")):
        done = control.run("--socket", str(path), "backend", *words)
        assert done.returncode == 2 and done.stderr, words


@BOTH
def test_a_server_that_is_told_to_go_down_is_a_lost_one(weir, path, backend, loss):
    servers = [backend(), backend()]
    one = weir(servers, pool={"on_server_loss": loss, "health": {"method": "off"}})
    clients = [one.dial() for _ in range(6)]
    for client in clients:
        assert client.ask().status == 200
    wait.until(lambda: time.monotonic() > 0, 1)
    said = control.command(path, "backend", "main/s1", "down")
    assert said == "no new clients; its 3 connections are those of a lost server\n"
    if loss == "close":
        one.log.wait_for("connection.closed", count=3, reason="server_lost")
    else:
        wait.until(lambda: len([c for c in servers[1].connections if not c.ended]) >= 3, 5)
        for client in clients:
            assert client.ask().status == 200
    assert all(c.wait_end() for c in servers[0].connections)


# --- loss


@BOTH
def test_who_is_owed_an_answer_by_a_killed_server_hears_503(weir, path, backend, loss):
    def answer(connection, message):
        if message.method != "MESSAGE":
            connection.reply(message)

    dying, other = backend(answer), backend()
    one = weir([dying], pool={"on_server_loss": loss, "close_rate": "off", "health": {"method": "off"}})
    clients = [one.dial() for _ in range(20)]
    for client in clients:
        assert client.ask().status == 200
        client.send(sip.request("MESSAGE"))
    dying.wait_messages(40)
    one.change(pool={"servers": [*conf.servers(dying.address, other.address)]})
    dying.stop()
    for client in clients:
        assert client.receive().status == 503
    if loss == "close":
        for client in clients:
            client.wait_end()
    else:
        for client in clients:
            assert client.ask().status == 200
    assert asked(other) == (20 if loss == "keep" else 0)


def test_clients_of_a_dead_server_are_closed_at_the_rate_and_those_who_register_stay(weir, path, backend):
    dying, other = backend(), backend()
    one = weir([dying], pool={"close_rate": "20/s", "health": {"method": "off"}})
    clients = [one.dial() for _ in range(60)]
    for client in clients:
        assert client.ask().status == 200
    one.change(pool={"servers": [*conf.servers(dying.address, other.address)]})
    dying.stop()
    began = time.monotonic()
    staying = clients[-1]
    assert staying.ask(method="REGISTER").status == 200
    control.command(path, "backend", "main/s1", "down")
    one.log.wait_for("connection.closed", count=59, within=15, reason=lambda r: r in ("server_lost", "server_closed"))
    lost = len(one.log.find("connection.closed", reason="server_lost"))
    assert lost >= 40, "only the first few looked like clients that were unwelcome"
    assert time.monotonic() - began > (lost - 5) / 20
    assert staying.ask().status == 200


def test_a_server_that_closes_one_connection_harms_only_that_client(weir, registrar):
    """20 KB are more than a stock Kamailio reads: it closes."""
    one = weir([registrar], pool={"max_message": "60K"}, sip={"max_message": "60K"})
    neighbours = [one.dial() for _ in range(12)]
    for client in neighbours:
        assert client.ask().status == 200
    bad = one.dial()
    assert bad.ask().status == 200
    bad.send(sip.request("MESSAGE", body=b"x" * 20000))
    bad.wait_end()
    for client in neighbours:
        assert client.ask().status == 200
    assert not one.log.find("backend.down") and not one.log.find("backend.lost")


# --- changes at random


class Talker(threading.Thread):
    """A client that asks and asks: each request is answered, or its connection ends."""

    def __init__(self, weir, number, requests):
        super().__init__(daemon=True)
        self.weir, self.number, self.requests = weir, number, requests
        self.answers = collections.Counter()
        self.ended = 0
        self.fault = None

    def run(self):
        client = self.weir.dial()
        try:
            for n in range(self.requests):
                request = sip.request("OPTIONS", call_id=f"t{self.number}-{n}")
                try:
                    client.send(request)
                    answer = client.receive(within=30)
                    if answer.header("Call-ID") != f"t{self.number}-{n}":
                        self.fault = f"answered for another: {answer.header('Call-ID')}"
                    self.answers[answer.status] += 1
                except AssertionError:
                    if client.is_open(0):
                        raise
                    self.ended += 1
                    client.close()
                    client = self.weir.dial()
        except Exception as fault:
            self.fault = repr(fault)
        client.close()


@BOTH
def test_through_changes_of_state_every_request_is_answered_or_its_connection_ends_and_none_is_sent_twice(
    weir, path, backend, loss
):
    servers = [backend() for _ in range(3)]
    one = weir(servers, pool={"on_server_loss": loss, "close_rate": "50/s"}, workers=2)
    talkers = [Talker(one, number, 300) for number in range(20)]
    for talker in talkers:
        talker.start()
    dice = random.Random(4711)
    changes = 0
    while any(talker.is_alive() for talker in talkers):
        name = f"main/s{dice.randrange(3) + 1}"
        words = dice.choice((["up"], ["up"], ["drain", "--over", "500ms"], ["down"]))
        control.command(path, "backend", name, *words)
        changes += 1
    for talker in talkers:
        talker.join()
        assert talker.fault is None
        assert sum(talker.answers.values()) + talker.ended == talker.requests
    seen = collections.Counter(m.header("Call-ID") for behind in servers for m in behind.messages if m.method)
    assert changes > 5 and max(seen.values()) == 1
    print(f"{changes} changes", sum((t.answers for t in talkers), collections.Counter()), sum(t.ended for t in talkers))
