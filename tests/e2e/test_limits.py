# SPDX-License-Identifier: BSD-2-Clause
"""Every limit, scope, action and mode from outside; lists, reloads, bans, and what operators see of them."""
import hashlib
import re

import pytest

from harness import conf, control, http, phone, proxy, sip, tls, wait

THROUGH = {"proxy_protocol": "require"}
ADMIN = {"http": "127.0.0.1:0"}
RIGHT, WRONG = 'Authorization: Digest username="a", response="good"', 'Authorization: Digest username="a", response="bad"'


def asked(weir, *words):
    """What sipweirctl says."""
    return control.command(weir.tree["admin"]["control"], *words)


@pytest.fixture
def socket(tmp_path):
    return {"control": str(tmp_path / "ctl")}


def refused(one):
    """True when it is ended without a byte."""
    how = one.wait_end()
    assert one.data == b"", one.data
    return how == "rst"


def registers(weir, source, wrong=False, **more):
    """One connection that shows credentials."""
    one = weir.dial(source, **more)
    return one, one.ask(method="REGISTER", headers=[WRONG if wrong else RIGHT]).status


def judge(connection, message):
    """A server that knows a wrong password, and challenges whoever shows none."""
    credentials = message.header("Authorization")
    if not credentials:
        connection.reply(message, 401, headers=['WWW-Authenticate: Digest realm="a", nonce="b"'])
    else:
        connection.reply(message, 401 if "bad" in credentials else 200)


# Dimensions and scopes


def test_connections_are_limited_in_their_rate(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connection_rate": "3/10m"}, admin=ADMIN)
    for _ in range(3):
        weir.dial("198.51.100.7").close()
    assert refused(weir.dial("198.51.100.7"))
    line = weir.wait_for("limit.refused")
    assert (line["limit"], line["max"]) == ("connection_rate", 3)
    assert weir.dial("198.51.100.8").ask().status == 200
    assert http.metrics(weir).sum("sipweir_refused_total", limit="connection_rate", action="reset") == 1


def test_silent_connections_are_limited_and_those_that_speak_are_not(sipweir):
    weir = sipweir(listener=THROUGH, limits={"unproven": 3})
    silent = [weir.dial("198.51.100.7") for _ in range(3)]
    assert refused(weir.dial("198.51.100.7"))
    assert weir.wait_for("limit.refused")["limit"] == "unproven"
    for one in silent:
        assert one.ask().status == 200
    assert weir.dial("198.51.100.7").ask().status == 200


def test_connections_that_are_not_registered_are_limited(sipweir, backend):
    weir = sipweir([backend(judge)], listener=THROUGH, limits={"unregistered": 2, "action": "refuse"})
    held = [registers(weir, "198.51.100.7") for _ in range(4)]
    assert [status for _, status in held] == [200] * 4
    attackers = [registers(weir, "198.51.100.7", wrong=True) for _ in range(3)]
    assert [status for _, status in attackers] == [401, 401, 503]
    assert weir.wait_for("limit.refused")["limit"] == "unregistered"


def test_a_subnet_is_limited_one_level_up(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 3, "subnet": {"connections": 4}})
    held = [weir.dial(f"198.51.100.{n}") for n in (1, 1, 1, 2)]
    for one in held:
        assert one.ask().status == 200
    assert refused(weir.dial("198.51.100.3"))
    line = weir.wait_for("limit.refused")
    assert (line["limit"], line["current"], line["max"]) == ("subnet.connections", 4, 4)
    assert weir.dial("198.51.101.3").ask().status == 200
    six = [weir.dial(header=proxy.v2(f"2001:db8:0:{n}::1")) for n in range(4)]
    for one in six:
        assert one.ask().status == 200
    assert refused(weir.dial(header=proxy.v2("2001:db8:0:9::1")))
    assert weir.dial(header=proxy.v2("2001:db8:1::1")).ask().status == 200


@pytest.mark.parametrize("over", ["delay", "refuse", "close"])
def test_requests_past_their_rate_wait_are_refused_or_end_the_connection(sipweir, backend, over):
    weir = sipweir(
        [backend()], listener=THROUGH, admin=ADMIN, limits={"message_rate": "2/600ms", "over_message_rate": over}
    )
    one = weir.dial("198.51.100.7")
    for n in range(4):
        one.send(sip.request(call_id=f"c{n}"))
    if over == "close":
        answers = [one.receive().status for _ in range(2)]
        assert one.wait_end() == "fin"
        assert weir.wait_for("connection.closed")["reason"] == "message_rate"
    else:
        answers = [one.receive().status for _ in range(4)]
    assert sorted(answers) == {"delay": [200] * 4, "refuse": [200, 200, 503, 503], "close": [200, 200]}[over]
    page = http.metrics(weir)
    assert page.sum("sipweir_delayed_total") == (2 if over == "delay" else 0)
    assert page.sum("sipweir_refused_total", limit="message_rate") == {"delay": 0, "refuse": 2, "close": 1}[over]


def test_twenty_requests_at_once_are_slowed_and_all_answered(sipweir, backend):
    weir = sipweir(
        [backend()],
        listener=THROUGH,
        limits={"connection_message_rate": "20/s burst 5", "penalty": {"mode": "enforce", "refused": 100}},
    )
    one = weir.dial("198.51.100.7")
    one.send(b"".join(sip.request("SUBSCRIBE", call_id=f"c{n}") for n in range(20)))
    assert sorted(one.receive().call_id for _ in range(20)) == sorted(f"c{n}" for n in range(20))
    assert weir.log.find("limit.refused") == weir.log.find("ban.start") == []


def test_a_class_by_network_endpoint_and_listener_has_its_own_numbers(sipweir, socket):
    weir = sipweir(
        admin=socket,
        listeners=[{"name": "a", **THROUGH}, {"name": "b", **THROUGH}],
        limits={
            "connections": 1,
            "classes": [
                {"name": "trunks", "networks": ["198.51.100.0/24", "2001:db8::/32"], "connections": 3},
                {"name": "partner", "endpoints": ["vpce-08d2bf15fac5001c9"], "connections": 2},
                {"name": "lab", "listeners": ["b"], "connections": 2, "action": "close"},
            ],
        },
    )
    callers = {
        3: (None, proxy.v1("198.51.100.7")),
        2: (None, proxy.nlb("198.51.100.7", vpc_endpoint="vpce-08d2bf15fac5001c9")),
        1: (None, proxy.v1("203.0.113.7")),
    }
    for allowed, (_, header) in callers.items():
        for _ in range(allowed):
            assert weir.dial(header=header).ask().status == 200
        assert refused(weir.dial(header=header))
    lines = weir.log.wait_for("limit.refused", count=3)
    assert [line.get("class") for line in lines] == ["trunks", "partner", None]
    for _ in range(2):
        assert weir.dial(header=proxy.v1("203.0.113.9"), listener="b").ask().status == 200
    assert weir.dial(header=proxy.v1("203.0.113.9"), listener="b").wait_end() == "fin"
    shown = asked(weir, "limits", "198.51.100.7")
    assert "class trunks" in shown and "3" in shown


def test_reserved_places_are_kept_and_unproven_ones_make_room(sipweir):
    trunks = {"name": "trunks", "networks": ["198.51.100.0/24"], "reserved": 3}
    weir = sipweir(listener=THROUGH, max_connections=8, limits={"classes": [trunks]})
    held = [weir.dial(f"203.0.113.{n}") for n in range(5)]
    for one in held:
        assert one.ask().status == 200
    assert refused(weir.dial("203.0.113.9"))
    assert weir.wait_for("limit.refused")["limit"] == "max_connections"
    for n in range(3):
        assert weir.dial(f"198.51.100.{n}").ask().status == 200
    for one in held:
        assert one.ask().status == 200


# Actions


def test_whoever_is_refused_in_sip_hears_it_whole(sipweir):
    weir = sipweir(
        listener=THROUGH,
        limits={"connections": 1, "action": "refuse", "refuse_status": 480, "retry_after": "60s"},
        admin=ADMIN,
    )
    held = weir.dial("198.51.100.7")
    assert held.ask().status == 200
    for _ in range(20):
        over = weir.dial("198.51.100.7")
        over.send(sip.request("REGISTER", body=b"x" * 2000))
        answer = over.receive()
        assert answer.status == 480
        assert 60 <= int(answer.header("Retry-After")) <= 90
        assert over.wait_end() == "fin"
    assert http.metrics(weir).sum("sipweir_local_responses_total", status="480", reason="limit") == 20


def test_the_tarpit_says_nothing_for_a_while(sipweir):
    weir = sipweir(
        listener=THROUGH, limits={"connections": 1, "action": "tarpit", "tarpit": "700ms", "max_tarpit": 1}, admin=ADMIN
    )
    held = weir.dial("198.51.100.7")
    assert held.ask().status == 200
    over = weir.dial("198.51.100.7").send(sip.request())
    weir.wait_for("limit.refused", action="tarpit")
    assert refused(weir.dial("198.51.100.7")), "there is one place"
    assert over.is_open(0.2)
    assert refused(over)


# Observing


def test_while_it_observes_it_refuses_nobody_and_says_whom_it_would(sipweir, socket):
    weir = sipweir(listener=THROUGH, limits={"mode": "observe", "connections": 2, "unproven": 0}, admin={**ADMIN, **socket})
    held = [weir.dial("198.51.100.7") for _ in range(5)]
    for one in held:
        assert one.ask().status == 200
    line = weir.wait_for("limit.would_refuse")
    assert (line["limit"], line["current"], line["max"]) == ("connections", 2, 2)
    page = http.metrics(weir)
    assert page.sum("sipweir_would_refuse_total", limit="connections") == 3
    assert page.sum("sipweir_refused_total") == 0
    assert page.sum("sipweir_sources_by_connections", le="4") == 0
    assert page.sum("sipweir_sources_by_connections", le="8") == 1
    assert "198.51.100.7" in asked(weir, "sources")


# Lists


def test_lists_are_read_again_and_a_broken_one_keeps_its_last_good_copy(sipweir, tmp_path):
    blocked, state = tmp_path / "blocked.txt", tmp_path / "state"
    state.mkdir()
    blocked.write_text("# nobody wants these\n198.51.100.0/24\n")
    classes = [{"name": "blocked", "files": [{"path": blocked}], "deny": True}]
    weir = sipweir(listener=THROUGH, limits={"classes": classes}, state_dir=state)
    assert refused(weir.dial("198.51.100.7"))
    assert weir.wait_for("limit.refused")["class"] == "blocked"
    blocked.write_text("203.0.113.0/24\n")
    assert weir.reload()["message"] == "no option has changed; lists of networks that have changed: 1"
    assert weir.dial("198.51.100.7").ask().status == 200
    assert refused(weir.dial("203.0.113.7"))
    blocked.write_text("203.0.113.0/24\n198.51.100.1/24\n")
    weir.change(limits={"classes": classes, "connections": 1})
    line = weir.wait_for("list.kept", level="error")
    assert f"{blocked}:2: " in line["message"] and "198.51.100.1/24" in line["message"]
    assert refused(weir.dial("203.0.113.7"))
    assert weir.dial("198.51.100.9").ask().status == 200
    assert refused(weir.dial("198.51.100.9")), "the rest of the reload has gone on"
    weir.stop()
    again = sipweir(listener=THROUGH, limits={"classes": classes}, state_dir=state)
    assert again.wait_for("list.kept", level="error")
    assert refused(again.dial("203.0.113.7"))
    assert again.dial("198.51.100.7").ask().status == 200


@pytest.mark.parametrize(
    "text,why", [("0.0.0.0/0\n", "more is denied"), ("127.0.0.0/24\n", "in trusted of listener"), ("x\n", "no network")]
)
def test_a_list_that_must_not_fail_makes_the_reload_fail(sipweir, tmp_path, text, why):
    blocked = tmp_path / "blocked.txt"
    blocked.write_text("198.51.100.0/24\n")
    classes = [{"name": "blocked", "files": [{"path": blocked, "on_error": "fail"}], "deny": True}]
    weir = sipweir(listener=THROUGH, limits={"classes": classes})
    blocked.write_text(text)
    line = weir.reload()
    assert line["level"] == "error"
    assert why in line["message"] and str(blocked) in line["message"]
    assert refused(weir.dial("198.51.100.7"))


# Reloads


def test_more_names_of_classes_than_a_process_tells_apart_are_an_error_that_says_so(sipweir):
    def classes(first, count):
        return [{"name": f"c{n}", "networks": [f"198.51.{n // 250}.{n % 250}"]} for n in range(first, first + count)]

    weir = sipweir(listener=THROUGH, limits={"classes": classes(0, 60)})
    one = weir.dial("198.51.0.7")
    assert one.ask().status == 200
    for first in (60, 120, 180):
        weir.change(limits={"classes": classes(first, 60)})
    line = weir.reload({**weir.tree, "limits": {"classes": classes(240, 16)}})
    assert line["level"] == "error"
    assert "c255 is one name too many" in line["message"] and "255 classes" in line["message"], line
    assert one.ask().status == 200
    weir.change(limits={"classes": classes(195, 60)})


def test_a_lowered_limit_closes_nobody_and_admits_nobody_and_counts_stay(sipweir):
    weir = sipweir(listener=THROUGH, workers=2, limits={"connections": 5})
    held = [weir.dial("198.51.100.7") for _ in range(4)]
    for one in held:
        assert one.ask().status == 200
    weir.change(limits={"connections": 2})
    for one in held:
        assert one.ask().status == 200
    assert refused(weir.dial("198.51.100.7"))
    line = weir.wait_for("limit.refused")
    assert (line["current"], line["max"]) == (4, 2)
    for one in held[:3]:
        one.close()
    weir.log.wait_for("connection.closed", count=3, messages=lambda n: n > 0)
    assert weir.dial("198.51.100.7").ask().status == 200


# Penalties and bans


def test_a_brute_force_is_banned_and_an_office_is_not(sipweir, backend, tmp_path, socket):
    weir = sipweir(
        [backend(judge)],
        listener=THROUGH,
        workers=2,
        limits={"unproven": 0, "penalty": {"mode": "enforce", "auth_failed": 5, "ban_at": 100}},
        state_dir=tmp_path,
        max_connections=3000,
    )
    for n in range(500):
        one = weir.dial("203.0.113.7")
        assert one.ask(method="REGISTER").status == 401
        assert one.ask(method="REGISTER", headers=[RIGHT], cseq="2 REGISTER").status == 200
        one.close()
    _, once = registers(weir, "203.0.113.8", wrong=True)
    assert once == 401
    assert weir.log.find("ban.start") == []
    tries = 0
    while tries < 500:
        tries += 1
        attacker = weir.dial("198.51.100.7")
        attacker.send(sip.request("REGISTER", headers=[WRONG]))
        try:
            assert attacker.receive().status == 401
        except AssertionError:
            break
        attacker.close()
    assert 20 <= tries <= 25, f"banned after {tries}"
    line = weir.wait_for("ban.start")
    assert (line["source"], line["reason"], line["duration_ms"]) == ("198.51.100.7", "auth_failed", 600000)
    assert refused(weir.dial("198.51.100.7"))
    assert weir.dial("203.0.113.7").ask().status == 401
    weir.change(limits={"penalty": {"mode": "enforce"}})
    assert refused(weir.dial("198.51.100.7")), "a ban outlives a reload"
    weir.stop()
    again = sipweir([backend(judge)], listener=THROUGH, state_dir=tmp_path, admin=socket)
    assert refused(again.dial("198.51.100.7")), "and a restart"
    assert again.dial("203.0.113.7").ask().status == 401
    assert "198.51.100.7" in asked(again, "bans")
    asked(again, "unban", "198.51.100.7")
    assert again.wait_for("ban.end")["reason"] == "lifted"
    assert again.dial("198.51.100.7").ask().status == 401


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def digest(challenge, user, password):
    """The Authorization line for a challenge (RFC 2617, without qop)."""
    realm, nonce = (re.search(f'{name}="([^"]*)"', challenge).group(1) for name in ("realm", "nonce"))
    uri = "sip:auth.test"
    response = md5(md5(user, realm, password), nonce, md5("REGISTER", uri))
    return f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}"'


def register_at_kamailio(one, user, password):
    """The status of a REGISTER after its challenge."""
    lines = {"uri": "sip:auth.test", "from": f"<sip:{user}@auth.test>;tag=1", "to": f"<sip:{user}@auth.test>"}
    asked = one.ask(method="REGISTER", **lines)
    assert asked.status == 401
    answer = digest(asked.header("WWW-Authenticate"), user, password)
    return one.ask(method="REGISTER", headers=[answer], cseq="2 REGISTER", **lines).status


def test_kamailio_with_digest_tells_a_brute_force_from_an_office(sipweir, registrar):
    penalty = {"mode": "enforce", "auth_failed": 5, "ban_at": 100}
    weir = sipweir([registrar.address], listener=THROUGH, pool={"proxy_protocol": "v2"}, limits={"penalty": penalty})
    for n in range(60):
        one = weir.dial("203.0.113.7")
        assert register_at_kamailio(one, f"user{n}", "secret") == 200
        one.close()
    assert register_at_kamailio(weir.dial("203.0.113.8"), "user", "wrong") == 401
    tries, one = 0, weir.dial("198.51.100.7")
    while not weir.log.find("ban.start"):
        tries += 1
        assert tries < 500
        try:
            assert register_at_kamailio(one, f"user{tries}", "wrong") == 401
        except AssertionError:
            break  # not registered: the ban has closed it
    line = weir.wait_for("ban.start")
    assert 20 <= tries <= 25
    assert line["source"] == "198.51.100.7" and line["user"] in (f"user{tries}", f"user{tries - 1}")
    assert refused(weir.dial("198.51.100.7"))
    assert register_at_kamailio(weir.dial("203.0.113.7"), "user", "secret") == 200


def test_a_certificate_puts_its_client_into_its_class(sipweir, authority, leaf):
    trunk = {"name": "trunk", "certificate_names": ["trunk.test"], "total_connections": 1, "action": "close"}
    secure = conf.secure(leaf, client_ca=authority.certificate, verify_client="optional")
    weir = sipweir(listener={**THROUGH, **secure}, limits={"classes": [trunk]}, admin=ADMIN)
    shown = tls.client(authority, leaf=authority.issue("trunk.test"))
    held = weir.dial("198.51.100.7", context=shown)
    assert held.ask().status == 200
    assert http.metrics(weir).sum("sipweir_connections", **{"class": "trunk", "state": "relaying"}) == 1
    over = weir.dial("198.51.100.8", context=shown)
    with pytest.raises(AssertionError):
        over.ask()
    line = weir.wait_for("limit.refused")
    assert (line["class"], line["limit"], line["max"]) == ("trunk", "total_connections", 1)
    other = weir.dial("198.51.100.8", context=tls.client(authority, leaf=authority.issue("phone.test")))
    assert other.ask().status == 200


def test_a_ban_spares_those_who_have_registered(sipweir, backend):
    penalty = {"mode": "enforce", "auth_failed": 60, "ban_at": 100, "ban_for": f"{int(wait.seconds(2))}s"}
    weir = sipweir([backend(judge)], listener=THROUGH, workers=2, limits={"penalty": penalty})
    registered, status = registers(weir, "198.51.100.7")
    assert status == 200
    silent = weir.dial("198.51.100.7")
    for _ in range(2):
        registers(weir, "198.51.100.7", wrong=True)
    weir.wait_for("ban.start")
    assert silent.wait_end() == "rst"
    assert registered.ask(method="OPTIONS").status == 401
    assert refused(weir.dial("198.51.100.7"))
    assert weir.wait_for("ban.end")["reason"] == "over"
    assert weir.dial("198.51.100.7").ask().status == 401


def test_a_network_is_banned_by_hand_and_let_in_again(sipweir, socket):
    weir = sipweir(listener=THROUGH, limits={"mode": "observe"}, admin=socket)
    asked(weir, "ban", "198.51.100.0/24", "--for", "1h", "--reason", "a flood")
    assert weir.wait_for("ban.start")["source"] == "198.51.100.0/24"
    assert refused(weir.dial("198.51.100.7")), "bans by hand hold while limits are observed"
    assert weir.dial("198.51.101.7").ask().status == 200
    shown = asked(weir, "bans")
    assert "198.51.100.0/24" in shown and "a flood" in shown and "by hand" in shown
    asked(weir, "unban", "198.51.100.0/24")
    assert weir.dial("198.51.100.7").ask().status == 200


# The load balancer's trap


def test_a_load_balancer_that_is_counted_is_pointed_out(sipweir, balancer):
    weir = sipweir(limits={"connections": 2})
    front = balancer(weir.address, "")
    held = [phone.Phone(front.address, bind=f"127.0.0.{n}") for n in (21, 22)]
    for one in held:
        assert one.ask().status == 200
    over = phone.Phone(front.address, bind="127.0.0.23")
    over.send(sip.request())
    over.wait_end()
    line = weir.wait_for("limit.hint", level="warning")
    assert "proxy_protocol" in line["message"] and line["listener"] == "main"
