# SPDX-License-Identifier: BSD-2-Clause
"""What operators and load balancers are told over HTTP, and what strangers can do to that."""
import pathlib
import re
import signal
import socket as sockets
import time

import pytest

from harness import conf, http, ports, proxy, sip, sipweir as program, wait

ADMIN = {"http": "127.0.0.1:0", "health": "127.0.0.1:0"}
BEHIND = {**ADMIN, "trusted": ["127.0.0.1/32"]}
THROUGH = {"proxy_protocol": "require", "trusted": ["127.0.0.1/32"]}
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def until(weir, condition, what):
    """The first page for which the condition holds: counts of what is just happening need not be there at once."""
    return wait.until(lambda: (page := http.metrics(weir)) and condition(page) and page, 5, what)


def unauthorized_then_ok(connection, message):
    if message.method == "ACK":
        return
    first = len(connection.messages) == 1
    connection.reply(message, *((401, "Unauthorized") if first else (200, "OK")))


def test_the_page_has_every_metric_of_the_manual_and_no_other(sipweir, backend):
    weir = sipweir([backend()], admin=ADMIN)
    page = http.metrics(weir)
    documented = {}
    for name, kind in re.findall(r"^\| `(sipweir_\w+)(?:\{[^`]*\})?` \| (\w+) \|", DOCS.read_text(), re.M):
        documented[name] = kind
    assert page.types == documented


def test_labels_are_those_of_the_manual(sipweir, backend):
    watched = {"name": "watched", "networks": ["198.51.100.9"], "mode": "observe"}
    weir = sipweir([backend()], listener=THROUGH, admin=ADMIN, limits={"connections": 1, "classes": [watched]})
    one = weir.dial()
    one.ask()
    for _ in range(2):
        weir.dial("198.51.100.9").ask()
    one.send(sip.request(cseq="1 INVITE")[:-4])
    weir.dial().wait_end()
    bad = weir.dial("198.51.100.8")
    bad.send(sip.request(cseq="1 INVITE"))
    assert bad.receive().status == 400
    page = http.metrics(weir)
    documented = dict(re.findall(r"^\| `(sipweir_\w+)(?:\{([^`]*)\})?` \|", DOCS.read_text(), re.M))
    seen = {}
    for name, pairs in page.samples:
        is_of_histogram = name not in page.types
        name = name.rsplit("_", 1)[0] if is_of_histogram else name
        seen.setdefault(name, set()).update(k for k, _ in pairs if not (is_of_histogram and k == "le"))
    del documented["sipweir_tls_handshakes_total"]  # appears with the first handshake
    del documented["sipweir_sip_would_refuse_total"]  # with the first in observe mode: test_sip.py
    del documented["sipweir_tls_certificate_expiry_seconds"]  # of listeners that speak TLS: test_expiry.py
    assert seen == {name: set(filter(None, labels.split(","))) for name, labels in documented.items()}


def test_how_long_things_took_is_shown_in_buckets(sipweir, backend):
    weir = sipweir([backend()], admin=ADMIN)
    for _ in range(3):
        assert weir.dial().ask().status == 200
    page = http.metrics(weir)
    assert page.sum("sipweir_admission_seconds_count") == 3
    assert page.sum("sipweir_admission_seconds_bucket", le="+Inf") == 3
    assert page.sum("sipweir_admission_seconds_sum") < 3 * 30
    assert page.sum("sipweir_backend_connect_seconds_count") == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_accepted_is_what_came_and_all_of_it_is_closed_or_open(sipweir, backend, workers):
    weir = sipweir([backend()], workers=workers, admin=ADMIN)
    phones = [weir.dial() for _ in range(12)]
    for one in phones[:8]:
        assert one.ask().status == 200
    for one in phones[:3]:
        one.close()
    phones[8].reset()
    page = until(weir, lambda p: sum(p.values("sipweir_closed_total", "reason").values()) == 4, "4 closed")
    assert page.sum("sipweir_accepted_total", listener="main") == 12
    assert page.values("sipweir_closed_total", "reason") == {"client_closed": 3, "client_reset": 1}
    assert page.values("sipweir_connections", "state") == {"relaying": 5, "secured": 3}
    assert page.values("sipweir_backend_connections", "server") == {"s1": 5}
    assert page.sum("sipweir_sources") == 1


def test_messages_pings_and_responses_are_counted(sipweir, backend):
    weir = sipweir([backend(unauthorized_then_ok)], admin=ADMIN)
    one = weir.dial()
    assert one.ask(method="REGISTER").status == 401
    assert one.ask(method="REGISTER").status == 200
    assert one.ask(method="INVITE").status == 200
    one.send(sip.request("ACK") + sip.request("PUB"))
    assert one.receive().status == 200
    one.ping()
    one.ping()
    page = http.metrics(weir)
    for method, count in {"REGISTER": 2, "INVITE": 1, "ACK": 1, "other": 1}.items():
        assert page.sum("sipweir_messages_total", direction="in", kind="request", method=method) == count
    statuses = page.values("sipweir_responses_total", "status")
    assert statuses["401"] == 1
    assert page.values("sipweir_messages_total", "direction") == {"in": 5, "out": sum(statuses.values())}
    assert page.sum("sipweir_messages_total", kind="response") == sum(statuses.values())
    assert page.sum("sipweir_pings_total") == 2


def test_refusals_are_counted_by_limit_and_action(sipweir):
    weir = sipweir(limits={"connections": 2, "action": "close"}, admin=ADMIN)
    for _ in range(2):
        assert weir.dial().ask().status == 200
    for _ in range(5):
        weir.dial().wait_end()
    page = until(weir, lambda p: p.sum("sipweir_refused_total") == 5, "5 refusals")
    assert page.sum("sipweir_refused_total", limit="connections", action="close") == 5
    assert page.sum("sipweir_refused_total", limit="connections", action="reset") == 0
    assert page.sum("sipweir_closed_total", reason="connections") == 5


def test_proxy_headers_are_counted_by_version_and_outcome(sipweir):
    weir = sipweir(listener={**THROUGH, "trusted": ["127.0.0.1/32"]}, admin=ADMIN)
    for header in (proxy.v1("198.51.100.7"), proxy.v2("198.51.100.7"), proxy.nlb("198.51.100.7")):
        assert weir.dial(header=header).ask().status == 200
    weir.dial(header=proxy.nlb_health_check()).close()
    weir.dial(header=b"OPTIONS sip:x SIP/2.0\r\n").wait_end()
    weir.dial(header=proxy.v2("0.0.0.0")).wait_end()
    weir.dial(bind="127.0.0.5").wait_end()
    page = until(weir, lambda p: p.sum("sipweir_proxy_headers_total") == 7, "7 headers")
    seen = {
        (dict(pairs)["version"], dict(pairs)["outcome"]): v
        for (name, pairs), v in page.samples.items()
        if name == "sipweir_proxy_headers_total"
    }
    assert seen == {
        ("v1", "accepted"): 1,
        ("v2", "accepted"): 2,
        ("v2", "local"): 1,
        ("none", "not_a_proxy_header"): 1,
        ("v2", "source"): 1,
        ("none", "untrusted_peer"): 1,
    }


def test_responses_made_here_are_counted_by_status_and_cause(sipweir, backend):
    gone = backend()
    gone.down()
    weir = sipweir([gone], admin=ADMIN)
    one = weir.dial()
    assert one.ask().status == 503
    assert one.ask().status == 503
    one.send(b"OPTIONS sip:x SIP/7.0\r\n" + sip.request().split(b"\r\n", 1)[1])
    assert one.receive().status == 505
    page = http.metrics(weir)
    assert page.sum("sipweir_local_responses_total", status="503", reason="unreachable") == 2
    assert page.sum("sipweir_local_responses_total", status="505", reason="version") == 1
    assert page.sum("sipweir_local_responses_total") == 3
    assert page.sum("sipweir_responses_total") == 0
    assert page.sum("sipweir_backend_connections") == 0


def test_a_responder_counts_what_it_answers(sipweir):
    weir = sipweir(pool={"respond": {"status": 480}}, admin=ADMIN)
    one = weir.dial()
    for _ in range(3):
        assert one.ask().status == 480
    assert http.metrics(weir).sum("sipweir_local_responses_total", status="480", reason="respond") == 3


def test_held_memory_and_capacities_are_shown(sipweir, backend):
    weir = sipweir([backend()], listener={"backlog": 100}, limits={"tracked_sources": 77}, workers=2, admin=ADMIN)
    assert http.metrics(weir).sum("sipweir_memory_held_bytes") == 0
    half = weir.dial()
    half.send(sip.request()[:-20])
    page = until(weir, lambda p: p.sum("sipweir_memory_held_bytes") > 0, "memory held")
    assert page.sum("sipweir_sources_capacity") == 77
    both = lambda p: p.sum("sipweir_listen_queue_limit", listener="main") == 200  # each worker tells its own
    page = until(weir, both, "the limit of the listen queue")
    assert page.sum("sipweir_listen_queue", listener="main") == 0
    version = program.run("--version").stdout.split()[1]
    assert page.sum("sipweir_build_info", version=version) == 1
    half.close()
    until(weir, lambda p: p.sum("sipweir_memory_held_bytes") == 0, "memory given back")


def test_health_and_readiness(sipweir):
    weir = sipweir(admin=ADMIN)
    for socket in ("admin.http", "admin.health"):
        for path in ("/healthz", "/readyz", "/readyz?verbose"):
            answer = http.ask(weir.address_of(socket), path)
            assert (answer.status, answer.headers["connection"]) == (200, "close"), path
    assert http.ask(weir.address_of("admin.health"), "/metrics").status == 404
    for path in ("/", "/metrics/", "/../metrics", "/healthzz", "//", "*"):
        assert http.ask(weir.address_of("admin.health"), path).status in (400, 404), path


def test_being_full_makes_neither_fail(sipweir):
    weir = sipweir(listener={"max_connections": 1}, max_connections=1, limits={"connections": 1}, admin=ADMIN)
    assert weir.dial().ask().status == 200
    for _ in range(20):
        weir.dial().wait_end()
    for path in ("/healthz", "/readyz"):
        assert http.ask(weir.address_of("admin.health"), path).status == 200


@pytest.mark.parametrize("socket", ["admin.http", "admin.health"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "PATCH", "NOSUCH"])
def test_what_would_change_something_is_refused(sipweir, socket, method):
    weir = sipweir(admin=ADMIN)
    answer = http.ask(weir.address_of(socket), "/healthz", method=method, lines=["Content-Length: 0"])
    assert answer.status in (400, 405, 501) and b"ok" not in answer.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_load_balancers_may_ask_with_head_and_options(sipweir, path):
    weir = sipweir(admin=BEHIND)
    for socket in ("admin.http", "admin.health"):
        asked = http.ask(weir.address_of(socket), path)
        head = http.ask(weir.address_of(socket), path, method="HEAD")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(asked.body)))
        options = http.ask(weir.address_of(socket), path, method="OPTIONS")
        assert (options.status, options.body) == (200, asked.body)
    head = http.ask(weir.address_of("admin.health"), path, method="HEAD", header=proxy.v2("198.51.100.7"))
    assert head.status == 200


def test_metrics_need_get(sipweir):
    weir = sipweir(admin=ADMIN)
    head = http.ask(weir.address_of("admin.http"), "/metrics", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert http.ask(weir.address_of("admin.http"), "/metrics", method="OPTIONS").status == 405
    assert http.ask(weir.address_of("admin.health"), "/metrics", method="HEAD").status == 404


def test_a_drain_makes_it_unready_and_not_unhealthy(sipweir):
    weir = sipweir(admin=ADMIN, timeouts={"drain_delay": "20s"})
    weir.kill(signal.SIGTERM)
    weir.wait_for("drain")
    for method in ("GET", "HEAD", "OPTIONS"):
        assert http.ask(weir.address_of("admin.health"), "/readyz", method=method).status == 503
        assert http.ask(weir.address_of("admin.health"), "/healthz", method=method).status == 200
    assert http.ask(weir.address_of("admin.health"), "/readyz").text == "draining\n"
    assert http.metrics(weir).sum("sipweir_draining") == 1
    weir.process.kill()
    weir.stopped = True


# Reloads


def both(weir):
    return [http.ask(weir.address_of(name), "/healthz").status for name in ("admin.http", "admin.health")]


def refuses(address):
    try:
        http.dial(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_reload_opens_moves_and_closes_admin_sockets(sipweir):
    weir = sipweir(admin={"http": "", "health": ""})
    weir.change(admin=ADMIN)
    assert both(weir) == [200, 200]
    first = {name: weir.address_of(name) for name in ("admin.http", "admin.health")}
    moved = f"127.0.0.1:{ports.free()}"
    weir.change(admin={"http": moved})
    assert http.metrics(weir).sum("sipweir_reloads_total", outcome="done") == 2
    assert weir.address_of("admin.http") == moved
    assert refuses(first["admin.http"])
    assert weir.address_of("admin.health") == first["admin.health"], "it kept its socket"
    weir.change(admin={"http": "", "health": ""})
    assert refuses(moved) and refuses(first["admin.health"])


def test_a_reload_that_leaves_a_socket_alone_disturbs_nobody_on_it(sipweir):
    weir = sipweir(admin=ADMIN)
    address = weir.address_of("admin.http")
    with http.dial(address) as s:
        s.sendall(b"GET /healthz HT")
        weir.change(limits={"connections": 5})
        weir.change(admin={"health": ""})
        s.sendall(b"TP/1.0\r\n\r\n")
        assert http.Answer(http.read(s)).status == 200
    assert len(weir.log.find("listening", listener="admin.http")) == 1


def test_the_two_addresses_may_change_places(sipweir):
    a, b = (f"127.0.0.1:{ports.free()}" for _ in range(2))
    weir = sipweir(admin={"http": a, "health": b})
    assert (http.ask(a, "/metrics").status, http.ask(b, "/metrics").status) == (200, 404)
    weir.change(admin={"http": b, "health": a})
    assert (http.ask(a, "/metrics").status, http.ask(b, "/metrics").status) == (404, 200)
    weir.change(admin={"http": a, "health": ""})
    assert http.ask(a, "/metrics").status == 200
    assert refuses(b)


def test_an_address_may_widen_to_all_and_narrow_again(sipweir):
    port = ports.free()
    weir = sipweir(admin={"http": f"127.0.0.1:{port}"})
    weir.change(admin={"http": f"0.0.0.0:{port}"})
    assert http.ask(f"127.0.0.2:{port}", "/healthz").status == 200
    weir.change(admin={"http": f"127.0.0.1:{port}"})
    assert refuses(f"127.0.0.2:{port}")
    assert http.ask(f"127.0.0.1:{port}", "/healthz").status == 200


def test_trust_follows_a_reload_without_a_new_socket(sipweir):
    weir = sipweir(admin={**ADMIN, "trusted": ["10.0.0.0/8"]})
    header = proxy.v2("198.51.100.7")
    ask = lambda: http.ask(weir.address_of("admin.health"), "/healthz", header=header).status
    assert ask() in (None, 400)
    weir.change(admin={"trusted": ["127.0.0.1/32"]})
    assert ask() == 200
    weir.change(admin={"trusted": []})
    assert ask() in (None, 400)
    assert len(weir.log.find("listening", listener="admin.health")) == 1


def test_a_reload_that_fails_leaves_the_admin_sockets_as_they_were(sipweir, backend):
    weir = sipweir(admin=ADMIN)
    taken, free = backend().address, f"127.0.0.1:{ports.free()}"
    before = weir.descriptors()
    for admin in ({"http": free, "health": taken}, {"http": taken, "health": free}):
        outcome = weir.reload({**weir.tree, "admin": {**weir.tree["admin"], **admin}})
        assert outcome["level"] == "error" and f"{taken} is in use" in outcome["message"]
        assert both(weir) == [200, 200]
        assert refuses(free)
    moved = {**weir.tree["listeners"][0], "address": taken}
    outcome = weir.reload({**weir.tree, "admin": {**weir.tree["admin"], "http": free}, "listeners": [moved]})
    assert outcome["level"] == "error"
    assert refuses(free)
    assert both(weir) == [200, 200]
    assert http.metrics(weir).sum("sipweir_reloads_total", outcome="failed") == 3
    wait.until(lambda: weir.descriptors() == before, 5, "nothing left open")


def test_reloads_during_scrapes_serve_every_one(sipweir):
    """The socket that stays; the other one comes and goes beneath it."""
    weir = sipweir(workers=2, admin=ADMIN)
    before = weir.descriptors()
    address = weir.address_of("admin.http")
    for number in range(30):
        with http.dial(address) as s:
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            weir.change(admin={"health": "" if number % 2 == 0 else "127.0.0.1:0"})
            assert http.Answer(http.read(s)).status == 200
    wait.until(lambda: weir.descriptors() == before, 5, "nothing left open")


def test_what_is_too_large_or_no_http_is_refused(sipweir):
    weir = sipweir(admin=ADMIN)
    address = weir.address_of("admin.http")
    for request in (
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"A" * 100000,
        b"\x16\x03\x01\x02\x00\n\n",
        sip.request(),
        b"POST /metrics HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + bytes(100000),
    ):
        with http.dial(address) as s:
            try:
                s.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = http.Answer(http.read(s))
            assert answer.status is None or answer.status >= 400, request[:40]
    assert http.metrics(weir).types


def test_silent_connections_keep_nobody_out_and_are_bounded(sipweir):
    weir = sipweir(admin=ADMIN)
    before = weir.descriptors()
    silent = []
    for _ in range(5):
        silent += [http.dial(weir.address_of("admin.health")) for _ in range(60)]
        began = time.monotonic()
        assert http.ask(weir.address_of("admin.health"), "/healthz").status == 200
        assert time.monotonic() - began < wait.seconds(2)
    assert weir.descriptors() <= before + 64 + 70, "64, and those that are on their way out"
    wait.until(lambda: weir.descriptors() <= before + 64, 5, "the oldest gone")
    for s in silent[:200]:
        assert http.read(s) == b""
    for s in silent:
        s.close()
    wait.until(lambda: weir.descriptors() == before, 5, "every descriptor given back")


def test_a_client_that_half_closes_gets_the_whole_page(sipweir):
    weir = sipweir([f"127.0.0.1:{port}" for port in range(20000, 20200)], admin=ADMIN)
    with http.dial(weir.address_of("admin.http")) as s:
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        s.shutdown(sockets.SHUT_WR)
        answer = http.Answer(http.read(s))
    assert answer.status == 200
    assert len(answer.body) > 65536, "this has to be more than one write"
    assert answer.text.splitlines()[-1].startswith("sipweir_build_info")


def many_servers():
    """Pools whose page no socket buffer holds."""
    many = conf.servers(*(f"127.0.0.1:{port}" for port in range(20000, 21000)))
    return [{"name": name, "servers": many} for name in ("main", "second", "third", "fourth")]


def test_what_comes_behind_a_request_is_not_held(sipweir):
    """Who asks for a large page, reads nothing and goes on sending is stopped by TCP."""
    weir = sipweir(pools=many_servers(), admin=ADMIN)
    host, port = ports.split(weir.address_of("admin.http"))
    sent = 0
    with sockets.socket() as s:
        s.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        s.settimeout(wait.seconds(5))
        s.connect((host, port))
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        s.recv(1, sockets.MSG_PEEK)
        s.settimeout(1)
        with pytest.raises(TimeoutError):
            while sent < 256 * 1024 * 1024:
                sent += s.send(bytes(65536))
    assert sent < 64 * 1024 * 1024, "the kernel alone holds a few of these"


@pytest.mark.parametrize("request_bytes", [b"", b"GET /metrics HTTP/1.1\r\nX: "], ids=["silent", "dripping"])
def test_a_slow_client_has_ten_seconds_in_all(sipweir, request_bytes):
    weir = sipweir(admin=ADMIN)
    with http.dial(weir.address_of("admin.http"), 30) as s:
        began = time.monotonic()
        s.sendall(request_bytes)
        s.settimeout(0.25)
        while time.monotonic() - began < wait.seconds(20):
            try:
                if request_bytes:
                    s.sendall(b"y")
                if s.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
        assert 9 < time.monotonic() - began < wait.seconds(13)
    assert http.metrics(weir).types


@pytest.mark.parametrize(
    "header",
    [proxy.v1("198.51.100.7"), proxy.v2("198.51.100.7"), proxy.nlb("2001:db8::1"), proxy.nlb_health_check(), b""],
    ids=["v1", "v2", "nlb", "local", "none"],
)
def test_a_trusted_peer_may_send_a_proxy_header_before_its_health_check(sipweir, header):
    weir = sipweir(admin=BEHIND)
    address = weir.address_of("admin.health")
    assert http.ask(address, "/readyz", header=header).status == 200
    whole = header + b"GET /readyz HTTP/1.0\r\n\r\n"
    for at in range(1, len(whole), 1 if len(whole) < 80 else 7):
        with http.dial(address) as s:
            s.sendall(whole[:at])
            time.sleep(0.005)
            s.sendall(whole[at:])
            assert http.Answer(http.read(s)).status == 200, at


@pytest.mark.parametrize("header", [proxy.v1("198.51.100.7"), proxy.v2("198.51.100.7"), proxy.nlb_health_check()])
def test_from_anyone_else_a_proxy_header_is_refused(sipweir, header):
    weir = sipweir(admin={**ADMIN, "trusted": ["10.0.0.0/8"]})
    for socket in ("admin.health", "admin.http"):
        answer = http.ask(weir.address_of(socket), "/healthz", header=header)
        assert answer.status in (None, 400) and b"ok" not in answer.body
        assert http.ask(weir.address_of(socket), "/healthz").status == 200


def test_a_broken_header_of_a_trusted_peer_ends_the_connection(sipweir):
    weir = sipweir(admin=BEHIND)
    for header in (b"PROXY TCP4 1.2.3.4\r\n", proxy.v2("0.0.0.0"), proxy.SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12)):
        assert http.ask(weir.address_of("admin.health"), "/healthz", header=header).raw == b""
    assert http.ask(weir.address_of("admin.health"), "/healthz", header=proxy.v2("192.0.2.1") * 2).status in (None, 400)


def test_http_on_the_sip_port_stays_refused(sipweir):
    weir = sipweir(admin=ADMIN)
    answer = http.ask(weir.address, "/metrics")
    assert answer.raw == b""
    assert weir.wait_for("sip.bad")["reason"] == "http"


@pytest.mark.parametrize("option", ["http", "health"])
def test_a_taken_address_is_an_error_at_the_start(tmp_path, backend, option):
    taken = backend().address
    path = tmp_path / "sipweir.conf"
    path.write_text(conf.group(conf.tree(admin={option: taken})))
    assert program.run("--check", "--config", str(path)).returncode == 0, "a check binds nothing"
    result = program.run("--config", str(path))
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert re.fullmatch(rf".*sipweir\.conf:\d+: admin\.{option}: {taken} is in use; .*", last), result.stderr


def test_scrapes_during_traffic_add_up(sipweir, backend):
    """Many small scrapes while two workers count: no number ever goes back."""
    weir = sipweir([backend()], workers=2, admin=ADMIN)
    before = http.metrics(weir)
    phones = [weir.dial() for _ in range(8)]
    for round_ in range(20):
        for one in phones:
            one.send(sip.request())
        now = http.metrics(weir)
        for key, value in before.samples.items():
            if before.types.get(key[0]) != "gauge":
                assert now.samples[key] >= value, key
        before = now
        for one in phones:
            one.receive()
    page = http.metrics(weir)
    assert page.sum("sipweir_messages_total", direction="in") == 160
    assert page.sum("sipweir_messages_total", direction="out") == 160


def test_stopping_does_not_wait_for_those_who_watch(sipweir):
    weir = sipweir(admin=ADMIN)
    watchers = [http.dial(weir.address_of(name)) for name in ("admin.http", "admin.health") for _ in range(5)]
    began = time.monotonic()
    weir.stop()
    assert time.monotonic() - began < wait.seconds(5)
    for s in watchers:
        assert http.read(s) == b""
        s.close()


def test_stopping_does_not_make_the_pages_that_are_still_asked_for(sipweir):
    weir = sipweir(pools=many_servers(), admin=ADMIN)
    began = time.monotonic()
    assert http.ask(weir.address_of("admin.http"), "/metrics").status == 200
    one_page = time.monotonic() - began
    watchers = [http.dial(weir.address_of("admin.http")) for _ in range(60)]
    for s in watchers:
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    began = time.monotonic()
    weir.stop()
    assert time.monotonic() - began < 10 * one_page
    for s in watchers:
        s.close()
