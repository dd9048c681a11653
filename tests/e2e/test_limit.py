# SPDX-License-Identifier: BSD-2-Clause
"""How many connections a source may hold, and all at once; what refuses looks like; when a slot is free again."""
import pytest

from harness import crowd, proxy, server, sip

THROUGH = {"proxy_protocol": "require"}


@pytest.fixture
def callers(end):
    def make(processes):
        one = crowd.Crowd(processes)
        end.append(one.stop)
        return one

    return make


def sources(count):
    return [f"198.51.{100 + n // 200}.{1 + n % 200}" for n in range(count)]


def refused(one):
    """True when it is ended without a byte."""
    how = one.wait_end()
    assert one.data == b"", one.data
    return how == "rst"


# Exactly N


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_each_of_50_sources_gets_exactly_its_limit_from_4_processes_on_2_workers(sipweir, callers, leave):
    limit, each = 6, 4
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": limit})
    clients, who = callers(4), sources(50)
    for number in range(1, 4):
        result = clients.call(weir.address, who, each)
        wrong = {source: counts for source, counts in result.items() if counts != [limit, 4 * each - limit]}
        assert not wrong, f"round {number}: [admitted, refused] should be {[limit, 4 * each - limit]} each: {wrong}"
        clients.leave(leave)
        weir.log.wait_for("connection.closed", count=50 * limit * number)
    weir.stop()
    assert weir.log.total("limit.refused") == 3 * 50 * (4 * each - limit)


def test_each_of_50_sources_gets_exactly_its_limit_when_no_server_is_up(sipweir, callers, backend):
    gone = backend()
    gone.down()
    weir = sipweir([gone], workers=2, listener=THROUGH, limits={"connections": 3})
    clients = callers(4)
    for number in (1, 2):
        result = clients.call(weir.address, sources(50), 2)
        assert set(map(tuple, result.values())) == {(3, 5)}, result
        clients.leave("close")
        weir.log.wait_for("connection.closed", count=150 * number)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_more_than_the_limit_is_refused_and_says_why(sipweir, workers):
    weir = sipweir(workers=workers, listener=THROUGH, limits={"connections": 3})
    held = [weir.dial("198.51.100.7", 1000 + n) for n in range(3)]
    for one in held:
        assert one.ask().status == 200
    over = weir.dial("198.51.100.7", 2000)
    assert refused(over)
    line = weir.wait_for("limit.refused")
    wanted = {
        "level": "notice",
        "listener": "main",
        "source": "198.51.100.7",
        "peer": over.local,
        "limit": "connections",
        "current": 3,
        "max": 3,
        "action": "reset",
    }
    assert {k: line.get(k) for k in wanted} == wanted
    assert weir.dial("198.51.100.8").ask().status == 200
    for one in held:
        assert one.ask().status == 200


def test_no_limit_when_connections_is_0(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 0, "unproven": 0})
    held = [weir.dial("198.51.100.7", 1000 + n) for n in range(1100)]
    for one in held:
        one.send(sip.request())
    for one in held:
        assert one.receive().status == 200


def test_a_direct_client_is_limited_by_its_own_address(sipweir):
    weir = sipweir(workers=2, limits={"connections": 2})
    held = [weir.dial(bind="127.0.0.41") for _ in range(2)]
    for one in held:
        assert one.ask().status == 200
    assert refused(weir.dial(bind="127.0.0.41"))
    assert weir.wait_for("limit.refused")["source"] == "127.0.0.41"
    assert weir.dial(bind="127.0.0.42").ask().status == 200


def test_the_action_close_refuses_with_a_fin(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1, "action": "close"})
    assert weir.dial().ask().status == 200
    over = weir.dial()
    assert over.wait_end() == "fin"
    assert over.data == b""
    assert weir.wait_for("limit.refused")["action"] == "close"


# What a source is


def assert_same_source(weir, one, other, same):
    """`one` and `other` are headers; the limit is 1."""
    first = weir.dial(header=one)
    assert first.ask().status == 200
    second = weir.dial(header=other)
    if same:
        assert refused(second)
    else:
        assert second.ask().status == 200


@pytest.mark.parametrize(
    "one,other,same",
    [
        (proxy.v2("198.51.100.7"), proxy.v2("::ffff:198.51.100.7"), True),
        (proxy.v1("198.51.100.7"), proxy.v2("198.51.100.7"), True),
        (proxy.v2("198.51.100.7"), proxy.v2("198.51.100.6"), False),
        (proxy.v2("2001:db8:1:2::1"), proxy.v2("2001:db8:1:2:ffff::9"), True),
        (proxy.v2("2001:db8:1:2::1"), proxy.v2("2001:db8:1:3::1"), False),
        (proxy.nlb("10.0.0.7", vpc_endpoint="vpce-0a"), proxy.nlb("10.0.0.7", vpc_endpoint="vpce-0b"), False),
        (proxy.nlb("10.0.0.7", vpc_endpoint="vpce-0a"), proxy.nlb("10.0.0.7", vpc_endpoint="vpce-0a"), True),
        (proxy.nlb("10.0.0.7", vpc_endpoint="vpce-0a"), proxy.nlb("10.0.0.7"), False),
    ],
    ids=["mapped", "v1-v2", "other-v4", "same-64", "other-64", "other-endpoint", "same-endpoint", "no-endpoint"],
)
def test_what_counts_as_one_source(sipweir, one, other, same):
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 1})
    assert_same_source(weir, one, other, same)


def test_the_prefixes_say_what_counts_as_one_source(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1, "ipv4_prefix": 24, "ipv6_prefix": 128})
    assert_same_source(weir, proxy.v2("198.51.100.7"), proxy.v2("198.51.100.200"), True)
    assert_same_source(weir, proxy.v2("2001:db8::1"), proxy.v2("2001:db8::2"), False)


def test_a_refusal_names_the_mapped_source_as_ipv4_and_the_endpoint(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1})
    for header in (proxy.v2("::ffff:198.51.100.7"), proxy.nlb("10.0.0.7", vpc_endpoint="vpce-08d2bf15fac5001c9")):
        assert weir.dial(header=header).ask().status == 200
        assert refused(weir.dial(header=header))
    assert weir.wait_for("limit.refused", source="198.51.100.7")
    assert weir.wait_for("limit.refused", source="10.0.0.7")["endpoint"] == "vpce-08d2bf15fac5001c9"


# When a slot is free again


def _close(one, behind):
    one.close()


def _reset(one, behind):
    one.reset()


def _half_close(one, behind):
    one.half_close()


def _garbage(one, behind):
    one.send(b"GET / HTTP/1.1\r\n\r\n")


def _nonsense_length(one, behind):
    one.send(sip.request(content_length="x"))


def _begin_message(one, behind):
    one.send(sip.request()[:-1])


def _wait(one, behind):
    pass


def _server_closes(one, behind):
    behind.wait_connection().close()


def _server_resets(one, behind):
    behind.wait_connection().reset()


def _invite_never_answered(one, behind):
    behind.answer = server.silent
    one.send(sip.request("INVITE")).half_close()


ENDS = [
    ("client_closed", _close, True, {}),
    ("truncated", _close, False, {}),
    ("client_reset", _reset, True, {}),
    ("client_reset", _reset, False, {}),
    ("client_closed", _half_close, True, {}),
    ("sip_bad", _garbage, False, {}),
    ("sip_bad", _nonsense_length, False, {}),
    ("sip_bad", _nonsense_length, True, {}),
    ("message_timeout", _begin_message, True, {"message": "200ms"}),
    ("first_message_timeout", _begin_message, False, {"first_message": "200ms"}),
    ("first_message_timeout", _wait, False, {"first_message": "200ms"}),
    ("idle", _wait, True, {"idle": "200ms"}),
    ("half_closed_timeout", _invite_never_answered, True, {"half_closed": "200ms"}),
    ("server_closed", _server_closes, True, {}),
    ("server_reset", _server_resets, True, {}),
]


@pytest.mark.parametrize(
    "reason,leave,proven,timeouts", ENDS, ids=[f"{r}-{f.__name__[1:]}{'-proven' if p else ''}" for r, f, p, _ in ENDS]
)
def test_the_slot_is_free_again_after_every_kind_of_end(sipweir, backend, reason, leave, proven, timeouts):
    behind = backend()
    weir = sipweir([behind], workers=2, listener=THROUGH, limits={"connections": 1}, timeouts=timeouts)
    first = weir.dial()
    if proven:
        assert first.ask().status == 200
    else:
        first.send(b"O")  # an NLB sends its header with the client's first byte: it is named from here on
    leave(first, behind)
    closed = weir.wait_for("connection.closed", source="198.51.100.7")
    assert closed["reason"] == reason
    behind.answer = server.ok
    again = weir.dial()
    assert again.ask().status == 200
    assert weir.log.find("limit.refused") == []


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
@pytest.mark.parametrize("relayed", [False, True], ids=["answered-here", "relayed"])
def test_a_phone_that_reconnects_at_its_limit_is_not_refused_for_its_own_past(sipweir, backend, leave, relayed):
    rounds = 600 if relayed else 2500
    weir = sipweir([backend()] if relayed else (), workers=2, listener=THROUGH, limits={"connections": 1})
    for n in range(rounds):
        one = weir.dial(port=1024 + n)
        weir.phones.pop()
        try:
            assert one.ask().status == 200
        except (AssertionError, OSError) as refusal:
            raise AssertionError(f"reconnect {n}: {refusal}\n{weir.log.text(5)}") from None
        getattr(one, leave)()
        if leave == "half_close":
            assert one.wait_end() == "fin"
            one.close()
    assert weir.log.find("limit.refused") == []


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_phone_that_hangs_up_before_its_first_message_is_not_refused_for_it(sipweir, leave):
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 1})
    for n in range(1000):
        one = weir.dial(port=1024 + n)
        weir.phones.pop()
        getattr(one, leave)()
    assert weir.dial().ask().status == 200
    assert weir.log.find("limit.refused") == []


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_phone_that_hangs_up_twice_and_comes_back_is_not_refused_for_it(sipweir, leave):
    """Its first two connections may still wait for their turn when the third one comes."""
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 1})
    for n in range(400):
        for _ in range(2):
            getattr(weir.dial(port=1024 + n), leave)()
        one = weir.dial(port=1024 + n)
        assert one.ask().status == 200, f"round {n}"
        one.close()
        weir.phones.clear()
    assert weir.log.find("limit.refused") == []


def test_a_phone_over_its_limit_gets_in_as_soon_as_an_old_connection_goes(sipweir):
    weir = sipweir(workers=2, listener=THROUGH, limits={"connections": 2})
    held = [weir.dial(), weir.dial()]
    for one in held:
        assert one.ask().status == 200
    for _ in range(50):
        assert refused(weir.dial())
        held.pop(0).close()
        held.append(weir.dial())
        assert held[-1].ask().status == 200


# All sources together


@pytest.mark.parametrize(
    "settings,listener,limit",
    [({"max_connections": 5}, {}, "max_connections"), ({}, {"max_connections": 5}, "listener.max_connections")],
    ids=["max_connections", "listener.max_connections"],
)
def test_no_more_than_so_many_connections_in_all(sipweir, settings, listener, limit):
    weir = sipweir(workers=2, listener={**THROUGH, **listener}, **settings)
    held = [weir.dial(f"198.51.100.{n}") for n in range(1, 6)]
    for one in held:
        assert one.ask().status == 200
    assert refused(weir.dial("198.51.100.9"))
    line = weir.wait_for("limit.refused")
    assert (line["limit"], line["max"]) == (limit, 5)
    for one in held:
        assert one.ask().status == 200
    held[0].close()
    weir.wait_for("connection.closed", source="198.51.100.1")
    assert weir.dial("198.51.100.9").ask().status == 200


def test_the_limit_of_one_listener_is_not_that_of_another(sipweir):
    weir = sipweir(
        listeners=[{"name": "small", "max_connections": 1, **THROUGH}, {"name": "large", **THROUGH}],
    )
    assert weir.dial(listener="small").ask().status == 200
    assert refused(weir.dial(listener="small"))
    for _ in range(3):
        assert weir.dial(listener="large").ask().status == 200


def test_unproven_connections_make_room_when_all_are_taken(sipweir):
    weir = sipweir(max_connections=3, listener=THROUGH)
    proven = [weir.dial(f"198.51.100.{n}") for n in (1, 2)]
    for one in proven:
        assert one.ask().status == 200
    silent = weir.dial("198.51.100.3").send(b"O")
    newcomer = weir.dial("198.51.100.4")
    assert newcomer.ask().status == 200
    silent.wait_end()
    for one in proven:
        assert one.ask().status == 200


def test_the_oldest_connection_without_a_header_goes_when_there_are_too_many(sipweir):
    weir = sipweir(listener={**THROUGH, "max_unnamed": 3})
    silent = []
    for _ in range(5):
        silent.append(weir.dial(header=b""))
        silent[-1].send(b"PROXY")
    for one in silent[:2]:
        one.wait_end()
        assert one.data == b""
    for one in silent[2:]:
        one.send(proxy.v1("198.51.100.7")[5:])
        assert one.ask().status == 200
    assert weir.wait_for("limit.refused")["limit"] == "max_unnamed"


def test_named_connections_do_not_count_as_unnamed(sipweir):
    weir = sipweir(listener={**THROUGH, "max_unnamed": 2})
    for n in range(10):
        assert weir.dial(f"198.51.100.{n + 1}").ask().status == 200
    assert weir.log.find("limit.refused") == []


@pytest.mark.parametrize("when_full", ["refuse", "admit"])
def test_a_new_source_when_the_table_is_full(sipweir, when_full):
    weir = sipweir(
        workers=2, listener=THROUGH, limits={"tracked_sources": 64, "when_full": when_full, "connections": 2}
    )
    known = [weir.dial(f"10.{n}.0.1") for n in range(64)]
    for one in known:
        assert one.ask().status == 200
    newcomers = [weir.dial("10.200.0.1") for _ in range(3)]
    for one in newcomers:
        if when_full == "refuse":
            assert refused(one)
        else:
            assert one.ask().status == 200
    line = weir.wait_for("limit.refused" if when_full == "refuse" else "limit.would_refuse")
    assert (line["limit"], line["max"], line["source"]) == ("tracked_sources", 64, "10.200.0.1")
    assert weir.dial("10.3.0.1").ask().status == 200, "a known source still has room"
    known[0].close()
    weir.wait_for("connection.closed", source="10.0.0.1")
    assert weir.dial("10.201.0.1").ask().status == 200, "room for a new source once a known one is gone"


def test_at_max_connections_silent_ones_make_room_whichever_worker_has_them(sipweir):
    weir = sipweir(workers=2, max_connections=8)
    silent = [weir.dial() for _ in range(8)]
    assert all(one.is_open(0.01) for one in silent)
    proven = []
    for n in range(8):
        proven.append(weir.dial())
        assert proven[-1].ask().status == 200, f"newcomer {n}"
    for one in silent:
        one.wait_end()
    assert refused(weir.dial()), "nobody is left to make room"
    assert all(one.ask().status == 200 for one in proven)
