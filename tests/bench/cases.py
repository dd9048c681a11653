# SPDX-License-Identifier: BSD-2-Clause
"""What is measured. Every case runs its proxies in turns, so that what changes on the machine changes for all."""

import contextlib
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator

import probe
from proxies import Certificate, Load, Proxy

NO_LIMIT = 100000
SHORT_IN_FLIGHT = 64
LONG_CONNECTIONS = 200
HELD_MEMORY = 4000
HELD_OPEN = 9000
REFUSE_LIMIT = 10
REFUSE_IN_FLIGHT = 32
HELD_TLS_MEMORY = 2000
MEMORY_ROUNDS = 3
STORM_SAMPLE = 200
STORM_FEW = 8
STORM_PATIENCE_S = 10
STORM_GIVE_UP_S = 60
STORM_ROUNDS = 2
HELD_SOURCES = ("--source-base", "172.16.0.1", "--sources", "10000")
ONE_SOURCE = ("--source-base", "192.0.2.1", "--sources", "1")


@dataclass
class Bench:
    """What all cases share. `proxies`: the subjects, then the reference."""

    load: Load
    proxies: list[Proxy]
    folder: str
    rounds: int
    seconds: float
    storm_clients: int
    faults: list[str] = field(default_factory=list)
    configs: dict[str, str] = field(default_factory=dict)

    def secured(self) -> list[Proxy]:
        """The same proxies with TLS, and the certificate that most would choose."""
        certificate = Certificate(self.folder, "ec")
        return [proxy.secured(certificate) for proxy in self.proxies]

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
            bench.configs[proxy.label] = proxy.config
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
        "tickets": result["tickets"],
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


def check_tickets(bench: Bench, rounds: dict[str, list[dict]]) -> None:
    """Each ticket is work: who sends fewer is not quicker."""
    sent = {}
    for name, each in rounds.items():
        sent[name] = round(sum(one["tickets"] for one in each) / sum(one["operations"] for one in each), 2)
    if len(set(sent.values())) > 1:
        bench.faults.append(f"tls-connection: session tickets per connection differ: {sent}")


def case_tls_connection(bench: Bench) -> Result:
    secured = bench.secured()
    with running(bench, secured):
        rounds = in_turns(bench, secured, lambda proxy: short_connections(bench, proxy, "tls-connection"))
    check_tickets(bench, rounds)
    title = f"connect, full TLS handshake, one OPTIONS, its answer, close; {SHORT_IN_FLIGHT} at once, ECDSA P-256, 1 ticket"
    return Result("tls-connection", title, "us CPU per connection", rounds, against_reference(bench))


def requests(bench: Bench, proxy: Proxy, in_flight: int) -> dict:
    arguments = ["--connections", str(LONG_CONNECTIONS), "--in-flight", str(in_flight)]
    with bench.load.start_gated(proxy, *arguments, "--seconds", str(bench.seconds)) as gated:
        return measure(bench, proxy, "request", gated.run)


def case_request(bench: Bench) -> Result:
    with running(bench, bench.proxies):
        rounds = in_turns(bench, bench.proxies, lambda proxy: requests(bench, proxy, 1))
    title = f"REGISTER and its answer on {LONG_CONNECTIONS} long-lived connections, 1 in flight on each"
    return Result("request", title, "us CPU per request", rounds, against_reference(bench))


def case_tls_request(bench: Bench) -> Result:
    secured = bench.secured()
    with running(bench, secured):
        rounds = in_turns(bench, secured, lambda proxy: requests(bench, proxy, 1))
    title = f"REGISTER and its answer on {LONG_CONNECTIONS} long-lived TLS connections, 1 in flight on each"
    return Result("tls-request", title, "us CPU per request", rounds, against_reference(bench))


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


def idle_memory(bench: Bench, proxy: Proxy, held_count: int) -> dict:
    """What a process that has worked before grows by, per connection that is open, relaying and silent."""
    probe.settle(proxy.pid)
    before = probe.memory_bytes(proxy.pid)
    with bench.load.hold(proxy, held_count, *HELD_SOURCES) as held:
        time.sleep(1)
        probe.settle(proxy.pid)
        after = probe.memory_bytes(proxy.pid)
    bench.check_result(f"memory, {proxy.name}", held.result)
    return {
        "value": (after["pss"] - before["pss"]) / held_count,
        "rss": (after["rss"] - before["rss"]) / held_count,
        "pss_before": before["pss"],
    }


def memory_rounds(bench: Bench, proxies: list[Proxy], held_count: int) -> dict[str, list[dict]]:
    rounds: dict[str, list[dict]] = {proxy.name: [] for proxy in proxies}
    for _ in range(min(bench.rounds, MEMORY_ROUNDS)):
        with running(bench, proxies):
            for proxy in proxies:
                rounds[proxy.name].append(idle_memory(bench, proxy, held_count))
    return rounds


def case_memory(bench: Bench) -> Result:
    rounds = memory_rounds(bench, bench.proxies, HELD_MEMORY)
    title = f"process memory (Pss) that {HELD_MEMORY:,} silent relaying connections add, fresh processes"
    return Result("memory", title, "bytes per connection", rounds, against_reference(bench))


def case_tls_memory(bench: Bench) -> Result:
    rounds = memory_rounds(bench, bench.secured(), HELD_TLS_MEMORY)
    title = f"process memory (Pss) that {HELD_TLS_MEMORY:,} silent relaying TLS connections add, fresh processes"
    return Result("tls-memory", title, "bytes per connection", rounds, against_reference(bench))


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


def storm(bench: Bench, proxy: Proxy) -> dict:
    """
    A fresh process each time: what the last storm left waiting is no part of the next. Ideal is how long all clients
    take at the rate of a few at a time.
    """
    few = ("--count", str(STORM_SAMPLE), "--connections", str(STORM_FEW))
    patience = ("--timeout", str(STORM_PATIENCE_S), "--seconds", str(STORM_GIVE_UP_S))
    with running(bench, [proxy]):
        sample = bench.load.run("connect", proxy, *few)
        bench.check_result(f"storm, {proxy.name}, a few at a time", sample)
        result = bench.load.run("storm", proxy, "--connections", str(bench.storm_clients), *patience)
    if result["errors"]:
        bench.faults.append(f"storm, {proxy.name}: {result['errors']} errors")
    ideal = bench.storm_clients / sample["rate"]
    return {
        "value": result["last_s"],
        "in": result["in"],
        "attempts": result["attempts"],
        "p50_s": result["p50_s"],
        "ideal_s": ideal,
        "in_by_second": result["in_by_second"],
    }


def case_storm(bench: Bench) -> Result:
    """
    A certificate that is dear (RSA-4096), so that all handshakes together take about as long as the patience. Without
    admission is what HAProxy does, and what sipweir would do with a limit that is never reached.
    """
    certificate = Certificate(bench.folder, "rsa:4096")
    subjects = []
    for proxy in bench.proxies:
        subjects.append(proxy.secured(certificate))
        if proxy.kind == "sipweir":
            everybody = f" max_handshakes = {NO_LIMIT};"
            subjects.append(proxy.secured(certificate, f"{proxy.name}, no admission", everybody))
    rounds: dict[str, list[dict]] = {proxy.name: [] for proxy in subjects}
    for number in range(min(bench.rounds, STORM_ROUNDS)):
        for proxy in order(subjects, number):
            rounds[proxy.name].append(storm(bench, proxy))
    title = f"{bench.storm_clients:,} TLS clients at once, RSA-4096; each hangs up after {STORM_PATIENCE_S} s and tries again"
    return Result("storm", title, "s until the last was in", rounds, [])


CASES: dict[str, Callable[[Bench], Result]] = {
    "connection": case_connection,
    "request": case_request,
    "pipeline": case_pipeline,
    "refuse": case_refuse,
    "memory": case_memory,
    "open": case_open,
    "tls-connection": case_tls_connection,
    "tls-request": case_tls_request,
    "tls-memory": case_tls_memory,
    "storm": case_storm,
}

# It takes minutes, and measures another thing than the rest.
ONLY_WHEN_NAMED = {"storm"}
