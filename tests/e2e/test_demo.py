# SPDX-License-Identifier: BSD-2-Clause
"""What a new user tries first: nothing but the program. It uses ports 5060 and 9090."""
import fcntl
import re
import signal
import socket
import subprocess

import pytest

from harness import http, phone, sipweir as program, wait

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


def test_demo_prints_what_to_try_and_it_works(demo):
    """The command that it prints is run as it stands."""
    command = wait.until(lambda: command_in(demo.stdout()), 5, "a command to try", lambda: told(demo))
    tried = subprocess.run(["bash", "-c", command], capture_output=True, timeout=wait.seconds(20))
    assert b"SIP/2.0 200 OK" in tried.stdout, (command, tried)


def test_demo_names_its_metrics_and_they_count(demo):
    url = wait.until(lambda: re.search(r"http://(127\.0\.0\.1:9090)(/metrics)", demo.stdout()), 5, "the address")
    assert phone.Phone("127.0.0.1:5060").ask().status == 200
    page = http.Metrics(http.ask(url.group(1), url.group(2)).text)
    assert page.sum("sipweir_local_responses_total", listener="demo", status="200", reason="respond") == 1


def command_in(text):
    """The first command of the text: lines that begin with a tab or spaces, continued by a backslash."""
    found = re.search(r"^[ \t]+((?:\$ )?\S.*5060.*(?:\\\n.*)*)$", text, re.M)
    return found.group(1).removeprefix("$ ") if found else None


def test_a_second_demo_says_that_the_port_is_taken(demo):
    second = program.run("--demo")
    assert second.returncode in (1, 2)
    assert "5060" in second.stderr and re.search(r"in use", second.stderr)
    assert phone.Phone("127.0.0.1:5060").ask().status == 200, "and takes nothing of the first one's traffic"


def test_demo_ends_with_interrupt(demo):
    demo.stopped = True
    demo.kill(signal.SIGINT)
    assert demo.wait_end() == 0
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", 5060)) != 0
