# SPDX-License-Identifier: BSD-2-Clause
"""Many clients through changes of their servers' state, and at once: nobody is lost, and nothing is sent twice."""
import collections
import os
import random

import pytest

from harness import conf, control, farm, wait

# A sanitizer makes everything slower, and finds what it finds with less as well.
SHARE = float(os.environ.get("SIPWEIR_TEST_SHARE", "1" if wait.SLOW == 1 else "0.05"))
REQUESTS, CROWD, CHANGES = int(100_000 * SHARE), int(5_000 * SHARE), 50


@pytest.fixture
def servers(end):
    """servers(3, backlog=5): quick ones."""

    def make(count, **more):
        made = [farm.Server(**more) for _ in range(count)]
        end.extend(one.stop for one in made)
        return made

    return make


@pytest.mark.parametrize("loss", ["close", "keep"])
def test_a_hundred_thousand_requests_through_fifty_changes_are_answered_once_each(sipweir, servers, tmp_path, end, loss):
    behind, path = servers(3), tmp_path / "ctl"
    weir = sipweir(
        workers=2,
        admin={"control": str(path)},
        limits={"connections": 0, "unproven": 0},
        log={"connections": False},
        pools=[
            {
                "name": "main",
                "policy": "source-hash",
                "servers": conf.servers(*(one.address for one in behind)),
                "on_server_loss": loss,
                "close_rate": "off",
                "slow_start": "off",
                "health": {"method": "off"},
            }
        ],
    )
    client = farm.Client(weir.address, 200, REQUESTS)
    end.append(client.stop)
    chance = random.Random(1)
    states = ["up"] * 3
    for change in range(CHANGES):
        # Somebody is always there: what happens when nobody is, is another test's.
        one = chance.randrange(3)
        others_are_up = any(state == "up" for i, state in enumerate(states) if i != one)
        states[one] = chance.choice(["up", "down", "drain"] if others_are_up else ["up"])
        over = ["--over", "500ms"] if states[one] == "drain" else []
        control.command(path, "backend", f"main/s{one + 1}", states[one], *over)
        due = REQUESTS * (change + 1) // (CHANGES + 10)
        wait.until(lambda: client.progress() >= due, 60, f"{due} answers")
    for one in range(3):
        control.command(path, "backend", f"main/s{one + 1}", "up")
    report = client.report()
    seen = collections.Counter()
    for one in behind:
        seen.update(one.report()["seen"])
    answers = report["answers"]
    assert report["faults"] == []
    assert len(answers) == REQUESTS
    assert set(answers.values()) <= {200, 503}
    assert [call for call, times in seen.items() if times > 1] == []
    assert [call for call, status in answers.items() if status == 200 and not seen[call]] == []
    statuses = collections.Counter(answers.values())
    assert statuses[200] > REQUESTS * 0.98
    print(f"{loss}: {dict(statuses)}, {report['ended']} sent again on another connection, longest {report['longest']:.2f} s")


def test_a_crowd_that_comes_at_once_is_served_by_a_small_backlog(sipweir, servers, loads):
    """Few connects at a time, because the server lets five wait."""
    (behind,) = servers(1, backlog=5)
    server = {"name": "s1", "address": behind.address, "max_connecting": 4}
    weir = sipweir(
        workers=2,
        limits={"connections": 0, "unproven": 0},
        log={"connections": False},
        pools=[{"name": "main", "servers": [server], "health": {"method": "off"}}],
    )
    crowd = loads("hold", weir.address, proxy="none", connections=CROWD, timeout=int(wait.seconds(60)))
    crowd.expect(f"holding {CROWD}")
    assert weir.log.find("backend.failed") == []
    assert behind.report()["accepted"] == CROWD
    crowd.end_without_fault()
