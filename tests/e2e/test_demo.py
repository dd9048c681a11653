# SPDX-License-Identifier: BSD-2-Clause
"""What a new user tries first: nothing but the program. It uses ports 5060, 5061 and 9090."""
import fcntl
import re
import signal
import socket
import subprocess

import pytest

from harness import http, phone, sipweir as program, tls, wait

pytestmark = pytest.mark.xdist_group("port 5060")


@pytest.fixture
def demo(tmp_path, end):
    lock = open("/tmp/sipweir-test-5060.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    one = program.Sipweir(tmp_path, None, ["--demo"])
    one.start()
    end.append(lock.close)
    end.append(one.finish)
    wait.until(lambda: "listening" in one.stderr() + one.stdout(), 10, "the listening line", one.stderr)
    yield one


def told(demo):
    return demo.stdout() + demo.stderr()


def test_demo_answers_options_with_200_and_names_the_source(demo):
    one = phone.Phone("127.0.0.1:5060", bind="127.0.0.61")
    assert one.ask().start == "SIP/2.0 200 OK"
    one.close()
    wait.until(lambda: re.search(r"connection\.closed.*127\.0\.0\.61", told(demo)), 5, "the line", lambda: told(demo))


@pytest.mark.parametrize("port", [5060, 5061])
def test_demo_prints_what_to_try_and_it_works(demo, port):
    """The command that it prints is run as it stands."""
    command = wait.until(lambda: command_in(demo.stdout(), port), 5, "a command to try", lambda: told(demo))
    tried = subprocess.run(["bash", "-c", command], capture_output=True, timeout=wait.seconds(20))
    assert tried.stdout == b"SIP/2.0 200 OK\r\n", (command, tried)
    assert tried.stderr == b"" and tried.returncode == 0


def certificate_of(demo):
    one = tls.Phone("127.0.0.1:5061")
    assert one.is_secured and one.ask().status == 200
    return one.tls.getpeercert(binary_form=True)


def test_demo_speaks_tls_with_a_certificate_that_nothing_is_left_of(demo):
    certificate = certificate_of(demo)
    assert certificate == certificate_of(demo), "the same for all workers"
    assert "expiring" not in told(demo) and "warning" not in told(demo)
    assert {path.name for path in demo.folder.iterdir()} <= {"sipweir.log", "sipweir.out"}
    demo.stop()
    demo.start()
    demo.stopped = False
    wait.until(lambda: "demo-tls" in told(demo), 10, "the listening line", lambda: told(demo))
    assert certificate != certificate_of(demo), "each demo has one of its own"


def test_demo_names_its_metrics_and_they_count(demo):
    url = wait.until(lambda: re.search(r"http://(127\.0\.0\.1:9090)(/metrics)", demo.stdout()), 5, "the address")
    assert phone.Phone("127.0.0.1:5060").ask().status == 200
    page = http.Metrics(http.ask(url.group(1), url.group(2)).text)
    assert page.sum("sipweir_local_responses_total", listener="demo", status="200", reason="respond") == 1


def command_in(text, port):
    """The first command of the text with that port: lines that begin with a tab or spaces, continued by a backslash."""
    found = re.search(rf"^[ \t]+((?:\$ )?\S.*{port}.*(?:\\\n.*)*)$", text, re.M)
    return found.group(1).removeprefix("$ ") if found else None


def test_a_second_demo_says_which_ports_are_taken(demo):
    second = program.run("--demo")
    assert second.returncode == 2
    for listener, port in (("demo", 5060), ("demo-tls", 5061)):
        assert re.search(rf"^demo:\d+: listeners\.{listener}\.address: .*{port}.* in use", second.stderr, re.M), second.stderr
    assert phone.Phone("127.0.0.1:5060").ask().status == 200, "and takes nothing of the first one's traffic"


@pytest.mark.parametrize("port", [5061, 9090])
def test_a_port_that_something_else_has_is_named(demo, port):
    demo.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = program.run("--demo")
    assert refused.returncode == 2
    assert re.search(rf"^demo:\d+: \S+: .*{port}.* in use", refused.stderr, re.M), refused.stderr


def test_demo_ends_with_interrupt(demo):
    demo.stopped = True
    demo.kill(signal.SIGINT)
    assert demo.wait_end() == 0
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", 5060)) != 0
