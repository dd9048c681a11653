# SPDX-License-Identifier: BSD-2-Clause
"""What is measured. Every case runs its proxies in turns, so that what changes on the machine changes for all."""

import contextlib
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator

import probe
from proxies import Load, Proxy

NO_LIMIT = 100000
SHORT_IN_FLIGHT = 64
LONG_CONNECTIONS = 200
HELD_MEMORY = 4000
HELD_OPEN = 9000
REFUSE_LIMIT = 10
REFUSE_IN_FLIGHT = 32
MEMORY_ROUNDS = 3
HELD_SOURCES = ("--source-base", "172.16.0.1", "--sources", "10000")
ONE_SOURCE = ("--source-base", "192.0.2.1", "--sources", "1")


@dataclass
class Bench:
    """What all cases share. `proxies`: the subjects, then the reference."""

    load: Load
    proxies: list[Proxy]
    rounds: int
    seconds: float
    faults: list[str] = field(default_factory=list)

    def check_result(self, what: str, result: dict) -> None:
        if result["errors"] > 0:
            kinds = {kind: count for kind, count in result["faults"].items() if count > 0}
            self.faults.append(f"{what}: {result['errors']} errors {kinds}")


@dataclass
class Result:
    """One line of numbers per proxy and round; `value` is what the ratio is made of."""

    case: str
    title: str
    unit: str
    rounds: dict[str, list[dict]]
    # The ratio of each round is rounds[a][i] / rounds[b][i] for these pairs.
    pairs: list[tuple[str, str]]


@contextlib.contextmanager
def running(bench: Bench, proxies: list[Proxy], limit: int = NO_LIMIT) -> Iterator[None]:
    """These proxies, warmed up. Only one works at a time."""
    try:
        for proxy in proxies:
            proxy.start(bench.load.backend_port, limit)
            warm = bench.load.run("connect", proxy, "--seconds", "0.3")
            bench.check_result(f"{proxy.name}, warming up", warm)
        yield
    finally:
        for proxy in proxies:
            proxy.stop()


def measure(bench: Bench, proxy: Proxy, what: str, work: Callable[[], dict]) -> dict:
    """CPU time that `work` costs the proxy, per operation."""
    probe.settle(proxy.pid)
    core_before, cpu_before, begin = probe.core_busy_seconds(proxy.core), probe.cpu_seconds(proxy.pid), time.monotonic()
    result = work()
    probe.settle(proxy.pid)
    cpu = probe.cpu_seconds(proxy.pid) - cpu_before
    elapsed = time.monotonic() - begin
    others = max(0.0, probe.core_busy_seconds(proxy.core) - core_before - cpu)
    bench.check_result(f"{what}, {proxy.name}", result)
    return {
        "value": cpu * 1e6 / max(1, result["operations"]),
        "rate": result["rate"],
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "busy": cpu / result["seconds"] if result["seconds"] > 0 else 0.0,
        "others": others / elapsed,
        "operations": result["operations"],
        "errors": result["errors"],
    }


def order(proxies: list[Proxy], number: int) -> list[Proxy]:
    """Forwards and backwards in turn: a machine that gets slower must not always hit the same one."""
    return proxies[::-1] if number % 2 else proxies


def in_turns(bench: Bench, proxies: list[Proxy], one: Callable[[Proxy], dict]) -> dict[str, list[dict]]:
    rounds: dict[str, list[dict]] = {proxy.name: [] for proxy in proxies}
    for number in range(bench.rounds):
        for proxy in order(proxies, number):
            rounds[proxy.name].append(one(proxy))
    return rounds


def against_reference(bench: Bench) -> list[tuple[str, str]]:
    reference = bench.proxies[-1].name
    return [(proxy.name, reference) for proxy in bench.proxies[:-1]]


def short_connections(bench: Bench, proxy: Proxy, what: str) -> dict:
    arguments = ("--connections", str(SHORT_IN_FLIGHT), "--seconds", str(bench.seconds))
    return measure(bench, proxy, what, lambda: bench.load.run("connect", proxy, *arguments))


def case_connection(bench: Bench) -> Result:
    with running(bench, bench.proxies):
        rounds = in_turns(bench, bench.proxies, lambda proxy: short_connections(bench, proxy, "connection"))
    title = f"connect, one OPTIONS, its answer, close; {SHORT_IN_FLIGHT} at once, 10,000 sources"
    return Result("connection", title, "us CPU per connection", rounds, against_reference(bench))


def requests(bench: Bench, proxy: Proxy, in_flight: int) -> dict:
    arguments = ["--connections", str(LONG_CONNECTIONS), "--in-flight", str(in_flight)]
    with bench.load.start_gated(proxy, *arguments, "--seconds", str(bench.seconds)) as gated:
        return measure(bench, proxy, "request", gated.run)


def case_request(bench: Bench) -> Result:
    with running(bench, bench.proxies):
        rounds = in_turns(bench, bench.proxies, lambda proxy: requests(bench, proxy, 1))
    title = f"REGISTER and its answer on {LONG_CONNECTIONS} long-lived connections, 1 in flight on each"
    return Result("request", title, "us CPU per request", rounds, against_reference(bench))


def case_pipeline(bench: Bench) -> Result:
    with running(bench, bench.proxies):
        rounds = in_turns(bench, bench.proxies, lambda proxy: requests(bench, proxy, 4))
    title = f"REGISTER and its answer on {LONG_CONNECTIONS} long-lived connections, 4 in flight on each"
    return Result("pipeline", title, "us CPU per request", rounds, against_reference(bench))


def case_refuse(bench: Bench) -> Result:
    arguments = (*ONE_SOURCE, "--connections", str(REFUSE_IN_FLIGHT), "--seconds", str(bench.seconds))

    def one(proxy: Proxy) -> dict:
        with bench.load.hold(proxy, REFUSE_LIMIT, *ONE_SOURCE) as held:
            sample = measure(bench, proxy, "refuse", lambda: bench.load.run("refuse", proxy, *arguments))
        bench.check_result(f"refuse, held, {proxy.name}", held.result)
        probe.settle(proxy.pid)
        return sample

    with running(bench, bench.proxies, REFUSE_LIMIT):
        rounds = in_turns(bench, bench.proxies, one)
    title = f"connections from one source that has its {REFUSE_LIMIT} already; {REFUSE_IN_FLIGHT} at once"
    return Result("refuse", title, "us CPU per refusal", rounds, against_reference(bench))


def idle_memory(bench: Bench, proxy: Proxy) -> dict:
    """What a process that has worked before grows by, per connection that is open, relaying and silent."""
    probe.settle(proxy.pid)
    before = probe.memory_bytes(proxy.pid)
    with bench.load.hold(proxy, HELD_MEMORY, *HELD_SOURCES) as held:
        time.sleep(1)
        probe.settle(proxy.pid)
        after = probe.memory_bytes(proxy.pid)
    bench.check_result(f"memory, {proxy.name}", held.result)
    return {
        "value": (after["pss"] - before["pss"]) / HELD_MEMORY,
        "rss": (after["rss"] - before["rss"]) / HELD_MEMORY,
        "pss_before": before["pss"],
    }


def case_memory(bench: Bench) -> Result:
    rounds: dict[str, list[dict]] = {proxy.name: [] for proxy in bench.proxies}
    for _ in range(min(bench.rounds, MEMORY_ROUNDS)):
        with running(bench, bench.proxies):
            for proxy in bench.proxies:
                rounds[proxy.name].append(idle_memory(bench, proxy))
    title = f"process memory (Pss) that {HELD_MEMORY:,} silent relaying connections add, fresh processes"
    return Result("memory", title, "bytes per connection", rounds, against_reference(bench))


def case_open(bench: Bench) -> Result:
    """
    Two processes of each proxy, one with connections held and one without, in turns: holding and releasing between
    two turns of one process would put seconds between them, in which the machine changes more than 5 %.
    """
    rounds: dict[str, list[dict]] = {}
    pairs = []
    for proxy in bench.proxies:
        busy = proxy.twin(f"{proxy.name}, {HELD_OPEN:,} held")
        with running(bench, [busy, proxy]):
            with bench.load.hold(busy, HELD_OPEN, *HELD_SOURCES) as held:
                rounds.update(in_turns(bench, [busy, proxy], lambda one: short_connections(bench, one, "open")))
        bench.check_result(f"open, held, {proxy.name}", held.result)
        pairs.append((busy.name, proxy.name))
    title = f"as connection, with {HELD_OPEN:,} others open and silent, against none"
    return Result("open", title, "us CPU per connection", rounds, pairs)


CASES: dict[str, Callable[[Bench], Result]] = {
    "connection": case_connection,
    "request": case_request,
    "pipeline": case_pipeline,
    "refuse": case_refuse,
    "memory": case_memory,
    "open": case_open,
}
