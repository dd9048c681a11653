# SPDX-License-Identifier: BSD-2-Clause
"""Certificates are told in time: at the start and at each reload in the log, and as a number all the time."""
import collections
import re

from harness import http

DAY = 24 * 3600
TOLD = r"certificate (\S+), or one of its chain, expire(?:s in \d+ \w+|d \d+ \w+ ago): replace its file, then reload"


def listener(*leaves):
    return {"transport": "tls", "tls": {"certificates": [one.conf for one in leaves]}}


def own_log(folder):
    """What has expired is also a warning on standard error, at the start: not in the log, for once."""
    return {"target": str(folder / "weir.log")}


def told(weir):
    """By listener, pool and name of the certificate, how often."""
    counts = collections.Counter()
    for line in weir.log.find("tls.expiring"):
        assert line["level"] == "warning", line
        found = re.fullmatch(TOLD, line["message"])
        assert found, line
        counts[line.get("listener"), line.get("pool"), found[1]] += 1
    return counts


def left(weir):
    """By name of the certificate, in seconds."""
    found = {}
    for (metric, pairs), value in http.metrics(weir).samples.items():
        if metric == "sipweir_tls_certificate_expiry_seconds":
            labels = dict(pairs)
            assert labels.keys() == {"listener", "name"} and labels["listener"] == "main"
            found[labels["name"]] = value
    return found


def test_a_certificate_is_told_until_it_is_replaced(sipweir, authority, tmp_path):
    near = authority.issue("near.test", days=(-80, 10)).copy(tmp_path)
    far, old = authority.issue("far.test"), authority.issue("old.test", days=(-80, -2))
    weir = sipweir(listener=listener(near, far, old), admin={"http": "127.0.0.1:0"}, log=own_log(tmp_path))
    weir.wait_for("tls.expiring", count=2)
    assert told(weir) == {("main", None, "near.test"): 1, ("main", None, "old.test"): 1}
    before = left(weir)
    assert before.keys() == {"near.test", "far.test", "old.test"}
    assert 9 * DAY < before["near.test"] <= 10 * DAY
    assert 299 * DAY < before["far.test"] <= 300 * DAY
    assert before["old.test"] == 0
    weir.reload()
    weir.wait_for("tls.expiring", count=4)
    near.replace_by(authority.issue("near.test"))
    weir.reload()
    weir.wait_for("tls.expiring", count=5)
    assert told(weir) == {("main", None, "near.test"): 2, ("main", None, "old.test"): 3}
    assert left(weir)["near.test"] > 299 * DAY


def test_the_certificate_that_servers_are_shown_is_told_too(sipweir, authority):
    mine = authority.issue("proxy.test", days=(-80, 1.4))
    servers = [{"name": "s1", "address": "127.0.0.1:9", "transport": "tls"}]
    tls = {"certificate": str(mine.certificate), "private_key": str(mine.key), "ca": str(authority.certificate)}
    weir = sipweir(["127.0.0.1:9"], pool={"servers": servers, "tls": tls})
    assert "expires in 33 hours" in weir.wait_for("tls.expiring", pool="main")["message"]
    assert told(weir) == {(None, "main", "proxy.test"): 1}
