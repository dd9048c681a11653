# SPDX-License-Identifier: BSD-2-Clause
"""Root is given up for good once the ports are bound, and everything goes on as the user."""
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import ssl
import subprocess
import tempfile

import pytest

from harness import conf, control, phone, sipweir as program, wait

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")

USER = pwd.getpwnam("nobody")
GROUP = "nogroup"


@pytest.fixture
def folder(end):
    """A folder that the user may enter and write to; pytest's own are closed to others."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="sipweir-"))
    end.append(lambda: shutil.rmtree(path))
    os.chown(path, USER.pw_uid, USER.pw_gid)
    return path


@pytest.fixture
def started(folder, end):
    """started(...): as the fixture sipweir, by root, in that folder, for the user; not waited for."""

    def make(mode=0o644, **settings):
        tree = conf.tree(**{"user": USER.pw_name, **settings})
        one = program.Sipweir(folder, tree)
        one.config.chmod(mode)
        end.append(one.finish)
        return one.start()

    return make


def ids(pid, thread):
    """{"Uid": [four of them], ...} of a thread."""
    text = pathlib.Path(f"/proc/{pid}/task/{thread}/status").read_text()
    return {k: v.split() for k, v in re.findall(r"^(\w+):\t?(.*)$", text, re.M)}


def low_port():
    """A free port that root alone may bind."""
    for port in random.sample(range(600, 1000), 50):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port below 1024")


def test_every_thread_is_the_user_for_good_and_all_goes_on(started, folder):
    port = low_port()
    admin = {"control": str(folder / "ctl"), "http": "127.0.0.1:0"}
    log = {"target": str(folder / "log")}
    one = started(group=GROUP, listener={"address": f"127.0.0.1:{port}"}, workers=2, admin=admin, log=log).wait_ready()
    one.wait_for("listening", listener="admin.control")
    pid, uid, gid = one.process.pid, str(USER.pw_uid), str(USER.pw_gid)
    threads = os.listdir(f"/proc/{pid}/task")
    assert len(threads) >= 4
    for thread in threads:
        has = ids(pid, thread)
        assert has["Uid"] == [uid] * 4 and has["Gid"] == [gid] * 4 and has["Groups"] == [gid]
        assert has["CapEff"] == has["CapPrm"] == ["0000000000000000"]
    assert (folder / "log").stat().st_uid == (folder / "ctl").lstat().st_uid == USER.pw_uid
    assert phone.Phone(f"127.0.0.1:{port}").ask().status == 200

    moved = folder / "moved"
    one.change(limits={"connections": 7}, admin={"control": str(moved)})
    assert control.status(moved)["generation"] == 2
    assert not (folder / "ctl").exists()
    assert phone.Phone(f"127.0.0.1:{port}").ask().status == 200, "the socket that it could not bind any more is kept"
    one.stop()
    assert not moved.exists()


def test_a_low_port_in_a_reload_is_refused_with_the_reason(started):
    if int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 600:
        pytest.skip("every user may bind every port here")
    one = started().wait_ready()
    tree = {**one.tree, "listeners": [{**one.tree["listeners"][0], "address": f"127.0.0.1:{low_port()}"}]}
    outcome = one.reload(tree)
    assert outcome["level"] == "error" and "need root or CAP_NET_BIND_SERVICE" in outcome["message"]
    assert one.dial().ask().status == 200


def test_a_file_that_the_user_cannot_read_is_told_at_the_start_and_at_the_reload(started, folder):
    one = started(mode=0o600, log={"target": str(folder / "log")}).wait_ready()
    said = r'warning: .*sipweir\.conf:\d+: user: "nobody" cannot read this file: Permission denied; .*\n'
    assert re.fullmatch(said, one.stderr())
    outcome = one.reload()
    assert outcome["level"] == "error" and "Permission denied" in outcome["message"]
    assert one.dial().ask().status == 200
    one.config.chmod(0o644)
    one.change(limits={"connections": 7})


def serial(weir):
    """Of the certificate that it shows."""
    host, port = weir.address.rsplit(":", 1)
    return ssl.get_server_certificate((host, int(port)))


def test_keys_are_read_as_the_user_from_the_first_time_on(started, folder, authority):
    mine, next_one = authority.issue("sipweir.test").copy(folder), authority.issue("sipweir.test")
    mine.key.chmod(0o600)
    listener = {"transport": "tls", "tls": {"certificates": [mine.conf]}}
    refused = started(listener=listener)
    refused.stopped = True
    assert refused.wait_end() == 2
    said = rf":\d+: listeners\.main\.tls\.\S+private_key: user nobody .* may not read \"{mine.key}\""
    assert re.search(said, refused.stderr()), refused.stderr()

    for file in (mine.key, mine.certificate):
        os.chown(file, 0, USER.pw_gid)
        file.chmod(0o640)
    one = started(listener=listener).wait_ready()
    first = serial(one)
    mine.replace_by(next_one)
    for file in (mine.key, mine.certificate):
        os.chown(file, 0, USER.pw_gid)
        file.chmod(0o640)
    assert one.reload()["level"] == "notice"
    assert serial(one) != first


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"user": "no-such-user"}, r':\d+: user: "no-such-user" is no user of this host'),
        ({"user": "nobody", "group": "no-such-group"}, r':\d+: group: "no-such-group" is no group of this host'),
        ({"user": "root"}, r':\d+: user: "root" is root, which is to be given up'),
    ],
    ids=["user", "group", "root"],
)
def test_who_cannot_be_is_an_error_with_its_line(folder, settings, said):
    path = folder / "sipweir.conf"
    path.write_text(conf.group(conf.tree(**settings)))
    for arguments in (["--check"], []):
        done = program.run(*arguments, "--config", str(path))
        assert done.returncode == 2
        assert re.search(re.escape(str(path)) + said, done.stderr), done.stderr


def test_who_is_not_root_can_become_nobody_else(folder):
    path = folder / "sipweir.conf"
    path.write_text(conf.group(conf.tree(user="daemon")))
    path.chmod(0o644)

    def run(*arguments):
        command = [program.program(), *arguments, "--config", str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, user=USER.pw_uid, group=USER.pw_gid)

    done = run()
    assert done.returncode == 2
    assert re.search(rf':\d+: user: only root can become "daemon", and this is user {USER.pw_uid}; ', done.stderr)
    assert run("--check").returncode == 0, "a check becomes nobody"


def test_who_is_that_user_already_needs_no_root(folder, end):
    path = folder / "sipweir.conf"
    path.write_text(conf.group(conf.tree(user=USER.pw_name)))
    path.chmod(0o644)
    command = [program.program(), "--config", str(path)]
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(command, stderr=out, user=USER.pw_uid, group=USER.pw_gid, extra_groups=[])
    try:
        wait.until(lambda: '"listening"' in (folder / "out").read_text(), 10, "a start", (folder / "out").read_text)
    finally:
        process.terminate()
        assert process.wait(wait.seconds(10)) == 0
