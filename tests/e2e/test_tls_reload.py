# SPDX-License-Identifier: BSD-2-Clause
"""Files of TLS that change on disk: taken by a reload, whole or not at all, and nobody who is connected notices."""
import base64
import copy
import os
import re
import signal
import ssl

import pytest

from harness import conf, tls, wait

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V1_2, V1_3], ids=["1.2", "1.3"])
THROUGH = {"proxy_protocol": "require"}


def serves(one):
    return one.ask().status == 200


def serial_of(one):
    return one.tls.getpeercert()["serialNumber"]


# Certificates


@VERSIONS
def test_a_renewed_certificate_is_shown_from_the_reload_on_and_who_is_connected_stays(
    sipweir, authority, tmp_path, version
):
    on_disk = authority.issue("sipweir.test").copy(tmp_path)
    weir = sipweir(workers=2, listener=conf.secure(on_disk))
    context = tls.client(authority, lowest=version, highest=version)
    before = weir.dial(context=context)
    assert serves(before)
    old = serial_of(before)
    on_disk.replace_by(authority.issue("sipweir.test"))
    assert all(serial_of(weir.dial(context=context)) == old for _ in range(4)), "nothing happens by itself"
    assert weir.reload()["level"] == "notice"
    fresh = {serial_of(weir.dial(context=context)) for _ in range(8)}
    assert len(fresh) == 1 and old not in fresh
    assert serves(before) and serves(weir.dial(context=context))


def break_key(mine, other):
    mine.key.write_bytes(other.key.read_bytes())


def break_certificate(mine, other):
    mine.certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def empty_key(mine, other):
    mine.key.write_text("")


def remove_key(mine, other):
    mine.key.unlink()


def half_written(mine, other):
    """As a renewal looks that writes into the file while the reload reads it."""
    whole = other.certificate.read_text()
    mine.certificate.write_text(whole[: len(whole) // 2])


@pytest.mark.parametrize("damage", [break_key, break_certificate, empty_key, remove_key, half_written])
def test_files_that_are_broken_leave_everything_as_it_was(sipweir, authority, tmp_path, damage):
    on_disk, other = authority.issue("sipweir.test").copy(tmp_path), authority.issue("other.test")
    weir = sipweir(listener={**THROUGH, **conf.secure(on_disk)}, limits={"connections": 2})
    context = tls.client(authority)
    before = weir.dial(context=context)
    assert serves(before)
    damage(on_disk, other)
    tree = copy.deepcopy(weir.tree)
    tree["limits"]["connections"] = 50  # good, and must not come through
    outcome = weir.reload(text=conf.group(tree))
    wanted = r"nothing has changed: \S*sipweir\.conf:\d+: listeners\.main\.tls\.certificates\[0\]\.(certificate|private_key): .+"
    assert outcome["level"] == "error" and re.match(wanted, outcome["message"]), outcome
    second = weir.dial(context=context)
    assert serial_of(second) == serial_of(before) and serves(second) and serves(before)
    assert weir.dial().wait_end() == "rst", "the limit is two"
    on_disk.replace_by(authority.issue("sipweir.test"))
    before.close()
    weir.wait_for("connection.closed", reason="client_closed")
    assert weir.reload()["level"] == "notice"
    third = weir.dial(context=context)
    assert serves(third) and serial_of(third) != serial_of(second)


def test_tls_comes_and_goes_on_a_port_that_stays_open(sipweir, authority, leaf):
    """Another transport under the same address: the socket stays, and so does who is connected."""
    weir = sipweir()
    in_clear = weir.dial()
    assert serves(in_clear)
    address = weir.address
    weir.change(listener=conf.secure(leaf))
    over_tls = weir.dial(context=tls.client(authority))
    assert serves(over_tls) and serves(in_clear) and weir.address == address
    weir.change(listener={"transport": "tcp", "tls": None})
    assert serves(weir.dial()) and serves(over_tls) and serves(in_clear)


def test_versions_ciphers_and_client_certificates_follow_a_reload(sipweir, authority, leaf):
    weir = sipweir(listener=conf.secure(leaf))
    old, new = tls.client(authority, highest=V1_2), tls.client(authority)
    before = weir.dial(context=old)
    assert serves(before)
    weir.change(listener=conf.secure(leaf, min_version="1.3"))
    refused = weir.dial(context=old)
    assert not refused.is_secured and refused.alert == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert serves(weir.dial(context=new)) and serves(before)
    weir.change(listener=conf.secure(leaf, client_ca=authority.certificate, verify_client="require"))
    assert not is_admitted(weir.dial(context=new)) and serves(before)
    assert serves(weir.dial(context=tls.client(authority, leaf=authority.issue("phone.test"))))


def is_admitted(one):
    try:
        return one.is_secured and serves(one)
    except AssertionError:
        return False


def test_what_servers_must_show_follows_a_reload(sipweir, backend, authority, stranger):
    behind = backend(context=tls.server(authority.issue("backend.test")))
    server = {"name": "s1", "address": behind.address, "transport": "tls"}
    group = {"ca": authority.certificate, "server_name": "backend.test"}
    weir = sipweir(pools=[{"name": "main", "servers": [server], "tls": group}])
    before = weir.dial()
    assert serves(before)
    weir.change(pool={"tls": {**group, "ca": stranger.certificate}})
    assert weir.dial().ask().status == 503
    assert weir.wait_for("backend.failed")["reason"] == "unknown_ca"
    assert serves(before)
    weir.change(pool={"tls": group})
    assert serves(weir.dial())


# Tickets


def keys(count):
    return [base64.b64encode(os.urandom(80)).decode() for _ in range(count)]


def session_of(weir, context):
    one = weir.dial(context=context)
    assert serves(one)
    session = one.tls.session
    one.close()
    return session


def is_resumed(weir, context, session):
    one = weir.dial(context=context, session=session)
    assert serves(one)
    one.close()
    return one.tls.session_reused


@VERSIONS
def test_instances_that_share_ticket_keys_resume_each_others_sessions_and_their_own_after_a_restart(
    sipweir, authority, leaf, tmp_path, version
):
    file = tmp_path / "ticket.keys"
    file.write_text("\n".join(keys(2)) + "\n")
    one, other = (sipweir(workers=2, listener=conf.secure(leaf, ticket_keys=file)) for _ in range(2))
    context = tls.client(authority, lowest=version, highest=version)
    session = session_of(one, context)
    assert all(is_resumed(other, context, session) for _ in range(4))
    one.stop()
    again = sipweir(listener=conf.secure(leaf, ticket_keys=file))
    assert is_resumed(again, context, session)


@VERSIONS
def test_a_key_is_good_until_it_has_left_the_file(sipweir, authority, leaf, tmp_path, version):
    file = tmp_path / "ticket.keys"
    first, second, third = keys(3)
    file.write_text(first + "\n")
    weir = sipweir(listener=conf.secure(leaf, ticket_keys=file))
    context = tls.client(authority, lowest=version, highest=version)
    session = session_of(weir, context)
    file.write_text(f"# newest first\n{second}\n{first}\n")
    weir.reload()
    assert is_resumed(weir, context, session)
    newer = session_of(weir, context)
    file.write_text(f"{third}\n{second}\n")
    weir.reload()
    assert not is_resumed(weir, context, session) and is_resumed(weir, context, newer)


def test_without_a_file_sessions_end_with_the_process(sipweir, authority, leaf):
    context = tls.client(authority)
    one = sipweir(listener=conf.secure(leaf))
    session = session_of(one, context)
    assert is_resumed(one, context, session)
    assert not is_resumed(sipweir(listener=conf.secure(leaf)), context, session)


@pytest.mark.parametrize("text", ["", "short\n", "!!!!\n"], ids=["empty", "too short", "no base64"])
def test_a_broken_key_file_leaves_everything_as_it_was(sipweir, authority, leaf, tmp_path, text):
    file = tmp_path / "ticket.keys"
    file.write_text(keys(1)[0] + "\n")
    weir = sipweir(listener=conf.secure(leaf, ticket_keys=file))
    context = tls.client(authority)
    session = session_of(weir, context)
    file.write_text(text)
    outcome = weir.reload()
    assert outcome["level"] == "error", outcome
    assert re.match(r"nothing has changed: \S*sipweir\.conf:\d+: listeners\.main\.tls\.ticket_keys: .+", outcome["message"])
    assert is_resumed(weir, context, session)


# The end


def test_the_end_over_tls_is_close_notify_between_messages(sipweir, authority, leaf, backend):
    weir = sipweir([backend()], listener=conf.secure(leaf), timeouts={"drain": f"{int(wait.seconds(1) * 1000)}ms"})
    phones = [weir.dial(context=tls.client(authority)) for _ in range(20)]
    for one in phones[5:]:
        assert serves(one)
    weir.kill(signal.SIGTERM)
    for one in phones:
        assert one.wait_end(wait.seconds(5)) == "fin" and one.data == b""
        assert one.socket.has_said_its_last
    weir.stop(None)
