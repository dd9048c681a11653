# SPDX-License-Identifier: BSD-2-Clause
"""sipweirctl, and what strangers to it can do to its socket."""
import copy
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from harness import conf, control, http, ports, sipweir as program, wait

DEFAULT = pathlib.Path("/run/sipweir/control.sock")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ctl"


@pytest.fixture
def weir(sipweir, path):
    """weir(...): a sipweir with a control socket, which is listened at."""

    def make(backends=(), admin=None, **settings):
        one = sipweir(backends, admin={"control": str(path), **(admin or {})}, **settings)
        one.wait_for("listening", listener="admin.control")
        return one

    return make


# The tool


def test_status_shows_people_and_programs_the_same(weir, path, backend):
    one = weir(
        [backend(), backend()],
        workers=2,
        pools=None,
        max_connections=500,
        limits={"connections": 100, "tracked_sources": 77},
        memory={"total": "3M"},
    )
    phones = [one.dial() for _ in range(6)]
    for phone in phones[:4]:
        assert phone.ask().status == 200
    known = control.status(path)
    assert known["version"] == program.run("--version").stdout.split()[1]
    assert (known["state"], known["healthy"], known["ready"]) == ("serving", True, True)
    assert (known["workers"], known["generation"], known["reloads"]) == (2, 1, {"done": 0, "failed": 0})
    assert (known["connections"], known["max_connections"]) == (6, 500)
    assert (known["sources"], known["sources_capacity"]) == (1, 77)
    assert (known["memory_held"], known["memory_total"], known["log_dropped"]) == (0, 3 * 1024 * 1024, 0)
    assert (known["accept_left_ms"], known["drain_left_ms"]) == (0, 0)
    (listener,) = known["listeners"]
    assert (listener["name"], listener["address"], listener["transport"]) == ("main", one.address, "tcp")
    assert listener["open"] == 6
    assert {k: v for k, v in listener["states"].items() if v} == {"relaying": 4, "secured": 2}
    assert [s["connections"] for s in known["servers"]] == [2, 2]
    assert [s["address"] for s in known["servers"]] == [s["address"] for s in one.tree["pools"][0]["servers"]]
    assert known["pools"] == [{"name": "main", "removed": False, "clients": 4, "answers": 0}]

    text = control.command(path, "status")
    assert re.match(r"sipweir \S+, up \d+s, 2 workers, serving\n", text)
    assert "connections    6 of 500\n" in text
    assert "sources        1 of 77\n" in text
    assert re.search(rf"^main +{one.address} +tcp +6  2 secured, 4 relaying$", text, re.M), text
    assert re.search(r"^main +s2 +127\.0\.0\.1:\d+ +tcp +2$", text, re.M), text


def test_status_of_what_a_reload_has_removed(weir, path, backend):
    one = weir([backend()])
    phone = one.dial()
    assert phone.ask().status == 200
    tree = copy.deepcopy(one.tree)
    tree["listeners"][0].update(name="other", pool="other")
    tree["pools"] = [{"name": "other", "respond": {"status": 486}}]
    assert one.reload(tree)["level"] == "notice"
    known = control.status(path)
    assert [(x["name"], x["removed"], x["open"]) for x in known["listeners"]] == [
        ("main", True, 1),
        ("other", False, 0),
    ]
    assert [(x["pool"], x["removed"], x["connections"]) for x in known["servers"]] == [("main", True, 1)]
    assert {x["name"]: (x["removed"], x["answers"]) for x in known["pools"]} == {"main": (True, 0), "other": (False, 486)}
    assert re.search(r"; removed$", control.command(path, "status"), re.M)
    phone.close()
    wait.until(lambda: len(control.status(path)["listeners"]) == 1, 5, "the old listener gone")
    assert control.status(path)["servers"] == []


def test_health_is_for_scripts(weir, path):
    one = weir(timeouts={"drain_delay": "10s"})
    assert control.command(path, "health") == "healthy, ready\n"
    assert control.command(path, "--json", "health") == '{"healthy":true,"ready":true}\n'
    control.command(path, "drain")
    assert control.command(path, "health") == "healthy, draining\n"
    assert control.command(path, "--json", "health") == '{"healthy":true,"ready":false}\n'
    control.command(path, "undrain")
    one.kill(signal.SIGSTOP)
    try:
        done = control.run("--socket", str(path), "--timeout", "1", "health")
        assert done.returncode == 1 and "no answer" in done.stderr
    finally:
        one.kill(signal.SIGCONT)
    one.change(timeouts={"drain_delay": "off"})


def test_reload_says_what_changed_or_everything_that_is_wrong(weir, path):
    one = weir()
    assert control.command(path, "reload") == "no option has changed\n"
    one.config.write_text(conf.group({**one.tree, "limits": {"connections": 5}, "workers": 2}))
    text = control.command(path, "reload")
    first, second = text.splitlines()
    assert first.startswith("changed: ") and "limits.connections" in first and "workers (after a restart)" in first
    assert re.fullmatch(r"warning: .*sipweir\.conf:\d+: workers: changed, and takes effect after a restart", second)
    assert control.run("--socket", str(path), "--json", "reload").stdout.startswith(
        '{"done":true,"messages":["changed: workers (after a restart)","warning: '
    )
    one.config.write_text(conf.group({**one.tree, "limits": {"connections": -1}, "timeouts": {"idle": "x"}}))
    for json in ((), ("--json",)):
        lines = control.refused(path, *json, "reload").splitlines()
        assert lines[0] == "nothing has changed:"
        options = [re.match(r".*sipweir\.conf:\d+: (\S+): ", line).group(1) for line in lines[1:]]
        assert sorted(options) == ["limits.connections", "timeouts.idle"]
    assert control.status(path)["reloads"] == {"done": 3, "failed": 2}
    assert one.dial().ask().status == 200


def test_drain_and_undrain(weir, path):
    one = weir(admin={"http": "127.0.0.1:0"}, timeouts={"drain_delay": "20s", "drain": "20s"})
    readyz = lambda: http.ask(one.address_of("admin.http"), "/readyz").status
    assert control.refused(path, "undrain") == "it is not draining\n"
    assert control.command(path, "drain", "--over", "2m") == "draining\n"
    assert readyz() == 503
    assert control.refused(path, "drain") == "it is draining already\n"
    known = control.status(path)
    assert (known["state"], known["ready"]) == ("draining", False)
    assert 15000 < known["accept_left_ms"] <= 20000 and 130000 < known["drain_left_ms"] <= 140000
    assert re.search(r", draining: accepts for \d+s more, ends within 2m \d+s$", control.command(path, "status"), re.M)
    assert one.dial().ask().status == 200, "it goes on accepting"
    assert control.command(path, "undrain") == "serving\n"
    assert readyz() == 200
    known = control.status(path)
    assert (known["state"], known["accept_left_ms"], known["drain_left_ms"]) == ("serving", 0, 0)
    one.change(timeouts={"drain_delay": "off"})


def test_drain_ends_it_and_its_answer_is_given_before(weir, path):
    for over in ((), ("--over", "50ms")):
        one = weir(timeouts={"drain_delay": "off", "drain": "off"})
        assert control.command(path, "drain", *over) == "draining\n"
        one.stop(None)
        assert not path.exists()
        path.unlink(missing_ok=True)


def test_a_service_manager_that_stops_what_drains_by_order_does_not_end_it_at_once(weir, path):
    """Kubernetes: preStop drains, and TERM comes behind it."""
    one = weir(timeouts={"drain_delay": "1s", "drain": "off"})
    held = one.dial()
    assert held.ask().status == 200
    assert control.command(path, "drain") == "draining\n"
    one.kill(signal.SIGTERM)
    one.log.wait_for("drain", message="told again by a signal; it is draining already, and one more ends it at once")
    assert held.ask().status == 200
    one.stop(None)


def test_a_signal_that_was_taken_back_is_no_first_one(weir, path):
    one = weir(timeouts={"drain_delay": "2s", "drain": "off"})
    for _ in range(2):
        one.kill(signal.SIGTERM)
        wait.until(lambda: control.status(path)["state"] == "draining", 5, "the drain")
        assert control.command(path, "undrain") == "serving\n"
    control.command(path, "drain")
    one.stop()


@pytest.mark.parametrize("value", ["30", "x", "", "0s", "2d", "-1s", "49ms"])
def test_a_wrong_duration_drains_nothing(weir, path, value):
    weir()
    done = control.run("--socket", str(path), "drain", "--over", value)
    assert done.returncode == 2 and done.stdout == "" and done.stderr
    assert control.status(path)["state"] == "serving"


@pytest.mark.parametrize(
    "words",
    [["nosuch"], ["Status"], ["status", "now"], ["drain", "--over"], ["drain", "--under", "3s"], ["reload", "x", "y"], ["sta\ntus"]],
)
def test_what_is_no_command_lists_those_that_are(weir, path, words):
    weir()
    done = control.run("--socket", str(path), *words)
    assert done.returncode == 2 and done.stdout == ""
    if words[0] != "sta\ntus":
        for name in ("status", "health", "reload", "drain [--over DURATION]", "undrain"):
            assert f"\n  {name} " in done.stderr
            assert f"\n  {name} " in control.run("--help").stdout


def test_the_command_line_of_the_tool():
    assert control.run("--version").stdout == "sipweirctl " + program.run("--version").stdout.split()[1] + "\n"
    assert control.run("--help").returncode == 0
    for wrong in ([], ["--nosuch"], ["--timeout", "0", "status"], ["--timeout", "1s", "status"], ["--socket"]):
        done = control.run(*wrong)
        assert done.returncode == 2 and done.stderr and not done.stdout, wrong


def test_nobody_at_the_socket_is_exit_status_3(tmp_path, path):
    assert control.run("--socket", str(tmp_path / "none"), "status").returncode == 3
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    for _ in range(2):  # bound and not listening, then left behind
        done = control.run("--socket", str(path), "health")
        assert done.returncode == 3 and "is sipweir running" in done.stderr
        s.close()
    assert control.run("--socket", "/" + "x" * 200, "status").returncode == 3


# Its socket


def test_the_socket_is_its_users_alone_and_goes_with_the_process(weir, path):
    one = weir()
    assert stat.S_ISSOCK(path.lstat().st_mode) and path.lstat().st_mode & 0o7777 == 0o600
    assert one.log.find("listening", listener="admin.control")[0]["message"] == f"accepting on {path}"
    one.stop()
    assert not path.exists()


def test_a_second_one_does_not_take_the_socket_of_the_first(weir, path, tmp_path):
    weir()
    second = tmp_path / "second.conf"
    second.write_text(conf.group(conf.tree(admin={"control": str(path)})))
    done = program.run("--config", str(second))
    assert done.returncode == 2
    assert re.search(rf"second\.conf:\d+: admin\.control: another process listens at {path}", done.stderr)
    assert control.command(path, "health") == "healthy, ready\n"


def test_what_a_killed_one_has_left_is_replaced(weir, path):
    first = weir()
    first.stopped = True
    first.process.kill()
    first.process.wait()
    assert path.exists()
    weir()
    assert control.command(path, "health") == "healthy, ready\n"


def test_a_path_that_cannot_be_is_an_error_with_its_line(tmp_path):
    file = tmp_path / "sipweir.conf"
    for wrong in (tmp_path / "none" / "none" / "ctl", file, "/proc/ctl"):
        file.write_text(conf.group(conf.tree(admin={"control": str(wrong)})))
        done = program.run("--config", str(file))
        assert done.returncode == 2
        assert re.search(rf"sipweir\.conf:\d+: admin\.control: .*{wrong}", done.stderr), done.stderr


@pytest.mark.skipif(DEFAULT.parent.exists(), reason="this host has the folder of the default path")
def test_a_default_path_that_cannot_be_is_a_warning(sipweir):
    user = "nobody" if os.geteuid() == 0 else None  # who may make nothing there
    one = sipweir(admin={"control": None}, user=user)
    assert one.dial().ask().status == 200
    wanted = rf"warning: .*sipweir\.conf(:\d+)?: admin\.control: no socket for sipweirctl: cannot make {DEFAULT}: "
    assert re.search(wanted, one.stderr())
    one.log.read()
    one.log.alien.clear()  # what is said before the log begins


def test_the_folder_of_the_socket_is_made_if_its_own_is_there(weir, tmp_path):
    inside = tmp_path / "run" / "ctl"
    weir(admin={"control": str(inside)})
    assert inside.parent.stat().st_mode & 0o7777 == 0o755
    assert control.command(inside, "health") == "healthy, ready\n"


def test_a_reload_moves_opens_and_closes_the_socket(weir, path, tmp_path):
    one = weir()
    moved = tmp_path / "moved"
    one.config.write_text(conf.group({**one.tree, "admin": {"control": str(moved)}}))
    assert "admin.control" in control.command(path, "reload"), "who asked at the old one is answered"
    assert not path.exists()
    assert control.status(moved)["generation"] == 2
    one.change(admin={"control": ""})
    assert not moved.exists()
    one.change(admin={"control": str(path)})
    assert control.status(path)["generation"] == 4


def test_a_reload_that_fails_leaves_the_socket(weir, path, tmp_path, backend):
    one = weir(admin={"http": "127.0.0.1:0"})
    before = one.descriptors()
    other = tmp_path / "other"
    for admin in (
        {"control": str(other), "http": backend().address},
        {"control": str(tmp_path / "none" / "none" / "ctl"), "http": f"127.0.0.1:{ports.free()}"},
    ):
        one.config.write_text(conf.group({**one.tree, "admin": {**one.tree["admin"], **admin}}))
        assert control.refused(path, "reload").startswith("nothing has changed:\n")
        assert not other.exists()
    assert control.status(path)["reloads"] == {"done": 0, "failed": 2}
    wait.until(lambda: one.descriptors() == before, 5, "nothing left open")


def test_a_reload_makes_the_socket_anew_that_somebody_has_removed(weir, path):
    one = weir()
    path.unlink()
    one.change(limits={"connections": 7})
    assert control.status(path)["generation"] == 2
    one.stop()
    assert not path.exists()


# Those who misuse it


def test_an_answer_does_not_need_the_tool(weir, path):
    weir()
    assert control.ask(path, b"text health\n") == ("ok", "healthy, ready\n")
    with control.dial(path) as s:
        for byte in b"json health\n":
            s.send(bytes([byte]))
        s.shutdown(socket.SHUT_WR)
        assert control.read(s) == ("ok", '{"healthy":true,"ready":true}\n')


@pytest.mark.parametrize(
    "line",
    [b"\n", b"status\n", b"text\n", b"text  status\n", b"text %zz\n", b"text status%00\n", b"\0\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 5000, b"text " + b"y" * 1019],
)
def test_what_is_no_request_is_told_so(weir, path, line):
    weir()
    status, text = control.ask(path, line)
    assert status == "usage" and text
    assert control.command(path, "health") == "healthy, ready\n"


def test_silent_clients_keep_nobody_out_and_are_bounded(weir, path):
    one = weir()
    before = one.descriptors()
    silent = []
    for _ in range(20):
        silent += [control.dial(path), control.dial(path)]
        silent[-1].sendall(b"text sta")
    for _ in range(3):
        assert control.command(path, "health") == "healthy, ready\n"
    assert one.descriptors() <= before + 16
    assert control.read(silent[0]) is None
    for s in silent:
        s.close()
    wait.until(lambda: one.descriptors() == before, 5, "every descriptor given back")


def test_a_slow_client_has_ten_seconds(weir, path):
    weir()
    with control.dial(path) as s:
        began = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() - began < wait.seconds(20):
                s.sendall(b"x")
                time.sleep(0.25)
        assert 9 < time.monotonic() - began < wait.seconds(13)


def test_who_reads_no_answer_holds_nothing_up(weir, path):
    """An answer that no socket buffer holds, to be taken by nobody."""
    many = conf.servers(*(f"127.0.0.1:{port}" for port in range(20000, 21000)))
    one = weir(pools=[{"name": name, "servers": many} for name in ("main", "second", "third", "fourth")])
    lazy = [control.dial(path) for _ in range(5)]
    for s in lazy:
        s.sendall(b"json status\n")
    assert len(control.status(path)["servers"]) == 4000
    status, text = control.read(lazy[0])
    assert status == "ok" and text.endswith("}\n")
    for s in lazy:
        s.close()
    one.stop()


def test_clients_that_leave_before_their_answer_harm_nobody(weir, path):
    one = weir(workers=2)
    before = one.descriptors()
    for _ in range(50):
        with control.dial(path) as s:
            s.sendall(b"text reload\n")
        with control.dial(path) as s:
            s.sendall(b"json status\n")
    assert control.status(path)["reloads"]["failed"] == 0
    wait.until(lambda: one.descriptors() == before, 5, "every descriptor given back")


def test_many_at_once_are_all_answered(weir, path):
    weir(workers=2)
    done = []

    def ask(words):
        for _ in range(5):
            done.append(control.run("--socket", str(path), *words))

    all_words = [["reload"], ["--json", "reload"], ["status"], ["--json", "status"], ["health"], ["undrain"]]
    threads = [threading.Thread(target=ask, args=(words,)) for words in all_words]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(done) == 30
    for one in done:
        wanted = (1, "it is not draining\n") if one.args[-1] == "undrain" else (0, "")
        assert (one.returncode, one.stderr) == wanted
    assert control.status(path)["generation"] == 11


def test_its_end_answers_those_who_wait(weir, path):
    """Reloads that come while it ends: each is done, or refused with the reason."""
    one = weir(workers=2)
    clients = [control.dial(path) for _ in range(8)]
    for s in clients:
        s.sendall(b"text reload\n")
    one.stop()
    for s in clients:
        answer = control.read(s)
        # Nobody, only where it had not yet been let in.
        assert answer is None or answer == ("ok", "no option has changed\n") or answer[0] == "refused", answer
        assert not answer or answer[0] == "ok" or "stop" in answer[1], answer
