# SPDX-License-Identifier: BSD-2-Clause
"""A source at its limit whose connections are dead gets in again soon; one whose connections live loses none of them."""
import time

import pytest

from harness import sip, wait


def return_from(office, weir, count, within):
    """`count` clients call, each as often as it must; how long it took until all were in."""
    began, inside, attempts = time.monotonic(), [], 0
    while len(inside) < count:
        assert time.monotonic() - began < wait.seconds(within), f"{len(inside)} of {count} in, {attempts} attempts"
        for one in office.dial(weir, min(20, count - len(inside))):
            attempts += 1
            one.send(sip.request())
            try:
                assert one.receive(within).status == 200
                inside.append(one)
            except AssertionError:
                one.close()
        time.sleep(0.1)  # a phone does not ask a thousand times a second
    return time.monotonic() - began


@pytest.mark.parametrize("router", ["resets", "is silent"])
def test_an_office_whose_network_was_gone_is_not_locked_out_by_its_own_ghosts(sipweir, backend, office, router):
    """100 connections of one address, a limit of 120, and all of them come back: keepalive itself would need a minute."""
    weir = sipweir([backend()], workers=2, listener={"address": f"{office.outside}:0"}, limits={"connections": 120, "unproven": 0})
    ghosts = office.dial(weir, 100)
    for one in ghosts:
        assert one.ask().status == 200
    office.unplug()
    office.vanish(ghosts)
    if router == "is silent":
        office.forget_silently()
    office.plug_in()
    return_from(office, weir, 100, 15)
    probing = weir.log.find("limit.probing")
    assert probing and probing[0]["source"] == office.address, weir.log.text()


def test_who_lives_is_not_ended_by_probing(sipweir, backend, office):
    weir = sipweir([backend()], listener={"address": f"{office.outside}:0"}, limits={"connections": 20})
    inside = office.dial(weir, 20)
    for one in inside:
        assert one.ask().status == 200
    time.sleep(1.5)  # whoever has just been heard is not asked
    for one in office.dial(weir, 5):
        assert one.wait_end() == "rst"
    weir.wait_for("limit.probing")
    end = time.monotonic() + 12
    while time.monotonic() < end:  # as long as it takes to find the dead
        for one in inside:
            assert one.is_open()
        time.sleep(0.2)
    for one in inside:
        assert one.ask().status == 200


def test_who_does_not_read_for_a_while_is_not_ended_by_probing(sipweir, backend):
    """What waits for it is no sign of death, although TCP has counted its time for longer than a probe takes."""

    def answer(connection, message):
        for _ in range(100):
            connection.reply(message, body=b"x" * 50000)

    weir = sipweir([backend(answer)], listener={"proxy_protocol": "require"}, limits={"connections": 1})
    one = weir.dial(receive_buffer=65536).send(sip.request())
    one.receive_bytes(1000)
    time.sleep(4)
    assert weir.dial().wait_end() == "rst"
    weir.wait_for("limit.probing")
    time.sleep(9)  # as long as a probing takes
    assert not weir.log.find("connection.closed", reason="client_reset")
    one.receive_bytes(5000000 - 1000, within=20)
