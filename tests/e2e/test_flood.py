# SPDX-License-Identifier: BSD-2-Clause
"""Refusals without number are a handful of log lines, and none is forgotten in their sum."""
import os
import threading

import pytest

from harness import crowd, proxy

FLOOD = int(os.environ.get("SIPWEIR_FLOOD", "100000"))
THROUGH = {"proxy_protocol": "require"}


@pytest.fixture
def callers(end):
    one = crowd.Crowd(2)
    end.append(one.stop)
    return one


def test_a_flood_of_refusals_from_one_source_is_a_handful_of_lines_that_add_up(sipweir, callers):
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 1}, log={"budget": "100/s"})
    held = weir.dial("198.51.100.7")
    assert held.ask().status == 200
    assert callers.hammer(weir.address, ["198.51.100.7"], FLOOD // 2) == FLOOD // 2 * 2
    assert held.ask().status == 200, "the connection that was there first did not suffer"
    assert weir.dial("198.51.100.8").ask().status == 200, "nor did another source"
    for one in weir.phones:
        one.close()
    weir.log.wait_for("connection.closed", count=2)
    weir.stop()
    lines = weir.log.find("limit.refused")
    assert weir.log.total("limit.refused") == FLOOD // 2 * 2
    assert len(lines) <= 20, weir.log.text()
    assert {(line["source"], line["limit"]) for line in lines} == {("198.51.100.7", "connections")}


def test_refusals_of_many_sources_stay_within_the_budget_and_add_up(sipweir):
    weir = sipweir(listener={**THROUGH, "trusted": ["127.0.0.1/32"]}, limits={"connections": 1}, log={"budget": "10/s"})
    count = 300
    for n in range(count):
        source = f"198.51.{100 + n // 200}.{1 + n % 200}"
        assert weir.dial(source).ask().status == 200
        assert weir.dial(source).wait_end() == "rst"
    weir.stop()
    lines = weir.log.find("limit.refused")
    assert weir.log.total("limit.refused") == count
    assert len(lines) < 100, f"{len(lines)} lines\n" + weir.log.text()


def test_a_flood_of_a_thousand_sources_leaves_the_others_alone(sipweir, callers):
    """All requests of a bystander are answered meanwhile, the lines add up, and memory does not grow with the flood."""
    sources = [f"198.51.{100 + n // 250}.{1 + n % 250}" for n in range(1000)]
    blocked = {"name": "blocked", "networks": ["198.51.100.0/22"], "deny": True}
    weir = sipweir(workers=2, listener=THROUGH, limits={"classes": [blocked]}, log={"budget": "100/s"})
    callers.hammer(weir.address, sources, 2500)
    weir.dial("203.0.113.7").ask()  # the first source of all touches a page of each table, and pages may be large
    before, refused = weir.rss(), []
    address = weir.address
    flood = threading.Thread(target=lambda: refused.append(callers.hammer(address, sources, FLOOD // 4)))
    flood.start()
    answered = 0
    while flood.is_alive() or not answered:
        one = weir.dial("203.0.113.7")
        assert one.ask().status == 200
        one.close()
        answered += 1
    flood.join()
    assert refused == [FLOOD // 4 * 2]
    if weir.is_plain():
        assert weir.rss() - before < 4 << 20, "memory grows with the flood"
    weir.log.wait_for("connection.closed", count=1)
    weir.stop()
    told, dropped = weir.log.total("limit.refused"), sum(line.get("suppressed", 0) for line in weir.log.find("log.dropped"))
    assert told <= FLOOD // 4 * 2 + 5000 <= told + dropped, "each is told of, or told to be dropped on a busy machine"
    seconds = 60  # of lines within the budget, and sums
    assert len(weir.log.find("limit.refused")) <= 100 * seconds
    assert {line["limit"] for line in weir.log.find("limit.refused") if "limit" in line} == {"deny"}


def test_refused_headers_are_counted_too(sipweir):
    weir = sipweir(listener=THROUGH, log={"budget": "100/s"})
    for _ in range(500):
        assert weir.dial(header=proxy.v1("198.51.100.7").replace(b"TCP4", b"TCP5")).wait_end()
    weir.stop()
    assert weir.log.total("proxy_header.bad") == 500
    assert len(weir.log.find("proxy_header.bad")) <= 5, weir.log.text()
