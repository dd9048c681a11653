# SPDX-License-Identifier: BSD-2-Clause
"""
Three Kamailios, one of them behind a cable, and what may happen to them, one after the other, under load: every request is answered
or its connection closed in time, none is answered for another or sent twice. The table of docs/servers.md is what this prints.
"""
import collections
import datetime
import signal
import threading
import time

import pytest

from harness import conf, kamailio, sip, wait

INTERVAL, RISE = 0.5, 2
TALKERS, PER_SECOND = 30, 5  # 150 requests a second, beside the 50 of sipp
ANSWERED_WITHIN = 32


class Talker(threading.Thread):
    """Asks again and again; on another connection when one has been closed."""

    def __init__(self, weir, number, stopping):
        super().__init__(daemon=True)
        self.weir, self.number, self.stopping = weir, number, stopping
        self.asked, self.fault = [], None  # (when, status or "closed", after, first of its connection)

    def dial(self):
        return self.weir.dial(bind=f"127.8.0.{self.number + 1}")

    def run(self):
        try:
            self.talk()
        except Exception as fault:
            self.fault = repr(fault)

    def talk(self):
        client, is_first = self.dial(), True
        for n in range(100000):
            if self.stopping.wait(1 / PER_SECOND):
                break
            began, call = time.time(), f"talker{self.number}-{n}"
            client.send(sip.request("OPTIONS", call_id=call))
            outcome = "closed"
            try:
                answer = client.receive(within=ANSWERED_WITHIN + 5)
                assert answer.header("Call-ID") == call, f"{answer.header('Call-ID')} in place of {call}"
                outcome = answer.status
            except AssertionError:
                if client.is_open(0):
                    raise
            self.asked.append((began, outcome, time.time() - began, is_first))
            is_first = outcome == "closed"
            if is_first:
                client.close()
                client = self.dial()
        client.close()


class Trial:
    """One fault: what is done, what undoes it, and what has been seen of it."""

    def __init__(self, weir, talkers, servers, phones):
        self.weir, self.talkers, self.servers, self.phones, self.rows = weir, talkers, servers, phones, []

    def said(self, event, server, since):
        """When, after `since`; None: not yet."""
        for line in self.weir.log.find(event, server=server):
            at = datetime.datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp()
            if at >= since - 0.002:
                return at

    def wait_said(self, event, server, since, within):
        wait.until(lambda: self.said(event, server, since), within, f"{event} of {server}", self.weir.log.text)
        return self.said(event, server, since) - since

    def run(self, name, index, do, undo, goes_down=True):
        sipp = self.phones("options_or_503", self.weir.address, f"127.0.1.{len(self.rows) + 1}", 200, transport="tn", rate=50)
        server, began = f"s{index + 1}", time.time()
        do()
        down = self.wait_said("backend.down", server, began, 15) if goes_down else None
        if goes_down:
            self.wait_said("backend.lost", server, began, 15)
        sipp.wait_success(90)
        undone = time.time()
        undo()
        if goes_down:
            # From when it works again, which for a program that starts is when undo() is over.
            works = time.time()
            self.wait_said("backend.up", server, undone, 15)
            up = self.said("backend.up", server, undone) - works
            assert up <= wait.seconds(INTERVAL * RISE + 1), f"{name}: up after {up:.1f} s"
        else:
            up = None
        ended = time.time()
        wait.until(lambda: all(any(one[0] > ended for one in t.asked) or t.fault for t in self.talkers), 60, "more answers")
        self.look(name, began, ended, down, up)

    def look(self, name, began, ended, down, up):
        assert [t.fault for t in self.talkers if t.fault] == []
        asked = [one for t in self.talkers for one in t.asked if began <= one[0] <= ended]
        outcomes = collections.Counter(one[1] for one in asked)
        longest = max(one[2] for one in asked)
        assert longest <= ANSWERED_WITHIN
        assert set(outcomes) <= {200, 503, "closed"}, outcomes
        self.rows.append((name, down, len(asked), outcomes[200], outcomes[503], outcomes["closed"], longest, up))
        return asked


@pytest.mark.xdist_group("faults")
def test_whatever_happens_to_a_server_every_request_is_answered_or_its_connection_closed(sipweir, tmp_path, end, office, phones):
    servers = []
    for i, where in enumerate([{}, {}, {"host": office.address, "inside": office.inside}]):
        servers.append(kamailio.Moody(tmp_path / f"k{i + 1}", **where))
        end.append(servers[-1].stop)
    weir = sipweir(
        workers=2,
        limits={"connections": 0, "unproven": 0},
        log={"connections": False},
        pools=[
            {
                "name": "main",
                "policy": "source-hash",
                "proxy_protocol": "v2",
                "servers": conf.servers(*(one.address for one in servers)),
                "health": {"method": "options", "interval": "500ms", "timeout": "400ms", "rise": RISE, "fall": 3},
                "loss_after": "1s",
                "slow_start": "off",
            }
        ],
    )
    stopping = threading.Event()
    talkers = [Talker(weir, n, stopping) for n in range(TALKERS)]
    for one in talkers:
        one.start()
    wait.until(lambda: all(one.asked for one in talkers), 20, "the first answers")
    first, second, far = servers
    trial = Trial(weir, talkers, servers, phones)

    def restart(one):
        one.signal(signal.SIGTERM)
        one.process.wait()
        one.begin()

    trial.run("killed (SIGKILL)", 0, lambda: (first.signal(signal.SIGKILL), first.process.wait()), first.begin)
    trial.run("stopped (SIGSTOP)", 1, lambda: second.signal(signal.SIGSTOP), lambda: second.signal(signal.SIGCONT))
    trial.run("cut off", 2, office.unplug, office.plug_in)
    trial.run("restarted", 0, lambda: restart(first), lambda: None, goes_down=False)
    trial.run("slow: 40 ms an answer", 1, lambda: second.set_mood(kamailio.SLOW), lambda: second.set_mood(kamailio.WELL), goes_down=False)
    trial.run("answers 503", 2, lambda: far.set_mood(kamailio.REFUSING), lambda: far.set_mood(kamailio.WELL))
    stopping.set()
    for one in talkers:
        one.join(wait.seconds(40))
    print("| what happens to one of three | down after | requests | 200 | 503 | closed | longest | up again after |")
    for row in trial.rows:
        print("| {} | {} | {} | {} | {} | {} | {:.1f} s | {} |".format(*[f"{c:.1f} s" if isinstance(c, float) and i in (1, 7) else "-" if c is None else c for i, c in enumerate(row)]))

    seen = collections.Counter(call for one in servers for call in one.calls())
    assert [call for call, times in seen.items() if times > 1] == []
    # What was closed or refused under a client found another server at once: the next request on a new connection.
    again = [one for t in talkers for one in t.asked[1:] if one[3]]
    print(f"{len(again)} connections were made anew, and the first request of {sum(one[1] == 200 for one in again)} was answered 200")
    refused_again = [one for one in again if one[1] != 200]
    assert len(refused_again) <= len(again) // 20, refused_again
    fine = [f"talker{t.number}-{n}" for t in talkers for n, one in enumerate(t.asked) if one[1] == 200]
    assert fine and [call for call in fine if call not in seen] == []
