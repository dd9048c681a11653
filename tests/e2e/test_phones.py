# SPDX-License-Identifier: BSD-2-Clause
"""
Phones that obey route sets, over TLS through HAProxy and sipweir to Kamailio, which speaks TCP: with the configuration of
contrib/kamailio, the addresses in it exchanged.
"""
import pytest

from harness import baresip, conf, ports


@pytest.fixture
def farm(request, sipweir, balancer, kamailio_of, leaf):
    """(where phones call, Kamailio, sipweir)."""
    listening = ports.listening()
    public = "127.0.0.1:%d" % listening.getsockname()[1]
    behind = kamailio_of("kamailio-behind-sipweir.cfg", public, **getattr(request, "param", {}))
    weir = sipweir(
        workers=2,
        listener={"proxy_protocol": "require", **conf.secure(leaf)},
        pools=[
            {
                "name": "main",
                "proxy_protocol": "v2",
                "max_message": "16000",
                "servers": [{"name": "k1", "address": behind.address}],
                "health": {"method": "options", "interval": "1s", "timeout": "1s"},
            }
        ],
    )
    balancer(weir.address, "send-proxy-v2", "", listening)
    return public, behind, weir


@pytest.fixture
def people(tmp_path, end, farm):
    """Two phones that are registered."""
    both = []
    for user, host in (("alice", "127.0.0.71"), ("bob", "127.0.0.72")):
        one = baresip.Baresip(tmp_path, user, host, farm[0])
        end.append(one.stop)
        one.wait_registered()
        both.append(one)
    return both


def test_phones_call_each_other_both_ways_and_either_side_hangs_up(farm, people):
    _, behind, weir = farm
    calls = 0
    for caller, callee in (people, people[::-1]):
        for who_ends in (caller, callee):
            calls += 1
            caller.tell("dial", f"sip:{callee.user}@sip.example.com")
            # The callee has its call once the ACK has come: along the route set, by the load balancer.
            callee.wait_for("CALL_ESTABLISHED", calls)
            caller.wait_for("CALL_ESTABLISHED", calls)
            who_ends.tell("hangup")
            for one in people:
                one.wait_for("CALL_CLOSED", calls)
            assert len(behind.seen("INVITE")) == len(behind.seen("ACK")) == len(behind.seen("BYE")) == calls
    # All came by the two connections that the phones had opened.
    assert len(behind.callers()) == 2
    assert weir.log.find("connection.closed") == [] and weir.log.louder_than("info") == []


@pytest.mark.parametrize("farm", [{"record_route_preset": "record_route();"}], indirect=True, ids=["transport=tcp"])
def test_without_the_preset_the_acknowledgement_is_lost(farm, people):
    """Why the file has it: Kamailio writes what it speaks itself, and nobody can be reached by that."""
    _, behind, _ = farm
    alice, bob = people
    for calls in (1, 2):
        alice.tell("dial", "sip:bob@sip.example.com")
        alice.wait_for("CALL_ESTABLISHED", calls)
        alice.tell("hangup")
        alice.wait_for("CALL_CLOSED", calls)
    # The second INVITE came behind what belonged to the first one, had it come.
    assert len(behind.seen("INVITE")) == 2
    assert not behind.seen("ACK") and not behind.seen("BYE") and not bob.count("CALL_ESTABLISHED")
