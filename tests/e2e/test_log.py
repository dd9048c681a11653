# SPDX-License-Identifier: BSD-2-Clause
"""What is written, in which form, how much of it, and that nothing of the network's gets in unescaped."""
import json
import re

import pytest

from harness import conf, phone, ports, proxy, sip, sipweir as program, wait

THROUGH = {"proxy_protocol": "require"}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def lines_of(weir):
    return weir.stderr().splitlines()


def test_every_line_is_a_json_object_with_time_level_and_event(sipweir, backend):
    weir = sipweir([backend()], workers=2, listener=THROUGH, limits={"connections": 1}, log={"level": "debug"})
    one = weir.dial()
    assert one.ask().status == 200
    weir.dial().wait_end()
    weir.dial(header=b"GET / HTTP/1.1\r\n").wait_end()
    weir.dial("198.51.100.9").send(b"GET / HTTP/1.1\r\n").wait_end()
    one.close()
    weir.stop()
    assert weir.log.alien == []
    for line in weir.log.lines:
        assert STAMP.fullmatch(line["ts"]), line
        assert line["level"] in ("error", "warning", "notice", "info", "debug")
        assert re.fullmatch(r"[a-z_.]+", line["event"])
    names = [line["event"] for line in weir.log.lines]
    assert names[0] == "start" and names[-1] == "stop"
    for event in ("listening", "limit.refused", "proxy_header.bad", "sip.bad", "connection.closed"):
        assert event in names


def test_a_closed_connection_is_described(sipweir, backend):
    weir = sipweir([backend()], listener=THROUGH, pool={"name": "main"})
    one = weir.dial("198.51.100.7", 40007)
    requests = [sip.request() for _ in range(3)]
    answers = [one.ask(r) for r in requests]
    one.close()
    line = weir.wait_for("connection.closed")
    wanted = {
        "level": "info",
        "listener": "main",
        "peer": one.local,
        "source": "198.51.100.7",
        "source_port": 40007,
        "pool": "main",
        "server": "s1",
        "reason": "client_closed",
        "bytes_in": len(proxy.v2("198.51.100.7")) + len(b"".join(requests)),
        "bytes_out": len(b"".join(a.raw for a in answers)),
    }
    assert {k: line.get(k) for k in wanted} == wanted
    assert line["duration_ms"] >= 0 and line["messages"] >= 3
    assert len(weir.log.find("connection.closed")) == 1


def test_text_format_is_key_and_value(sipweir):
    weir = sipweir(listener=THROUGH, log={"format": "text"})
    one = weir.dial()
    assert one.ask().status == 200
    one.close()
    weir.dial("198.51.100.9").send(b'GET /"a=b c" HTTP/1.1\r\n').wait_end()
    wait.until(lambda: len(re.findall("connection.closed", weir.stderr())) == 2, what="both lines")
    weir.stop()
    key_value = re.compile(r'[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*)')
    for line in lines_of(weir):
        rest = key_value.sub("", line)
        assert not rest.strip(), f"not key=value: {line}"
        assert re.search(r"\bts=" + STAMP.pattern, line) and " level=" in line and " event=" in line
    assert re.search(r"event=connection\.closed.* source=198\.51\.100\.7 ", weir.stderr())


@pytest.mark.parametrize(
    "level,there,absent",
    [
        ("error", set(), {"start", "listening", "limit.refused", "connection.closed", "stop"}),
        ("notice", {"start", "listening", "limit.refused", "stop"}, {"connection.closed"}),
        ("info", {"start", "listening", "limit.refused", "stop", "connection.closed"}, set()),
    ],
)
def test_level_is_the_least_that_is_written(sipweir, level, there, absent):
    address = f"127.0.0.1:{ports.free()}"
    weir = sipweir(
        ready=False, listener={**THROUGH, "address": address}, limits={"connections": 1}, log={"level": level}
    )
    one = wait.until(lambda: connected(address), what="the listener")
    assert one.ask().status == 200
    second = phone.Phone(address, proxy.v2("198.51.100.7"))
    second.wait_end()
    for each in (one, second):
        each.close()
    weir.stop()
    events = {line["event"] for line in weir.log.read()}
    assert there <= events and not absent & events


def connected(address):
    try:
        return phone.Phone(address, proxy.v2("198.51.100.7"))
    except OSError:
        return None


def test_connections_false_leaves_out_their_lines(sipweir):
    weir = sipweir(listener=THROUGH, log={"connections": False}, limits={"connections": 1})
    one = weir.dial()
    assert one.ask().status == 200
    weir.dial().wait_end()
    one.close()
    weir.stop()
    assert weir.log.find("connection.closed") == []
    assert len(weir.log.find("limit.refused")) == 1


def test_repetitions_become_a_count_per_interval(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1}, log={"repeat": "300ms"})
    assert weir.dial().ask().status == 200
    for _ in range(10):
        weir.dial().wait_end()
    first = weir.wait_for("limit.refused")
    assert first.get("suppressed", 0) == 0, "the first one at once"
    weir.log.wait_total(10, "limit.refused", source="198.51.100.7")
    weir.stop()
    assert weir.log.total("limit.refused") == 10
    assert len(weir.log.find("limit.refused")) <= 4


def test_each_source_has_its_own_first_line(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1})
    for source in ("198.51.100.7", "198.51.100.8", "198.51.100.9"):
        assert weir.dial(source).ask().status == 200
        for _ in range(5):
            weir.dial(source).wait_end()
        assert weir.wait_for("limit.refused", source=source)
    weir.stop()
    assert weir.log.total("limit.refused") == 15


def test_what_is_over_the_budget_is_summed_up_with_the_number_of_sources(sipweir):
    weir = sipweir(listener=THROUGH, limits={"connections": 1}, log={"budget": "5/s", "repeat": "500ms"})
    for n in range(60):
        assert weir.dial(f"198.51.100.{n + 1}").ask().status == 200
        weir.dial(f"198.51.100.{n + 1}").wait_end()
    weir.log.wait_total(60, "limit.refused")
    weir.stop()
    assert weir.log.total("limit.refused") == 60
    summed = [line for line in weir.log.find("limit.refused") if line.get("suppressed")]
    assert summed and all("source" not in line for line in summed if line.get("sources"))
    assert any(line.get("sources", 0) > 1 for line in summed), summed


def test_log_to_a_file(sipweir, tmp_path):
    target = tmp_path / "weir.log"
    weir = sipweir(log={"target": str(target)})
    one = weir.dial()
    assert one.ask().status == 200
    one.close()
    weir.wait_for("connection.closed")
    weir.stop()
    assert weir.stderr() == ""
    assert target.stat().st_mode & 0o007 == 0, "addresses of callers are not for everybody"


def test_a_file_that_cannot_be_written_is_an_error_at_start(tmp_path):
    one = program.Sipweir(tmp_path, conf.tree(log={"target": str(tmp_path / "none" / "log")}))
    one.start()
    assert one.wait_end() in (1, 2)
    assert str(tmp_path / "none" / "log") in one.stderr()


NASTY = b'\x1b[31m"\\\n\t\x7f\xff\xc3\xa9 level=error event=forged\r'


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_of_the_network_is_printed_unescaped(sipweir, form):
    weir = sipweir(log={"format": form, "repeat": "50ms"})
    tries = [
        NASTY + b"\r\n",
        b"GET " + NASTY + b"\r\n",
        b"OPTIONS " + NASTY + b" SIP/2.0\r\n\r\n",
        sip.request().replace(b"Max-Forwards", b"Max" + NASTY),
        sip.request(uri='sip:"},{"event":"forged"}').replace(b"70", NASTY),
    ]
    for data in tries:
        one = weir.dial().send(data)
        one.half_close().wait_end()
        one.close()
    weir.stop()
    text = weir._stderr.read_bytes()
    assert b"sip.bad" in text
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in text), "printable ASCII alone"
    for line in text.decode().splitlines():
        if form == "json":
            assert json.loads(line)["event"] != "forged"
        else:
            assert len(re.findall(r"(?:^|\s)event=", re.sub(r'"(?:[^"\\]|\\.)*"', '""', line))) == 1


def test_credentials_are_masked_in_samples(sipweir):
    weir = sipweir()
    secret = "0123456789abcdef0123456789abcdef"
    head = f'OPTIONS sip:a SIP/2.0\r\nAuthorization: Digest username="u", response="{secret}"\r\nbad line\r\n\r\n'
    weir.dial().send(head.encode()).wait_end()
    assert weir.wait_for("sip.bad")["sample"]
    assert secret not in weir.stderr()


def test_a_refused_message_says_where_and_which_rule(sipweir, backend):
    weir = sipweir([backend()])
    data = sip.request(headers=["Bad name: x"])
    weir.dial().send(data).wait_end()
    line = weir.wait_for("sip.bad")
    assert line["reason"] == "header_name"
    assert data.index(b"Bad name") <= line["offset"] <= data.index(b"Bad name") + 8
    assert line["source"] == "127.0.0.1"
