# SPDX-License-Identifier: BSD-2-Clause
"""Many TLS clients at once: a few are worked on, the rest wait, the newest is next, and all get in."""
import time

import pytest

from harness import conf, http, wait

THROUGH = {"proxy_protocol": "require"}
ADMIN = {"http": "127.0.0.1:0"}


@pytest.fixture
def narrow(sipweir, leaf):
    """A TLS listener that works on one handshake at a time."""
    return sipweir(listener={**THROUGH, **conf.secure(leaf)}, limits={"max_handshakes": 1}, admin=ADMIN)


def until(weir, working, waiting):
    def is_so():
        page = http.metrics(weir)
        return (working, waiting) == (
            page.sum("sipweir_tls_handshakes_in_progress"),
            page.sum("sipweir_tls_handshakes_waiting"),
        )

    wait.until(is_so, 5, f"{working} worked on and {waiting} that wait", weir.log.text)


def begin(weir):
    """Who says hello, and not more for now."""
    return weir.dial(is_shaking=False)


def has_answer(one, within=5.0):
    return one.has_bytes(wait.seconds(within))


def test_the_newest_is_next(narrow):
    first = begin(narrow)
    assert has_answer(first)
    until(narrow, 1, 0)
    older = begin(narrow)
    until(narrow, 1, 1)
    newer = begin(narrow)
    until(narrow, 1, 2)
    first.close()
    assert has_answer(newer) and not has_answer(older, 0.2)
    until(narrow, 1, 1)
    assert newer.socket.handshake() and newer.ask().status == 200
    assert has_answer(older)
    assert older.socket.handshake() and older.ask().status == 200
    until(narrow, 0, 0)


def test_who_waits_is_not_late_and_who_is_silent_takes_no_place(sipweir, leaf):
    weir = sipweir(
        listener={**THROUGH, **conf.secure(leaf)},
        limits={"max_handshakes": 1},
        timeouts={"handshake": "1s"},
        admin=ADMIN,
    )
    silent = [weir.dial(is_shaking=False, cut=28) for _ in range(3)]  # the PROXY header alone
    first = begin(weir)
    assert has_answer(first)
    second = begin(weir)
    until(weir, 1, 1)
    first.wait_raw_end(wait.seconds(4))
    assert weir.wait_for("connection.closed", reason="handshake_timeout")
    assert has_answer(second) and second.socket.handshake() and second.ask().status == 200
    for one in silent:
        one.close()


def test_who_leaves_while_waiting_is_forgotten(narrow):
    first = begin(narrow)
    assert has_answer(first)
    waiting = [begin(narrow) for _ in range(5)]
    until(narrow, 1, 5)
    for one in waiting[:4]:
        one.close()
    first.close()
    assert waiting[4].socket.handshake() and waiting[4].ask().status == 200
    until(narrow, 0, 0)


@pytest.mark.parametrize("cut", [100, None], ids=["half a hello", "a hello and no more"])
def test_who_stops_in_the_middle_keeps_a_place_for_a_second_and_not_for_its_whole_time(sipweir, leaf, cut):
    weir = sipweir(listener={**THROUGH, **conf.secure(leaf)}, limits={"max_handshakes": 3}, admin=ADMIN)
    stuck = [weir.dial(is_shaking=False, cut=cut) for _ in range(9)]
    until(weir, 3, 6)
    began = time.monotonic()
    one = weir.dial()
    assert one.ask().status == 200
    assert time.monotonic() - began < wait.seconds(2.5)
    assert not any(weir.log.find("connection.closed")), "nor is anybody ended for it before timeouts.handshake"
    for other in stuck:
        other.close()


def test_all_of_a_storm_get_in_although_not_all_can_at_once(sipweir, loads, authority):
    """RSA-4096 makes each handshake dear: all together take several times the patience of one."""
    weir = sipweir(
        listener={**THROUGH, "trusted": ["127.0.0.0/8"], **conf.secure(authority.issue("sipweir.test", key="rsa4096"))},
        limits={"max_handshakes": 16},
        log={"level": "notice"},
        admin=ADMIN,
    )
    patience = wait.seconds(0.4)
    storm = loads("storm", weir.address, "--tls", connections=300, timeout=patience, seconds=wait.seconds(60))
    result = storm.end(120)
    assert (result["in"], result["errors"]) == (300, 0), result
    assert result["late"] > 0, f"it was no storm: {result}"
    until(weir, 0, 0)
