# SPDX-License-Identifier: BSD-2-Clause
"""Clients that are gone without a word are found, long before an NLB forgets them."""
import re
import subprocess
import time

import pytest

from harness import process, server, sip, wait

# The kernel ends nobody by keepalive before TCP_USER_TIMEOUT (unacked) is over as well.
QUICK = {"keepalive_idle": "1s", "keepalive_interval": "1s", "keepalive_count": 2, "unacked": "3s"}


def timers(local, peer):
    """What ss says about one end of a connection: its timer and options."""
    ss = process.find("ss", "iproute2")
    filter_ = f"src {local} and dst {peer}"
    return subprocess.run([ss, "-Htnoie", filter_], capture_output=True, text=True, check=True).stdout


def keepalive_seconds(local, peer):
    """Seconds until the next keepalive; None when none is due."""
    found = re.search(r"timer:\(keepalive,(?:(\d+)min)?(?:(\d+)sec|(\d+)(?:\.\d+)?ms)?", timers(local, peer))
    return int(found.group(1) or 0) * 60 + int(found.group(2) or 0) if found else None


@pytest.mark.parametrize("idle,at_least", [("30s", 25), ("100s", 90)])
def test_keepalive_is_on_at_both_sides(sipweir, backend, idle, at_least):
    behind = backend()
    weir = sipweir([behind], timeouts={"keepalive_idle": idle, "unacked": "3m"})
    one = weir.dial()
    assert one.ask().status == 200
    assert at_least <= keepalive_seconds(weir.address, one.local) <= int(idle[:-1])
    assert at_least <= keepalive_seconds(behind.connections[0].peer, behind.address) <= int(idle[:-1])


def test_a_reload_changes_the_keepalive_of_who_comes_then(sipweir):
    weir = sipweir(timeouts={"unacked": "10m"})
    weir.change(timeouts={"keepalive_idle": "300s"})
    one = weir.dial()
    assert one.ask().status == 200
    assert 290 <= keepalive_seconds(weir.address, one.local) <= 300


def test_a_silent_client_that_lost_its_network_is_found_by_keepalive(sipweir, office):
    weir = sipweir(listener={"address": f"{office.outside}:0"}, timeouts=QUICK)
    (one,) = office.dial(weir, 1)
    assert one.ask().status == 200
    office.unplug()
    began = time.monotonic()
    line = weir.log.wait_for("connection.closed", within=20)
    assert line["reason"] == "client_reset"
    assert 1.5 < time.monotonic() - began < wait.seconds(8)


def test_what_a_client_does_not_acknowledge_ends_it_after_unacked(sipweir, backend, office):
    """TCP_USER_TIMEOUT: without it the kernel would go on for a quarter of an hour."""
    behind = backend(server.silent)
    weir = sipweir([behind], listener={"address": f"{office.outside}:0"}, timeouts={**QUICK, "keepalive_count": 1, "unacked": "2s"})
    (one,) = office.dial(weir, 1)
    one.send(sip.request())
    message = behind.wait_messages(1)[0]
    office.unplug()
    behind.connections[0].reply(message)
    began = time.monotonic()
    line = weir.log.wait_for("connection.closed", within=20)
    assert line["reason"] == "client_reset"
    assert 1.5 < time.monotonic() - began < wait.seconds(10)


def test_an_office_that_lost_its_network_is_not_locked_out_by_its_own_ghosts(sipweir, office):
    """A hundred phones behind one address, at a limit of 120: all are back in, though all their old connections still count."""
    weir = sipweir(listener={"address": f"{office.outside}:0"}, limits={"connections": 120})
    phones = []
    for port, one in enumerate(office.sockets(100), 31000):  # ports that nobody who comes back is given
        one.bind((office.address, port))
        phones.append(weir.dial(header=b"", over=one))
        assert phones[-1].ask().status == 200
    office.unplug()
    office.vanish(phones)
    office.forget_silently()
    office.plug_in()
    inside = []

    def all_in():
        for one in office.dial(weir, 100 - len(inside)):
            try:
                assert one.ask().status == 200
                inside.append(one)
            except (ConnectionError, EOFError, AssertionError):
                one.close()
        return len(inside) == 100

    wait.until(all_in, 15, "a hundred phones that are back", weir.log.text)
    line = weir.wait_for("limit.probing")
    assert (line["current"], line["max"]) == (120, 120)
