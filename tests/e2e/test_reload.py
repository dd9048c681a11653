# SPDX-License-Identifier: BSD-2-Clause
"""HUP changes what can change while everything goes on, or nothing at all, and says which."""
import copy
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import conf, http, log, phone, ports, sip, wait
from harness import sipweir as program

THROUGH = {"proxy_protocol": "require"}
ADMIN = {"http": "127.0.0.1:0"}


def refused(one):
    """True when it is reset without a byte."""
    how = one.wait_end()
    assert one.data == b"", one.data
    return how == "rst"


def serves(one):
    return one.ask().status == 200


def is_admitted(one):
    one.send(sip.request())
    try:
        return one.receive().status == 200
    except AssertionError:
        return False


# Nobody notices


@pytest.fixture
def responder(loads):
    """The address of a C server that answers 200 and wants a PROXY header."""
    one = loads("respond", "127.0.0.1:0")
    return "127.0.0.1:" + one.expect("port ").split()[1]


def with_something_more(tree, number):
    """Another limit each time, and each second time a listener and a pool more, whose names are not used again."""
    tree = copy.deepcopy(tree)
    tree["limits"] = {"connections": 1000 + number}
    if number % 2:
        more = {**tree["listeners"][0], "name": f"more{number}", "pool": f"more{number}"}
        tree["listeners"] = [*tree["listeners"], more]
        tree["pools"] = [*tree["pools"], {**conf.RESPOND_200, "name": f"more{number}"}]
    return tree


@pytest.mark.parametrize("over", ["tcp", "tls"])
def test_20_reloads_50_ms_apart_refuse_nobody_and_reset_nobody(sipweir, loads, responder, leaf, over):
    flags = ["--tls"] if over == "tls" else []
    weir = sipweir(
        [responder],
        workers=2,
        listener={**THROUGH, "trusted": ["127.0.0.0/8"], **(conf.secure(leaf) if flags else {})},
        pool={"proxy_protocol": "v2"},
        log={"level": "notice"},
        admin=ADMIN,
    )
    main, clients = weir.tree, weir.address
    living = loads("request", clients, "--gate", *flags, connections=50, seconds=wait.seconds(2))
    living.expect("ready")
    living.go()
    connecting = loads("connect", clients, *flags, connections=16, seconds=wait.seconds(2))
    began = time.monotonic()
    for number in range(20):
        time.sleep(max(0.0, began + 0.05 * number - time.monotonic()))  # the pace, not a wait
        outcome = weir.reload(with_something_more(main, number))
        assert outcome["level"] == "notice" and "limits.connections" in outcome["message"]
    assert connecting.process.poll() is None, "the reloads were over before the clients"
    assert connecting.end_without_fault()["operations"] > 20
    assert living.end_without_fault()["operations"] > 20
    page = http.metrics(weir)
    assert page.sum("sipweir_reloads_total", outcome="done") == 20
    assert page.sum("sipweir_config_generation") == 21


def test_clients_of_a_listener_that_goes_are_served_or_find_it_gone(sipweir, loads):
    port = ports.free()
    second = {"name": "second", "address": f"127.0.0.1:{port}"}
    weir = sipweir(workers=2, listeners=[{}, second], log={"level": "notice"})
    one = weir.dial(listener="second")
    assert serves(one)
    clients = loads("connect", f"127.0.0.1:{port}", proxy="none", connections=4, seconds=wait.seconds(30))
    wait.until(lambda: serves(weir.dial(listener="second")), 5)
    tree = copy.deepcopy(weir.tree)
    gone = tree["listeners"].pop()
    assert weir.reload(tree)["message"] == "changed: listeners.second removed"
    faults = clients.end()["faults"]
    # Between the last accept and the close of a socket there is a moment that nobody can do anything about.
    assert faults.pop("connect_failed") and faults.pop("reset") <= 2 and not any(faults.values()), faults
    assert serves(one), "who has come through it stays"
    weir.reload({**tree, "listeners": [*tree["listeners"], gone]})
    assert serves(weir.dial(listener="second"))


def test_who_waits_in_the_queue_of_a_listener_that_goes_is_served(sipweir):
    weir = sipweir(workers=2, listeners=[{}, {"name": "second"}])
    tree = copy.deepcopy(weir.tree)
    del tree["listeners"][1]
    weir.kill(signal.SIGSTOP)
    queue = [weir.dial(listener="second").send(sip.request()) for _ in range(50)]
    weir.config.write_text(conf.group(tree))
    weir.kill(signal.SIGHUP)
    weir.kill(signal.SIGCONT)
    weir.wait_for("reload", message="changed: listeners.second removed")
    for one in queue:
        assert one.receive().status == 200
    assert all(map(serves, queue)), "and they stay"


# Limits


def test_a_raised_limit_admits_and_a_lowered_one_closes_nobody_and_admits_nobody(sipweir):
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 2})
    held = [weir.dial() for _ in range(2)]
    assert all(map(serves, held)) and refused(weir.dial())

    weir.change(limits={"connections": 4})
    held += [weir.dial() for _ in range(2)]
    assert all(map(serves, held)) and refused(weir.dial())

    weir.change(limits={"connections": 1})
    assert all(map(serves, held)) and refused(weir.dial())
    assert serves(weir.dial("198.51.100.8"))

    for left in (3, 2, 1):
        held.pop().close()
        weir.log.wait_for("connection.closed", reason="client_closed", source="198.51.100.7", count=4 - left)
        assert refused(weir.dial()), f"{left} are still there, one is allowed"
    held.pop().close()
    weir.log.wait_for("connection.closed", reason="client_closed", source="198.51.100.7", count=4)
    assert serves(weir.dial()) and refused(weir.dial())


def test_counts_are_exact_after_many_reloads_with_connections_that_come_and_go(sipweir):
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 4})
    held, left = [], 0
    for limit in (5, 2, 0, 3, 7, 1):
        weir.change(limits={"connections": limit})
        for one in held[1::2]:
            one.close()
            left += 1
        held = held[::2]
        wait.until(lambda: weir.log.total("connection.closed", reason="client_closed") == left, 5, f"{left} closed")
        while len(held) < (limit or 9):
            held.append(weir.dial())
            assert serves(held[-1]), f"number {len(held)} of {limit or 'any number'}"
        assert limit == 0 or refused(weir.dial()), f"one more than {limit}"
        assert all(map(serves, held))


# All that can change


def test_new_timeouts_hold_for_who_comes_now(sipweir):
    weir = sipweir(listener=THROUGH)
    weir.change(timeouts={"first_message": "200ms"})
    assert weir.dial().wait_end() in ("fin", "rst")
    weir.wait_for("connection.closed", reason="first_message_timeout")


def test_another_trust_list_holds_at_once_and_closes_nobody(sipweir):
    weir = sipweir(listener=THROUGH)
    before = weir.dial()
    assert serves(before)
    weir.change(listener={"trusted": ["10.0.0.0/8"]})
    assert weir.dial().wait_end()
    assert weir.wait_for("proxy_header.bad")["reason"] == "untrusted_peer"
    assert serves(before)
    weir.change(listener={"trusted": ["127.0.0.1/32"]})
    assert serves(weir.dial())


def test_a_server_that_is_exchanged_keeps_its_connections_and_gets_no_new_ones(sipweir, backend):
    first, second = backend(), backend()
    weir = sipweir([first])
    before = weir.dial()
    assert serves(before)
    weir.change(pool={"servers": conf.servers(second.address)})
    after = weir.dial()
    assert serves(after) and serves(before)
    assert (len(first.connections), len(first.messages)) == (1, 2)
    assert (len(second.connections), len(second.messages)) == (1, 1)


def test_a_pool_that_goes_is_used_to_the_end_by_who_has_it(sipweir, backend):
    behind = backend()
    weir = sipweir([behind])
    before = weir.dial()
    assert serves(before)
    tree = {**weir.tree, "pools": [{**conf.RESPOND_200, "name": "other"}]}
    tree["listeners"] = [{**weir.tree["listeners"][0], "pool": "other"}]
    assert weir.reload(tree)["level"] == "notice"
    after = weir.dial()
    assert serves(after) and len(behind.connections) == 1
    assert serves(before) and len(behind.messages) == 2
    before.close()
    behind.connections[0].wait_end()


def test_a_listener_that_is_renamed_keeps_its_socket_and_its_connections(sipweir, loads):
    port = ports.free()
    weir = sipweir(listener={"address": f"127.0.0.1:{port}"})
    before = weir.dial()
    assert serves(before)
    clients = loads("connect", f"127.0.0.1:{port}", proxy="none", connections=4, seconds=wait.seconds(1))
    for number in range(5):
        weir.change(listener={"name": f"name{number}"})
    clients.end_without_fault()
    assert serves(before)
    assert weir.log.find("connection.closed", listener="name4") or weir.log.find("connection.closed", listener="name3")
    said = [(line["listener"], line["address"]) for line in weir.log.find("listening")]
    assert said == [(name, f"127.0.0.1:{port}") for name in ("main", *(f"name{n}" for n in range(5)))]


def test_where_it_listens_is_said_again_for_a_new_name_and_for_nothing_that_stayed(sipweir):
    weir = sipweir(listeners=[{"address": f"127.0.0.1:{ports.free()}"}, {"name": "second", "address": f"127.0.0.1:{ports.free()}"}])
    first, second = weir.address_of("main"), weir.address_of("second")
    weir.change(limits={"connections": 7})
    weir.reload()
    assert len(weir.log.find("listening")) == 2
    tree = copy.deepcopy(weir.tree)
    for one, name in zip(tree["listeners"], ("second", "main")):
        one["name"] = name
    weir.reload(tree)
    wait.until(lambda: len(weir.log.find("listening")) == 4, 5, "both, because each has the name of the other", weir.log.text)
    assert (weir.address_of("main"), weir.address_of("second")) == (second, first)
    assert serves(weir.dial(listener="main")) and serves(weir.dial(listener="second"))


def test_the_level_and_the_target_of_the_log_change(sipweir, tmp_path):
    weir = sipweir(log={"level": "notice"})
    weir.dial().close()
    weir.change(log={"level": "info"})
    weir.dial().close()
    weir.wait_for("connection.closed")
    assert weir.log.total("connection.closed") == 1, "the first one was not told"
    target = tmp_path / "moved.log"
    weir.config.write_text(conf.group({**weir.tree, "log": {**weir.tree["log"], "target": str(target)}}))
    weir.kill(signal.SIGHUP)
    moved = log.Log(target)
    moved.wait_for("reload", message="changed: log.target")
    weir.dial().close()
    moved.wait_for("connection.closed")
    weir.log = moved


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1], ids=["HUP", "USR1"])
def test_a_log_file_that_was_moved_away_is_opened_anew(sipweir, tmp_path, number):
    target = tmp_path / "weir.log"
    weir = sipweir(log={"target": str(target)})
    target.rename(tmp_path / "weir.log.1")
    weir.kill(number)
    wait.until(target.exists, 5, "the new file")

    def is_told():  # the file is there a moment before it is used
        weir.dial().close()
        return '"connection.closed"' in target.read_text()

    wait.until(is_told, 5, "a line in the new file")


def test_a_log_that_nobody_reads_keeps_no_reload_and_another_target_is_the_way_out(tmp_path, end):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    address, operators = (f"127.0.0.1:{ports.free()}" for _ in range(2))
    config, target = tmp_path / "sipweir.conf", tmp_path / "weir.log"

    def write(limit, where):
        tree = conf.tree(listener={"address": address}, limits={"connections": limit}, admin={"http": operators}, log={"target": where})
        config.write_text(conf.group(tree))

    def has(metric, value):
        return lambda: http.Metrics(http.ask(operators, "/metrics").text).sum(metric) == value

    write(1, "stderr")
    process = subprocess.Popen([program.program(), "--config", str(config)], stderr=writer)
    end.append(process.kill)
    os.close(writer)
    wait.until(lambda: called(address), 10, "a listener")
    for _ in range(200):
        one = phone.Phone(address)
        assert one.ask().status == 200
        one.close()
    for number, where in enumerate(("stderr", "stderr", str(target), "stderr", str(target))):
        write(number + 2, where)
        process.send_signal(signal.SIGHUP)
        wait.until(has("sipweir_config_generation", number + 2), 5, f"reload {number}")
    moved = log.Log(target)
    lost = moved.wait_for("log.dropped")
    assert "nobody read them" in lost["message"]  # one line, or more
    process.send_signal(signal.SIGTERM)
    assert process.wait(wait.seconds(10)) == 0
    assert moved.wait_for("stop")["current"] == 0
    os.close(reader)


def called(address):
    try:
        return phone.Phone(address)
    except ConnectionRefusedError:
        return None


def test_what_needs_a_restart_is_said_by_name_and_the_rest_changes(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1})
    tree = {**weir.tree, "workers": 2, "limits": {"connections": 2, "ipv4_prefix": 24}}
    for _ in range(2):  # it is not forgotten either
        outcome = weir.reload(tree)
        assert outcome["level"] == "notice"
        for name in ("workers", "limits.ipv4_prefix"):
            assert re.search(rf"{re.escape(name)} \(after a restart\)", outcome["message"]), outcome
    warned = [line["message"] for line in weir.log.find("reload", level="warning")]
    for name in ("workers", "limits.ipv4_prefix"):
        assert any(re.search(rf"sipweir\.conf:\d+: {re.escape(name)}: ", m) for m in warned), warned
    held = [weir.dial("198.51.100.7"), weir.dial("198.51.100.7")]
    assert all(map(serves, held)) and refused(weir.dial("198.51.100.7"))
    assert serves(weir.dial("198.51.100.8")), "the prefix is what it was"


def test_a_reload_of_the_same_file_says_that_nothing_differs(sipweir):
    weir = sipweir()
    assert weir.reload()["message"] == "no option has changed"


def test_two_signals_in_a_row_end_with_what_the_file_says_then(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1})
    for limit in (5, 3, 2):
        weir.config.write_text(conf.group({**weir.tree, "limits": {"connections": limit}}))
        weir.kill(signal.SIGHUP)

    sources = (f"198.51.100.{n}" for n in range(1, 255))

    def admits_two():
        source = next(sources)
        return [is_admitted(weir.dial(source)) for _ in range(3)] == [True, True, False]

    wait.until(admits_two, 10, "what the last file says")


# All or nothing


def put(section, **values):
    def change(tree):
        tree[section] = {**tree.get(section, {}), **values}

    return change


def put_listener(**values):
    return lambda tree: tree["listeners"][0].update(values)


def put_pool(**values):
    return lambda tree: tree["pools"][0].update(values)


def twice(section):
    return lambda tree: tree[section].append(dict(tree[section][0]))


def without(section):
    return lambda tree: tree.pop(section)


BROKEN = {
    "unknown name": (put("limits", conections=5), "limits.conections"),
    "wrong type": (put("limits", unproven="many"), "limits.unproven"),
    "out of range": (put("sip", max_headers=1), "sip.max_headers"),
    "no such word": (put("limits", action="explode"), "limits.action"),
    "no duration": (put("timeouts", connect="5 parsecs"), "timeouts.connect"),
    "no size": (put("memory", total="much"), "memory.total"),
    "no address": (put_listener(address="127.0.0.1:99999"), "listeners.main.address"),
    "no network": (put_listener(trusted=["10.0.0.0/33"]), "listeners.main.trusted"),
    "trust in everybody": (put_listener(trusted=["0.0.0.0/0"]), "listeners.main.trusted"),
    "no such pool": (put_listener(pool="nowhere"), "listeners.main.pool"),
    "two of one name": (twice("pools"), "pools.main.name"),
    "options that contradict": (put("memory", per_connection="4K"), "memory.per_connection"),
    "no listener": (without("listeners"), "listeners"),
    "no pool": (without("pools"), "pools"),
    "a log that cannot be opened": (put("log", target="/nowhere/at/all.log"), "log.target"),
    "an address that is taken": ("taken", "listeners.main.address"),
    "metrics on an address that is taken": ("taken http", "admin.http"),
    "a control socket where there is no folder": (put("admin", control="/nowhere/at/all.sock"), "admin.control"),
    "more connections than descriptors": (put("limits"), "max_connections"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_line_leaves_everything_as_it_was_and_is_named(sipweir, what, end):
    change, option = BROKEN[what]
    weir = sipweir(listener=THROUGH, limits={"connections": 2}, admin=ADMIN)
    held = [weir.dial() for _ in range(2)]
    assert all(map(serves, held))
    tree = copy.deepcopy(weir.tree)
    tree["limits"]["connections"] = 50  # good, and must not come through
    tree["timeouts"]["first_message"] = "50ms"
    if isinstance(change, str):
        taken = ports.listening()
        end.append(taken.close)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        change = put("admin", http=address) if "http" in change else put_listener(address=address)
    change(tree)
    if option == "max_connections":
        tree["max_connections"] = 9000000
    check_nothing_changed(weir, weir.reload(text=conf.group(tree)), held, option)


@pytest.mark.parametrize(
    "what,text",
    [
        ("syntax", "limits: { connections = = 50; };"),
        ("an open bracket", "limits: { connections = 50;"),
        ("an empty file", ""),
        ("an include that is not there", '@include "nowhere.conf"\n'),
        ("binary", "\0\1\2\3"),
        ("twice", "workers = 1;\nworkers = 1;\n"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_everything_as_it_was(sipweir, what, text):
    weir = sipweir(listener=THROUGH, limits={"connections": 2}, admin=ADMIN)
    held = [weir.dial() for _ in range(2)]
    assert all(map(serves, held))
    check_nothing_changed(weir, weir.reload(text=text), held)


def test_a_file_that_is_gone_leaves_everything_as_it_was(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 2}, admin=ADMIN)
    held = [weir.dial() for _ in range(2)]
    assert all(map(serves, held))
    weir.config.rename(weir.config.with_suffix(".gone"))
    outcome = weir.reload()
    assert str(weir.config) in outcome["message"], outcome
    check_nothing_changed(weir, outcome, held)


@pytest.mark.parametrize("what", ["config", "log"])
def test_a_pipe_that_nobody_has_at_its_other_end_stops_nobody(sipweir, what):
    """The main thread would wait for ever, and with it every signal."""
    weir = sipweir(listener=THROUGH, limits={"connections": 2}, admin=ADMIN)
    held = [weir.dial() for _ in range(2)]
    assert all(map(serves, held))
    if what == "config":
        weir.config.unlink()
        os.mkfifo(weir.config)
        outcome = weir.reload()
        weir.config.unlink()
    else:
        os.mkfifo(weir.folder / "pipe")
        outcome = weir.reload(text=conf.group({**weir.tree, "log": {"target": str(weir.folder / "pipe")}}))
    check_nothing_changed(weir, outcome, held, "log.target" if what == "log" else None)


def check_nothing_changed(weir, outcome, held, option=None):
    """`held` are the two connections of the limit of two."""
    assert outcome["level"] == "error", outcome
    if option:
        assert re.match(rf"nothing has changed: \S*sipweir\.conf:\d+: {re.escape(option)}(\[\d+\])?: .+", outcome["message"]), outcome
    else:
        assert outcome["message"].startswith("nothing has changed: "), outcome
    assert all(map(serves, held)) and refused(weir.dial()), "the limit is what it was"
    assert serves(weir.dial("198.51.100.9"))
    page = http.metrics(weir)
    assert page.sum("sipweir_config_generation") == 1
    assert page.sum("sipweir_reloads_total", outcome="failed") == 1
    assert page.sum("sipweir_reloads_total", outcome="done") == 0
    good = copy.deepcopy(weir.tree)
    good["limits"]["connections"] = 3
    assert weir.reload(good)["level"] == "notice", "and the next good file is taken"
    assert serves(weir.dial())


def test_all_that_is_wrong_is_counted_in_the_one_line(sipweir):
    weir = sipweir()
    outcome = weir.reload(text="a = 1;\nb = 2;\n" + conf.group(weir.tree))
    assert outcome["level"] == "error" and re.search(r"\(and \d+ more\)$", outcome["message"]), outcome


def test_a_socket_that_was_prepared_for_a_reload_that_failed_is_closed_again(sipweir):
    weir = sipweir()
    port = ports.free()
    before = weir.descriptors()
    tree = copy.deepcopy(weir.tree)
    tree["listeners"].append({**tree["listeners"][0], "name": "more", "address": f"127.0.0.1:{port}"})
    tree["log"]["target"] = "/nowhere/at/all.log"
    assert weir.reload(text=conf.group(tree))["level"] == "error"
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", port)) != 0
    assert weir.descriptors() == before
