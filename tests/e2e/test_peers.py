# SPDX-License-Identifier: BSD-2-Clause
"""The real peers without sipweir between them: when these fail, no other test with them means anything."""
import pytest

from harness import phone, proxy, sip, tls


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_kamailio_learns_the_caller_from_haproxy(balancer, registrar, phones, send):
    front = balancer(registrar.address, send)
    for scenario, transport, source in (
        ("register", "tn", "127.0.0.11"),
        ("options", "t1", "127.0.0.12"),
        ("invite", "tn", "127.0.0.13"),
        ("invite", "t1", "127.0.0.14"),
    ):
        phones(scenario, front.address, source, 10, transport=transport).wait_success()
    assert {source for _, source in registrar.seen("REGISTER")} == {"127.0.0.11"}
    assert {source for _, source in registrar.seen("OPTIONS")} == {"127.0.0.12"}
    for method in ("INVITE", "ACK", "BYE"):
        assert sorted({source for _, source in registrar.seen(method)}) == ["127.0.0.13", "127.0.0.14"]


@pytest.mark.parametrize("header", [proxy.v1, proxy.v2, proxy.nlb])
def test_kamailio_reads_the_headers_of_the_harness(registrar, header):
    one = phone.Phone(registrar.address, header("198.51.100.7"))
    assert one.ask(method="OPTIONS").header("X-Source") == "198.51.100.7"
    one.close()


def test_the_server_of_the_harness_reads_what_haproxy_sends(balancer, backend):
    for send, version in (("send-proxy", 1), ("send-proxy-v2", 2)):
        behind = backend(reads_header=True)
        one = phone.Phone(balancer(behind.address, send).address, bind="127.0.0.21")
        assert one.ask(method="MESSAGE", body=b"a\0b").status == 200
        header = behind.connections[0].header
        assert (header.version, header.source) == (version, ("127.0.0.21", int(one.local.split(":")[1])))
        one.close()


def test_kamailio_behind_tls_learns_the_caller_from_the_header_before_it(tls_registrar, balancer, encrypter, phones):
    front = encrypter(balancer(tls_registrar.tls_address, "send-proxy-v2", "accept-proxy").address, "kamailio.test")
    phones("invite", front.address, "127.0.0.14", 10).wait_success()
    assert {source for _, source in tls_registrar.seen("INVITE")} == {"127.0.0.14"}


def test_phone_and_server_of_the_harness_speak_tls_however_the_first_bytes_are_cut(authority, leaf, backend):
    behind = backend(reads_header=True, context=tls.server(leaf))
    for split in (None, 5, 28, 40):
        one = tls.Phone(behind.address, proxy.v2("198.51.100.7"), tls.client(authority), split=split)
        assert one.ask().status == 200
        one.close()
    assert {c.source for c in behind.connections} == {"198.51.100.7"}


def test_the_checksum_of_the_harness_is_that_of_the_specification():
    assert proxy.crc32c(b"123456789") == 0xE3069283
    assert proxy.nlb_health_check().hex().startswith("0d0a0d0a000d0a515549540a20110054030004bce5951f04004a")


def test_the_harness_cuts_a_stream_into_messages_and_pings():
    one, two = sip.request(body=b"\r\n\r\nINVITE"), sip.request("REGISTER")
    assert sip.cut(one + two) == ("message", one)
    assert sip.cut(one[:-1]) is None
    assert sip.cut(b"\r\n\r\n" + two) == ("ping", b"\r\n\r\n")
    assert sip.cut(b"\r\n" + two) == ("pong", b"\r\n")
    assert sip.cut(b"\r\n") is None
