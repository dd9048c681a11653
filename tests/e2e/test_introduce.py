# SPDX-License-Identifier: BSD-2-Clause
"""How the servers are told who is calling: TLVs of the PROXY header, header lines, addresses of their own."""
import ipaddress

import pytest

from harness import conf, haproxy, proxy, sip, tls

ENDPOINT = "vpce-08d2bf15fac5001c9"
ALL = ["crc32c", "unique_id", "authority", "ssl", "endpoint"]

@pytest.fixture
def secure(sipweir, leaf, authority, backend):
    """secure(tlvs, ...): (sipweir over TLS behind a load balancer, its server)."""

    def make(tlvs, pool=None, listener=None, behind=None, **settings):
        one = behind or backend(reads_header=True)
        weir = sipweir(
            [one],
            listener={**conf.secure(leaf), "proxy_protocol": "require", **(listener or {})},
            pool={"proxy_protocol": "v2", "proxy_tlvs": tlvs, **(pool or {})},
            **settings,
        )
        return weir, one

    return make


def dial(weir, authority, endpoint=ENDPOINT, source="198.51.100.7", **more):
    header = proxy.nlb(source, vpc_endpoint=endpoint)
    return weir.dial(header=header, context=tls.client(authority, **more), name="sipweir.test")


def test_servers_are_told_all_that_is_asked_for(secure, authority):
    phone = authority.issue("phone.test")
    listener = conf.secure(authority.issue("sipweir.test"), client_ca=authority.certificate, verify_client="require")
    weir, behind = secure(ALL, listener=listener)
    one = dial(weir, authority, leaf=phone)
    assert one.ask().status == 200
    header = behind.connections[0].header
    assert header.source == ("198.51.100.7", 40000) and header.destination == (proxy.DESTINATION, 5060)
    assert [kind for kind, _ in header.tlvs] == [proxy.TLV_CRC32C, proxy.TLV_UNIQUE_ID, proxy.TLV_AUTHORITY, proxy.TLV_SSL, proxy.TLV_AWS]
    assert header.tlv(proxy.TLV_AUTHORITY) == b"sipweir.test"
    assert header.tlv(proxy.TLV_AWS) == b"\x01" + ENDPOINT.encode()
    ssl = header.tlv(proxy.TLV_SSL)
    assert ssl[0] == 7 and ssl[1:5] == bytes(4)
    told = dict(proxy.cut_tlvs(ssl[5:]))
    assert told[proxy.TLV_SSL_CN] == b"phone.test"
    assert told[proxy.TLV_SSL_VERSION] == one.socket.tls.version().encode()
    assert told[proxy.TLV_SSL_CIPHER] == one.socket.tls.cipher()[0].encode()
    one.close()
    line = weir.wait_for("connection.closed", source="198.51.100.7")
    assert line["unique_id"].encode() == header.tlv(proxy.TLV_UNIQUE_ID)


def test_each_connection_has_an_id_of_its_own(secure, authority):
    weir, behind = secure(["unique_id"], workers=2)
    for _ in range(20):
        assert dial(weir, authority).ask().status == 200
    assert len({one.header.tlv(proxy.TLV_UNIQUE_ID) for one in behind.connections}) == 20


def test_without_tls_and_endpoint_there_is_nothing_to_tell(sipweir, backend):
    behind = backend(reads_header=True)
    weir = sipweir([behind], pool={"proxy_protocol": "v2", "proxy_tlvs": ["authority", "ssl", "endpoint"]})
    assert weir.dial().ask().status == 200
    assert behind.connections[0].header.tlvs == []


def test_what_does_not_fit_is_left_out_and_said(secure, authority):
    weir, behind = secure(["endpoint", "unique_id", "ssl"], pool={"proxy_header_max": "107"})
    assert dial(weir, authority).ask().status == 200
    header = behind.connections[0].header
    assert [kind for kind, _ in header.tlvs] == [proxy.TLV_AWS, proxy.TLV_UNIQUE_ID] and header.length <= 107
    line = weir.wait_for("proxy_header.cut", source="198.51.100.7")
    assert line["reason"] == "ssl" and "pools.main.proxy_header_max" in line["message"]


def test_haproxy_reads_the_same(secure, authority, backend, tmp_path, end):
    """Another reader than ours, which checks the CRC32C too."""
    reader = haproxy.Reader(tmp_path, backend().address)
    end.append(reader.stop)
    weir, _ = secure(ALL, behind=reader)
    one = dial(weir, authority)
    assert one.ask().status == 200
    one.close()
    unique = weir.wait_for("connection.closed", source="198.51.100.7")["unique_id"]
    assert reader.read() == ("198.51.100.7:40000", "sipweir.test", unique)


def test_kamailio_takes_the_longest_header(secure, authority, registrar):
    long = "a" * 50 + ".sipweir.test"
    weir, _ = secure(ALL, behind=registrar, pool={"proxy_tlvs": ["crc32c", "endpoint", "unique_id", "authority", "ssl"]})
    source = "2001:db8::1234:5678:9abc:def0"
    header = proxy.v2(source, tlvs=proxy.endpoint("vpce-" + "0" * 58), crc=True)
    one = weir.dial(header=header, context=tls.client(), name=long)
    assert one.ask().header("X-Source") == source


# --- header lines ---


def plain(message):
    return [line for line in message.lines if not line.lower().startswith("x-auth")]


def test_each_request_names_its_source(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], listener={"proxy_protocol": "require"}, pool={"source_header": "X-AUTH-IP"})
    for source, port in (("198.51.100.7", 40000), ("2001:db8::7", 5)):
        one = weir.dial(source, port)
        sent = [sip.request("OPTIONS", headers=["X-AUTH-IP: 10.0.0.1"]), sip.request("MESSAGE", body=b"hello")]
        one.send(b"".join(sent))
        assert one.receive().status == one.receive().status == 200
        got = behind.messages[-2:]
        for message, original in zip(got, map(sip.Message, sent)):
            assert message.all("X-AUTH-IP") == [source] and message.all("X-AUTH-PORT") == [str(port)]
            assert plain(message) == plain(original) and message.body == original.body


def test_answers_and_requests_from_behind_are_left_alone(sipweir, backend):
    behind = backend()
    weir = sipweir([behind], pool={"source_header": "X-AUTH-IP"})
    one = weir.dial()
    assert one.ask().all("X-AUTH-IP") == []
    asked = sip.request("NOTIFY")
    behind.connections[0].send(asked)
    message = one.receive()
    assert message.raw == asked
    one.send(answer := sip.reply(message))
    assert behind.wait_messages(2)[-1].raw == answer


# --- addresses of their own ---


def test_kamailio_tells_two_endpoints_apart_that_have_the_same_addresses(sipweir, registrar):
    weir = sipweir(
        [registrar.address],
        listener={"proxy_protocol": "require"},
        pool={"proxy_protocol": "v2", "endpoint_source": "map"},
    )
    seen = []
    phones = [weir.dial(header=proxy.nlb("10.0.0.5", vpc_endpoint=name)) for name in ("vpce-1", "vpce-2")]
    for _ in range(3):
        seen += [one.ask().header("X-Source") for one in phones]
    assert seen[:2] == seen[2:4] == seen[4:] and seen[0] != seen[1]
    assert all(ipaddress.ip_address(one) in ipaddress.ip_network("fd00::/8") for one in seen)
    for name, address in zip(("vpce-1", "vpce-2"), seen):
        line = weir.wait_for("endpoint.mapped", endpoint=name)
        assert line["source"] == "10.0.0.5" and ipaddress.ip_address(line["address"][1:].split("]")[0]) == ipaddress.ip_address(address)
    for one in phones:
        one.close()
    assert {weir.wait_for("connection.closed", endpoint=name)["mapped"] for name in ("vpce-1", "vpce-2")} == {
        str(ipaddress.ip_address(one)) for one in seen
    }
