# SPDX-License-Identifier: BSD-2-Clause
"""PROXY protocol headers as load balancers send them, and a reader for what sipweir sends to its servers."""
import ipaddress
import re
import struct

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
LOCAL, PROXY = 0x20, 0x21
TLV_CRC32C, TLV_NOOP, TLV_UNIQUE_ID, TLV_AWS = 0x03, 0x04, 0x05, 0xEA
TLV_AUTHORITY, TLV_SSL, TLV_SSL_VERSION, TLV_SSL_CN, TLV_SSL_CIPHER = 0x02, 0x20, 0x21, 0x22, 0x23
DESTINATION = "198.51.100.200"
DESTINATION6 = "2001:db8:ffff::200"


def _crc_table():
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        yield n


_CRC = tuple(_crc_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def endpoint(name):
    """The TLV by which AWS names the VPC endpoint: subtype 1 and its id in ASCII."""
    return tlv(TLV_AWS, b"\x01" + name.encode())


def v2(source, port=40000, destination=None, destination_port=5060, tlvs=b"", crc=False, pad_to=0):
    """A v2 header. `crc` adds the checksum over the whole; `pad_to` fills up with NOOP to that many bytes."""
    source = ipaddress.ip_address(source)
    destination = ipaddress.ip_address(destination or (DESTINATION if source.version == 4 else DESTINATION6))
    block = source.packed + destination.packed + struct.pack("!HH", port, destination_port)
    return _v2(PROXY, 0x11 if source.version == 4 else 0x21, block, tlvs, crc, pad_to)


def v2_local(family=0x00, block=b"", tlvs=b"", crc=False, pad_to=0):
    return _v2(LOCAL, family, block, tlvs, crc, pad_to)


def _v2(command, family, block, tlvs, crc, pad_to):
    at = 16 + len(block) + 3
    body = block + (tlv(TLV_CRC32C, bytes(4)) if crc else b"") + tlvs
    if pad_to:
        body += tlv(TLV_NOOP, bytes(pad_to - 16 - len(body) - 3))
    header = SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body
    if crc:
        header = header[:at] + struct.pack("!I", crc32c(header)) + header[at + 4 :]
    return header


def nlb(source, port=40000, vpc_endpoint=None):
    """As an AWS NLB sends it: CRC32C, the endpoint behind PrivateLink, filled up to 100 bytes."""
    return v2(source, port, tlvs=endpoint(vpc_endpoint) if vpc_endpoint else b"", crc=True, pad_to=100)


def nlb_health_check():
    """The NLB's own: LOCAL, TCP over IPv4 in the family byte, and all the same no address block."""
    return v2_local(family=0x11, crc=True, pad_to=100)


def v1(source, port=40000, destination=None, destination_port=5060):
    version = ipaddress.ip_address(source).version
    destination = destination or (DESTINATION if version == 4 else DESTINATION6)
    family = "TCP4" if version == 4 else "TCP6"
    return f"PROXY {family} {source} {destination} {port} {destination_port}\r\n".encode()


class Header:
    """A header as a server reads it: version, command, source, destination, its length, its TLVs in their order."""

    def __init__(self, version, command, source, destination, length, tlvs=()):
        self.version, self.command, self.length = version, command, length
        self.source, self.destination = source, destination
        self.tlvs = list(tlvs)

    def tlv(self, kind):
        """The value of the only one of this kind, None for none."""
        values = [value for one, value in self.tlvs if one == kind]
        assert len(values) < 2
        return values[0] if values else None


def cut_tlvs(data):
    while data:
        kind, length = struct.unpack("!BH", data[:3])
        if len(data) < 3 + length:
            raise ValueError("a TLV that is cut off")
        yield kind, data[3 : 3 + length]
        data = data[3 + length :]


def _check_crc(header):
    """The sum is the first TLV, if it is there."""
    at = 16 + {0x11: 12, 0x21: 36}[header[13]]
    if header[at : at + 3] == struct.pack("!BH", TLV_CRC32C, 4):
        told = struct.unpack("!I", header[at + 3 : at + 7])[0]
        if crc32c(header[: at + 3] + bytes(4) + header[at + 7 :]) != told:
            raise ValueError("a wrong CRC32C")


def read(data):
    """The header at the beginning of data; None while there is not enough of it; ValueError when it is none."""
    if data[:5] == b"PROXY":
        end = data.find(b"\r\n")
        if end < 0:
            if len(data) > 107:
                raise ValueError("v1 line too long")
            return None
        m = re.fullmatch(rb"PROXY TCP[46] (\S+) (\S+) (\d+) (\d+)", data[:end])
        if not m:
            raise ValueError(f"bad v1 line {data[:end]!r}")
        a, b, p, q = (x.decode() for x in m.groups())
        return Header(1, PROXY, (a, int(p)), (b, int(q)), end + 2)
    if not SIGNATURE.startswith(data[:12]):
        raise ValueError(f"not a PROXY header: {data[:32]!r}")
    if len(data) < 16:
        return None
    command, family, length = struct.unpack("!BBH", data[12:16])
    if len(data) < 16 + length:
        return None
    size = {0x11: 4, 0x21: 16}.get(family)
    if command == LOCAL or not size:
        return Header(2, command, None, None, 16 + length)
    block = data[16 : 16 + length]
    a, b = (str(ipaddress.ip_address(block[i * size : (i + 1) * size])) for i in (0, 1))
    p, q = struct.unpack("!HH", block[2 * size : 2 * size + 4])
    _check_crc(data[: 16 + length])
    return Header(2, command, (a, p), (b, q), 16 + length, cut_tlvs(block[2 * size + 4 :]))
