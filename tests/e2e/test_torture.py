# SPDX-License-Identifier: BSD-2-Clause
"""The messages of RFC 4475 and RFC 5118 on a stream, each followed by a valid OPTIONS."""
import re

import pytest

from harness import conf, sip, tls

FORWARD, DISCARD = "forward", "discard"  # else the status of the answer

# What a proxy does with each on TCP. `stays`: the next message can be found, and the connection stays open for it.
RFC4475 = {
    "wsinv": (FORWARD, True),
    # A NUL in the header section is refused, as every C parser behind is blind after it. It stands in To, without which
    # there is no answer.
    "intmeth": (None, False),
    "esc01": (FORWARD, True),
    "esc02": (FORWARD, True),
    "longreq": (FORWARD, True),
    "transports": (FORWARD, True),
    "unreason": (FORWARD, True),
    "noreason": (FORWARD, True),
    "badinv01": (400, True),
    "clerr": (None, False),  # the rest of its body never comes
    "ncl": (400, False),
    "scalarlg": (DISCARD, True),
    "quotbal": (400, True),
    "ltgtruri": (400, False),
    "lwsstart": (400, False),
    "trws": (400, False),
    "badvers": (505, False),
    "insuf": (None, False),  # 400, had it the headers that an answer copies
    "unkscm": (FORWARD, True),  # 416 where sip.schemes says which there are
    "unksm2": (FORWARD, True),
    "regaut01": (FORWARD, True),
    "multi01": (400, True),
    "mcl01": (400, False),
    "cparam01": (FORWARD, True),
    "cparam02": (FORWARD, True),
    "regescrt": (FORWARD, True),
    "inv2543": (400, False),
}
RFC5118 = {
    "ipv6-good": (FORWARD, True),
    "ipv6-bad": (400, True),
    "port-ambiguous": (FORWARD, True),
    "port-unambiguous": (FORWARD, True),
    "ipv6-in-sdp": (FORWARD, True),
    "mult-ip-in-sdp": (FORWARD, True),
    "ipv4-mapped-ipv6": (FORWARD, True),
    "ipv6-bug-abnf-3-colons": (FORWARD, True),
}
CASES = [("torture", name + ".dat", *what) for name, what in RFC4475.items()]
CASES += [("torture6", name, *what) for name, what in RFC5118.items()]


def load(path):
    data = path.read_bytes()
    if path.parent.name == "torture6":  # their lengths were counted with another line end
        body = len(data.partition(b"\r\n\r\n")[2])
        data = re.sub(rb"(?im)^(Content-Length: *)\d+", rb"\g<1>%d" % body, data)
    return data


def test_no_vector_is_forgotten(vectors):
    there = {(folder.name, one.name) for folder in vectors.glob("torture*") for one in folder.iterdir()}
    assert there == {(folder, name) for folder, name, *_ in CASES} | {("torture", "dblreq.dat")}


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("folder,name,verdict,stays", CASES, ids=[name for _, name, *_ in CASES])
def test_torture(vectors, sipweir, backend, authority, leaf, folder, name, verdict, stays, bytewise, secure):
    behind = backend(lambda connection, message: connection.reply(message) if message.method == "OPTIONS" else None)
    weir = sipweir([behind], timeouts={"message": "300ms"}, listener=conf.secure(leaf) if secure else None)
    data, options = load(vectors / folder / name), sip.request()
    one = weir.dial(context=tls.client(authority)) if secure else weir.dial()
    if bytewise and not stays:
        one.drip(data)
    elif bytewise:
        one.drip(data).drip(options)
    else:
        one.send(data + options)
    if isinstance(verdict, int):
        assert one.receive().status == verdict
    if not stays:
        one.wait_end()
        assert sip.Message(options).call_id.encode() not in one.data
        assert behind.connections == []
        return
    answer = one.receive()
    while answer.call_id != sip.Message(options).call_id:  # transports.dat and others are OPTIONS too
        answer = one.receive()
    assert answer.status == 200
    passed = b"" if verdict != FORWARD else data
    assert behind.connections[0].received == passed + options
    assert len(behind.connections) == 1


def test_two_requests_in_one_file_are_two_on_a_stream(vectors, sipweir, backend):
    """dblreq is one datagram; its second request is 5 bytes longer than it says, which ends the stream."""
    behind = backend()
    weir = sipweir([behind])
    data = (vectors / "torture" / "dblreq.dat").read_bytes()
    first, second = sip.cut(data)[1], sip.cut(data[302:])[1]
    weir.dial().send(data).wait_end()
    behind.wait_messages(2)
    assert first + b"\r\n" + second + b"C\r\n\r\n" == data
    assert behind.connections[0].received == first + second
    assert weir.wait_for("sip.bad")["reason"] == "not_sip"
