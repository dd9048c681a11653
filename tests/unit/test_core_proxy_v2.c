/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core_proxy_v2.c - version 2 of the PROXY protocol, read. */
#include "proxy/core/crc32c.h"
#include "tests/unit/core_header_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_v2_headers(void **state)
{
	static const struct {
		const char *name, *hex;
		struct expected e;
	} cases[] = {
		{"ipv4", SIG "21 11 000c" A4, {PROXY_ACCEPT, 0, FROM4, TO4, 28, NULL}},
		{"ipv6", SIG "21 21 0024" A6, {PROXY_ACCEPT, 0, FROM6, TO6, 52, NULL}},
		{"mapped ipv6 is ipv4",
			SIG "21 21 0024 00000000000000000000ffffcb00710a "
			    "00000000000000000000ffffc633640a f1f0 13c4",
			{PROXY_ACCEPT, 0, FROM4, TO4, 52, NULL}},
		{"port 0", SIG "21 11 000c 0a000001 0a000002 0000 0000",
			{PROXY_ACCEPT, 0, "10.0.0.1:0", "10.0.0.2:0", 28, NULL}},
		{"sip behind it", SIG "21 11 000c" A4 "4f5054494f4e53",
			{PROXY_ACCEPT, 0, FROM4, TO4, 28, NULL}},
		{"tls behind it", SIG "21 11 000c" A4 "1603010200",
			{PROXY_ACCEPT, 0, FROM4, TO4, 28, NULL}},
		{"a second header is data",
			SIG "21 11 000c" A4 SIG "21 11 000c 0a000001 0a000002 0001 0002",
			{PROXY_ACCEPT, 0, FROM4, TO4, 28, NULL}},
		{"local, nothing more", SIG "20 00 0000", {PROXY_LOCAL, 0, NULL, NULL, 16, NULL}},
		{"local with addresses", SIG "20 11 000c" A4,
			{PROXY_LOCAL, 0, NULL, NULL, 28, NULL}},
		{"local of a load balancer: no address block, a checksum and padding",
			SIG "20 11 000f 03 0004 00000000 04 0005 0000000000",
			{PROXY_LOCAL, 0, NULL, NULL, 31, NULL}},
		{"local of an undefined family", SIG "20 ff 0001 00",
			{PROXY_LOCAL, 0, NULL, NULL, 17, NULL}},
		{"local, a header behind it is data", SIG "20 00 0000" SIG "21 11 000c" A4,
			{PROXY_LOCAL, 0, NULL, NULL, 16, NULL}},
		{"empty tlv", SIG "21 11 000f" A4 "04 0000",
			{PROXY_ACCEPT, 0, FROM4, TO4, 31, NULL}},
		{"unknown tlv", SIG "21 11 0012" A4 "ff 0003 78797a",
			{PROXY_ACCEPT, 0, FROM4, TO4, 34, NULL}},
		{"tls facts", SIG "21 11 001e" A4 "20 000f 01 00000000 21 0007 544c5376312e33",
			{PROXY_ACCEPT, 0, FROM4, TO4, 46, NULL}},
		{"broken facts inside a tlv are nobody's business",
			SIG "21 11 0014" A4 "20 0005 0100000000",
			{PROXY_ACCEPT, 0, FROM4, TO4, 36, NULL}},
		{"endpoint", SIG "21 11 0019" A4 "ea 000a 01 767063652d30313233",
			{PROXY_ACCEPT, 0, FROM4, TO4, 41, "vpce-0123"}},
		{"endpoint among others", SIG "21 11 0019" A4 "04 0001 00 ea 0003 01 7670 04 0000",
			{PROXY_ACCEPT, 0, FROM4, TO4, 41, "vp"}},
		{"empty amazon tlv", SIG "21 11 000f" A4 "ea 0000",
			{PROXY_ACCEPT, 0, FROM4, TO4, 31, NULL}},
		{"empty endpoint", SIG "21 11 0010" A4 "ea 0001 01",
			{PROXY_ACCEPT, 0, FROM4, TO4, 32, NULL}},
		{"another amazon subtype", SIG "21 11 0013" A4 "ea 0004 02 767063",
			{PROXY_ACCEPT, 0, FROM4, TO4, 35, NULL}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		bytes_append_hex(&b, cases[i].hex);
		case_check(cases[i].name, &b, &cases[i].e);
	}
}

static void refuses_bad_v2_headers(void **state)
{
	static const struct {
		const char *name, *hex;
		enum proxy_fault fault;
	} cases[] = {
		{"first byte", "00", PROXY_FAULT_SIGNATURE},
		{"second byte", "0d0d", PROXY_FAULT_SIGNATURE},
		{"ping, then text", "0d0a0d0a4f", PROXY_FAULT_SIGNATURE},
		{"last byte of the signature", "0d0a0d0a000d0a515549540d", PROXY_FAULT_SIGNATURE},
		{"version 1", SIG "11 11 000c" A4, PROXY_FAULT_VERSION},
		{"version 3", SIG "31", PROXY_FAULT_VERSION},
		{"version 0", SIG "00", PROXY_FAULT_VERSION},
		{"command 2", SIG "22", PROXY_FAULT_COMMAND},
		{"command 15", SIG "2f 11 000c" A4, PROXY_FAULT_COMMAND},
		{"family 4", SIG "21 41", PROXY_FAULT_FAMILY},
		{"protocol 3", SIG "21 13", PROXY_FAULT_FAMILY},
		{"protocol 15", SIG "21 1f 000c" A4, PROXY_FAULT_FAMILY},
		{"unspecified", SIG "21 00 0000", PROXY_FAULT_UNSPEC},
		{"unspecified stream", SIG "21 01 0000", PROXY_FAULT_UNSPEC},
		{"ipv4 of no protocol", SIG "21 10 000c" A4, PROXY_FAULT_UNSPEC},
		{"unix", SIG "21 31 00d8", PROXY_FAULT_UNSPEC},
		{"unix datagram", SIG "21 32 00d8", PROXY_FAULT_UNSPEC},
		{"udp over ipv4", SIG "21 12 000c" A4, PROXY_FAULT_NOT_TCP},
		{"udp over ipv6", SIG "21 22 0024" A6, PROXY_FAULT_NOT_TCP},
		{"ipv4, no block", SIG "21 11 0000", PROXY_FAULT_ADDRESS_BLOCK},
		{"ipv4, one byte short", SIG "21 11 000b", PROXY_FAULT_ADDRESS_BLOCK},
		{"ipv6, one byte short", SIG "21 21 0023", PROXY_FAULT_ADDRESS_BLOCK},
		{"ipv6 with the block of ipv4", SIG "21 21 000c" A4, PROXY_FAULT_ADDRESS_BLOCK},
		{"unix, one byte short", SIG "21 31 00d7", PROXY_FAULT_ADDRESS_BLOCK},
		{"longer than the bound", SIG "21 11 0ff1", PROXY_FAULT_TOO_LONG},
		{"as long as can be", SIG "21 11 ffff", PROXY_FAULT_TOO_LONG},
		{"local longer than the bound", SIG "20 00 0ff1", PROXY_FAULT_TOO_LONG},
		{"one byte for a tlv", SIG "21 11 000d" A4 "04", PROXY_FAULT_TLV},
		{"two bytes for a tlv", SIG "21 11 000e" A4 "0400", PROXY_FAULT_TLV},
		{"tlv over the end", SIG "21 11 0013" A4 "04 0005 61626364", PROXY_FAULT_TLV},
		{"tlv as long as can be", SIG "21 11 0013" A4 "04 ffff 61626364", PROXY_FAULT_TLV},
		{"second tlv over the end", SIG "21 11 0013" A4 "04 0000 04 0002 61",
			PROXY_FAULT_TLV},
		{"space in the endpoint", SIG "21 11 0014" A4 "ea 0005 01 76 20 70 63",
			PROXY_FAULT_TLV},
		{"nul in the endpoint", SIG "21 11 0013" A4 "ea 0004 01 76 00 70", PROXY_FAULT_TLV},
		{"newline in the endpoint", SIG "21 11 0013" A4 "ea 0004 01 76 0a 70",
			PROXY_FAULT_TLV},
		{"delete in the endpoint", SIG "21 11 0013" A4 "ea 0004 01 76 7f 70",
			PROXY_FAULT_TLV},
		{"high byte in the endpoint", SIG "21 11 0013" A4 "ea 0004 01 76 c3 70",
			PROXY_FAULT_TLV},
		{"two endpoints", SIG "21 11 0018" A4 "ea 0003 01 7670 ea 0003 01 7671",
			PROXY_FAULT_TLV},
		{"checksum of 3 bytes", SIG "21 11 0012" A4 "03 0003 000000", PROXY_FAULT_CRC32C},
		{"checksum of 5 bytes", SIG "21 11 0014" A4 "03 0005 0000000000",
			PROXY_FAULT_CRC32C},
		{"wrong checksum", SIG "21 11 0013" A4 "03 0004 00000000", PROXY_FAULT_CRC32C},
		{"source 0.0.0.0", SIG "21 11 000c 00000000 0a000002 0001 0002",
			PROXY_FAULT_SOURCE},
		{"source ::",
			SIG "21 21 0024 00000000000000000000000000000000 "
			    "20010db8000000000000000000000020 0001 0002",
			PROXY_FAULT_SOURCE},
		{"source ::ffff:0.0.0.0",
			SIG "21 21 0024 00000000000000000000ffff00000000 "
			    "20010db8000000000000000000000020 0001 0002",
			PROXY_FAULT_SOURCE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		bytes_append_hex(&b, cases[i].hex);
		case_check(cases[i].name, &b,
			&(struct expected){PROXY_REJECT, cases[i].fault, 0, 0, 0, 0});
	}
}

static void takes_a_v2_header_of_exactly_the_bound(void **state)
{
	struct bytes b = {0};
	(void)state;
	bytes_append_hex(&b, SIG "21 11 0ff0" A4 "04 0fe1");
	b.length = PROXY_HEADER_MAX;
	bytes_append_hex(&b, "4f");
	case_check("bound", &b,
		&(struct expected){PROXY_ACCEPT, 0, FROM4, TO4, PROXY_HEADER_MAX, NULL});
}

/* A TLV of `length` bytes of `value` behind a first byte, in a header of its own. */
static struct bytes with_tlv(uint8_t type, uint8_t first, char value, uint8_t length)
{
	struct bytes b = {0};
	bytes_append_hex(&b, SIG "21 11");
	uint8_t lengths[2] = {0, (uint8_t)(12 + 3 + length)};
	bytes_append(&b, lengths, 2);
	bytes_append_hex(&b, A4);
	uint8_t head[4] = {type, 0, length, first};
	bytes_append(&b, head, 4);
	memset(b.at + b.length, value, length - 1u);
	b.length += length - 1u;
	return b;
}

static void bounds_the_values_of_tlvs(void **state)
{
	char endpoint[PROXY_ENDPOINT_MAX + 1];
	(void)state;
	memset(endpoint, 'v', PROXY_ENDPOINT_MAX);
	endpoint[PROXY_ENDPOINT_MAX] = '\0';
	struct bytes b = with_tlv(0xea, 1, 'v', 1 + PROXY_ENDPOINT_MAX);
	case_check("endpoint", &b,
		&(struct expected){PROXY_ACCEPT, 0, FROM4, TO4, b.length, endpoint});
	b = with_tlv(0xea, 1, 'v', 2 + PROXY_ENDPOINT_MAX);
	case_check("endpoint", &b, &(struct expected){PROXY_REJECT, PROXY_FAULT_TLV, 0, 0, 0, 0});
	b = with_tlv(0x05, 'u', 'u', 128);
	case_check(
		"unique id", &b, &(struct expected){PROXY_ACCEPT, 0, FROM4, TO4, b.length, NULL});
	b = with_tlv(0x05, 'u', 'u', 129);
	case_check("unique id", &b, &(struct expected){PROXY_REJECT, PROXY_FAULT_TLV, 0, 0, 0, 0});
}

/* Put the checksum of the whole, taken with zeros in its place, at its place. */
static void set_checksum(struct bytes *b, size_t at)
{
	uint32_t crc = crc32c_extend(0, b->at, b->length);
	for (size_t byte = 0; byte < 4; byte++)
		b->at[at + byte] = (uint8_t)(crc >> (24 - 8 * byte));
}

/*
 * A checksum at the front, in the middle or at the end holds, and with any one bit changed it does
 * not.
 */
static void verifies_the_checksum_wherever_it_stands(void **state)
{
	static const struct {
		const char *hex;
		size_t at;
	} cases[] = {
		{SIG "21 11 0013" A4 "03 0004 00000000", 31},
		{SIG "21 11 001b" A4 "03 0004 00000000 ea 0005 01 76706365", 31},
		{SIG "21 11 001b" A4 "ea 0005 01 76706365 03 0004 00000000", 39},
		{SIG "21 11 0020" A4 "ea 0005 01 76706365 03 0004 00000000 ff 0002 7878", 39},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		struct proxy_header h;
		bytes_append_hex(&b, cases[i].hex);
		set_checksum(&b, cases[i].at);
		case_check("checksum", &b,
			&(struct expected){PROXY_ACCEPT, 0, FROM4, TO4, b.length, i ? "vpce" : 0});

		for (size_t bit = 16 * 8; bit < b.length * 8; bit++) {
			b.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			bool in_type = bit / 8 == cases[i].at - 3; /* no checksum any more */
			assert_true(in_type || case_judge(&b, b.length, &h) == PROXY_REJECT);
			b.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* The second is right for the header as it stands; another reader might go by the first. */
static void refuses_a_second_checksum(void **state)
{
	struct bytes b = {0};
	(void)state;
	bytes_append_hex(&b, SIG "21 11 001a" A4 "03 0004 00000000 03 0004 00000000");
	set_checksum(&b, 38);
	case_check("two", &b, &(struct expected){PROXY_REJECT, PROXY_FAULT_CRC32C, 0, 0, 0, 0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_v2_headers),
		cmocka_unit_test(refuses_bad_v2_headers),
		cmocka_unit_test(takes_a_v2_header_of_exactly_the_bound),
		cmocka_unit_test(bounds_the_values_of_tlvs),
		cmocka_unit_test(verifies_the_checksum_wherever_it_stands),
		cmocka_unit_test(refuses_a_second_checksum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
