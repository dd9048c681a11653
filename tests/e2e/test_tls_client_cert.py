# SPDX-License-Identifier: BSD-2-Clause
"""Certificates of clients: who is let in by verify_client, and that each refusal says why."""
import ssl

import pytest

from harness import conf, tls

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V1_2, V1_3], ids=["1.2", "1.3"])


@pytest.fixture(scope="module")
def clients(authority, stranger):
    """By what is the matter with it; authority.crl() knows who is revoked."""
    return {
        "good": authority.issue("phone.test"),
        "rsa": authority.issue("phone.test", key="rsa"),
        "none": None,
        "expired": authority.issue("phone.test", days=(-10, -1)),
        "not yet valid": authority.issue("phone.test", days=(1, 10)),
        "revoked": authority.revoke(authority.issue("phone.test")),
        "of a stranger": stranger.issue("phone.test"),
    }


@pytest.fixture
def listening(sipweir, leaf, authority, clients):
    """listening("require"): sipweir that knows the authority and its list of the revoked."""

    def make(verify, crl=None, **settings):
        crl = authority.crl() if crl is None else crl
        listener = conf.secure(leaf, client_ca=authority.certificate, client_crl=crl or None, verify_client=verify)
        return sipweir(listener=listener, **settings)

    return make


def is_served(weir, authority, version, leaf):
    """Whether a request is answered; a client of TLS 1.3 hears of a refusal when it reads."""
    one = weir.dial(context=tls.client(authority, leaf=leaf, lowest=version, highest=version))
    if not one.is_secured:
        return False, one.alert
    try:
        return one.ask().status == 200, None
    except AssertionError:
        return False, one.alert


REFUSED = {
    "expired": ("certificate_expired", "CERTIFICATE_EXPIRED"),
    "not yet valid": ("certificate_not_yet_valid", "BAD_CERTIFICATE"),
    "revoked": ("certificate_revoked", "CERTIFICATE_REVOKED"),
    "of a stranger": ("unknown_ca", "UNKNOWN_CA"),
}


@VERSIONS
@pytest.mark.parametrize("verify", ["require", "optional"])
@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_certificate_is_refused_and_both_sides_are_told_why(listening, authority, clients, version, verify, what):
    reason, alert = REFUSED[what]
    weir = listening(verify)
    served, told = is_served(weir, authority, version, clients[what])
    assert not served and told and told.endswith(alert), told
    line = weir.wait_for("tls.failed")
    assert line["reason"] == reason and line["source"] == "127.0.0.1" and line["message"]
    assert weir.wait_for("connection.closed")["reason"] == "tls_failed"


@VERSIONS
@pytest.mark.parametrize("verify,what", [("require", "good"), ("require", "rsa"), ("optional", "good"), ("optional", "none")])
def test_a_good_certificate_is_let_in_and_none_where_it_is_optional(listening, authority, clients, version, verify, what):
    weir = listening(verify)
    assert is_served(weir, authority, version, clients[what]) == (True, None)
    assert weir.log.find("tls.failed") == []


@VERSIONS
def test_without_a_certificate_nobody_is_let_in_where_it_is_required(listening, authority, version):
    weir = listening("require")
    served, told = is_served(weir, authority, version, None)
    assert not served and told in ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE")
    assert weir.wait_for("tls.failed")["reason"] == "certificate_missing"


@pytest.mark.parametrize("what", ["good", "expired", "of a stranger", "none"])
def test_nobody_is_asked_where_it_is_off(sipweir, leaf, authority, clients, what):
    weir = sipweir(listener=conf.secure(leaf))
    assert is_served(weir, authority, V1_3, clients[what]) == (True, None)


def test_without_a_list_a_revoked_certificate_is_as_good_as_any(listening, authority, clients):
    weir = listening("require", crl=False)
    assert is_served(weir, authority, V1_3, clients["revoked"]) == (True, None)


def test_a_list_that_is_out_of_date_lets_nobody_in_and_says_so(listening, authority, clients):
    weir = listening("require", crl=authority.crl(days=-1), warnings=1)
    served, _ = is_served(weir, authority, V1_3, clients["good"])
    assert not served and weir.wait_for("tls.failed")["reason"] == "crl_expired"


def test_a_reload_brings_a_new_list_which_holds_for_who_comes_then(listening, authority, clients):
    fresh = authority.issue("phone.test")
    weir = listening("require")
    context = tls.client(authority, leaf=fresh)
    before = weir.dial(context=context)
    assert before.ask().status == 200
    authority.revoke(fresh)
    listener = weir.tree["listeners"][0]
    weir.change(listener={"tls": {**listener["tls"], "client_crl": authority.crl()}})
    assert is_served(weir, authority, V1_3, fresh)[0] is False
    assert weir.wait_for("tls.failed")["reason"] == "certificate_revoked"
    assert before.ask().status == 200, "who is in stays"
    assert is_served(weir, authority, V1_3, clients["good"])[0]


def test_a_resumed_session_of_a_client_that_was_revoked_meanwhile_is_refused(listening, authority):
    """A ticket must not outlive what vouched for it."""
    fresh = authority.issue("phone.test")
    weir = listening("require")
    context = tls.client(authority, leaf=fresh, highest=V1_2)
    one = weir.dial(context=context)
    assert one.ask().status == 200
    session = one.tls.session
    again = weir.dial(context=context, session=session)
    assert again.ask().status == 200 and again.tls.session_reused
    authority.revoke(fresh)
    listener = weir.tree["listeners"][0]
    weir.change(listener={"tls": {**listener["tls"], "client_crl": authority.crl()}})
    one = weir.dial(context=context, session=session)
    assert not (one.is_secured and one.tls.session_reused and is_admitted(one)), "the ticket was honoured"


def is_admitted(one):
    try:
        return one.ask().status == 200
    except AssertionError:
        return False


@pytest.mark.parametrize("first,second", [("require", "off"), ("require", "optional")])
def test_a_ticket_of_one_listener_opens_no_other(sipweir, authority, leaf, stranger, first, second):
    """Who got a ticket where nobody is asked for a certificate has shown none."""
    open_, closed = conf.secure(leaf), conf.secure(leaf, client_ca=authority.certificate, verify_client="require")
    weir = sipweir(listeners=[{"name": "open", **open_}, {"name": "closed", **closed}])
    context = tls.client(authority, highest=V1_2)
    one = weir.dial(listener="open", context=context)
    assert one.ask().status == 200
    other = weir.dial(listener="closed", context=context, session=one.tls.session)
    assert not (other.is_secured and is_admitted(other))
