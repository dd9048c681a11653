/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy_header.c - the PROXY protocol's two forms, told apart by their first byte.
 *
 * Everything is judged as soon as the bytes that decide it are there, so that nobody is waited for
 * in vain, and in the order of those bytes, so that a verdict, once given, holds however the rest
 * is split.
 */
#include "proxy/core/proxy_header.h"

#include "proxy/core/crc32c.h"
#include "proxy/core/proxy_v2.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	V1_MAX = 107, /* the longest valid line with its CRLF */
	V1_PREFIX = 6,
	V1_FIELDS = 5,
	V2_SIGNATURE = 12,
	V2_VERSION = 2,
	V2_COMMAND_LOCAL = 0,
	V2_COMMAND_PROXY = 1,
	V2_UNIQUE_ID_MAX = 128,
};

enum v2_family { FAMILY_UNSPEC, FAMILY_INET, FAMILY_INET6, FAMILY_UNIX };
enum v2_protocol { PROTOCOL_UNSPEC, PROTOCOL_STREAM, PROTOCOL_DGRAM };

static const uint8_t v2_signature[V2_SIGNATURE] = {
	'\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};
static const char v1_prefix[] = "PROXY ";

/* Bytes of addresses and ports, by family. */
static const uint8_t address_block[] = {
	[FAMILY_UNSPEC] = 0, [FAMILY_INET] = 12, [FAMILY_INET6] = 36, [FAMILY_UNIX] = 216};

static enum proxy_verdict reject(struct proxy_header *out, enum proxy_fault fault)
{
	out->fault = fault;
	return PROXY_REJECT;
}

static unsigned load16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)load16(bytes) << 16 | load16(bytes + 2);
}

static enum proxy_verdict accept_addresses(struct proxy_header *out, size_t used)
{
	if (addr_is_unusable(&out->source.addr))
		return reject(out, PROXY_FAULT_SOURCE);
	out->used = used;
	return PROXY_ACCEPT;
}

/* ---- version 2 ---- */

/* One TLV of a header. */
struct tlv {
	unsigned type;
	const uint8_t *value;
	size_t length;
};

static enum proxy_fault take_aws(struct proxy_header *out, const struct tlv *tlv)
{
	if (tlv->length == 0 || tlv->value[0] != TLV_AWS_ENDPOINT)
		return PROXY_FAULT_NONE;
	size_t length = tlv->length - 1;
	/* Two ids would be two sources: whichever we took, another reader might take the other. */
	if (length > PROXY_ENDPOINT_MAX || out->endpoint[0] != '\0')
		return PROXY_FAULT_TLV;
	for (size_t i = 0; i < length; i++) {
		uint8_t c = tlv->value[1 + i];
		if (c <= ' ' || c >= 0x7f) /* it is printed in logs and matched as a word */
			return PROXY_FAULT_TLV;
		out->endpoint[i] = (char)c;
	}
	return PROXY_FAULT_NONE;
}

/* The CRC of a whole header, taken with the four bytes of the checksum itself as zeros. */
static bool crc_holds(const uint8_t *header, size_t length, const uint8_t *checksum)
{
	static const uint8_t zeros[V2_CRC_BYTES];
	size_t before = (size_t)(checksum - header);
	size_t after = length - before - V2_CRC_BYTES;
	uint32_t crc = crc32c_extend(0, header, before);
	crc = crc32c_extend(crc, zeros, V2_CRC_BYTES);
	crc = crc32c_extend(crc, checksum + V2_CRC_BYTES, after);
	return crc == load32(checksum);
}

static enum proxy_fault take_tlv(
	struct proxy_header *out, const struct tlv *tlv, const uint8_t **checksum)
{
	switch (tlv->type) {
	case TLV_CRC32C:
		if (tlv->length != V2_CRC_BYTES || *checksum != NULL)
			return PROXY_FAULT_CRC32C;
		*checksum = tlv->value;
		return PROXY_FAULT_NONE;
	case TLV_UNIQUE_ID:
		return tlv->length > V2_UNIQUE_ID_MAX ? PROXY_FAULT_TLV : PROXY_FAULT_NONE;
	case TLV_AWS:
		return take_aws(out, tlv);
	default:
		return PROXY_FAULT_NONE;
	}
}

static enum proxy_fault take_tlvs(
	struct proxy_header *out, const uint8_t *header, size_t length, size_t at)
{
	const uint8_t *checksum = NULL;
	while (at < length) {
		if (length - at < V2_TLV_HEAD)
			return PROXY_FAULT_TLV;
		struct tlv tlv = {
			.type = header[at],
			.length = load16(header + at + 1),
			.value = header + at + V2_TLV_HEAD,
		};
		if (tlv.length > length - at - V2_TLV_HEAD)
			return PROXY_FAULT_TLV;
		enum proxy_fault fault = take_tlv(out, &tlv, &checksum);
		if (fault != PROXY_FAULT_NONE)
			return fault;
		at += V2_TLV_HEAD + tlv.length;
	}
	if (checksum != NULL && !crc_holds(header, length, checksum))
		return PROXY_FAULT_CRC32C;
	return PROXY_FAULT_NONE;
}

static void load_addresses(struct proxy_header *out, unsigned family, const uint8_t *block)
{
	size_t size = family == FAMILY_INET ? 4 : 16;
	if (family == FAMILY_INET) {
		addr_set_ipv4(&out->source.addr, block);
		addr_set_ipv4(&out->destination.addr, block + size);
	} else {
		memcpy(out->source.addr.bytes, block, size);
		memcpy(out->destination.addr.bytes, block + size, size);
	}
	out->source.port = (uint16_t)load16(block + 2 * size);
	out->destination.port = (uint16_t)load16(block + 2 * size + 2);
}

static bool is_local(const uint8_t *header)
{
	return (header[12] & 0x0f) == V2_COMMAND_LOCAL;
}

/* Version and command. */
static enum proxy_fault judge_command(uint8_t byte)
{
	if (byte >> 4 != V2_VERSION)
		return PROXY_FAULT_VERSION;
	return (byte & 0x0f) <= V2_COMMAND_PROXY ? PROXY_FAULT_NONE : PROXY_FAULT_COMMAND;
}

/* Family and protocol of a PROXY command, before its length is known. */
static enum proxy_fault judge_family(uint8_t byte)
{
	bool defined = byte >> 4 <= FAMILY_UNIX && (byte & 0x0f) <= PROTOCOL_DGRAM;
	return defined ? PROXY_FAULT_NONE : PROXY_FAULT_FAMILY;
}

/* A defined family and the length of a PROXY command: is this a source that can be limited by? */
static enum proxy_fault judge_source(uint8_t byte, size_t payload)
{
	unsigned family = byte >> 4;
	unsigned protocol = byte & 0x0f;
	if (payload < address_block[family])
		return PROXY_FAULT_ADDRESS_BLOCK;
	/*
	 * The document would allow the socket's addresses instead; all such callers would then
	 * count as one source.
	 */
	if (family == FAMILY_UNSPEC || family == FAMILY_UNIX || protocol == PROTOCOL_UNSPEC)
		return PROXY_FAULT_UNSPEC;
	return protocol == PROTOCOL_STREAM ? PROXY_FAULT_NONE : PROXY_FAULT_NOT_TCP;
}

/*
 * What is there of the fixed part. LOCAL says "look at the socket": its family means nothing, and
 * the health check of an NLB comes without the address block that its family announces.
 */
static enum proxy_fault judge_fixed(const uint8_t *bytes, size_t length)
{
	enum proxy_fault fault = PROXY_FAULT_NONE;
	if (length > 12)
		fault = judge_command(bytes[12]);
	if (fault == PROXY_FAULT_NONE && length > 13 && !is_local(bytes))
		fault = judge_family(bytes[13]);
	if (fault != PROXY_FAULT_NONE || length < V2_FIXED)
		return fault;

	size_t payload = load16(bytes + V2_LENGTH_AT);
	if (payload > PROXY_HEADER_MAX - V2_FIXED)
		return PROXY_FAULT_TOO_LONG;
	return is_local(bytes) ? PROXY_FAULT_NONE : judge_source(bytes[13], payload);
}

static enum proxy_verdict read_v2(const uint8_t *bytes, size_t length, struct proxy_header *out)
{
	enum proxy_fault fault = judge_fixed(bytes, length);
	if (fault != PROXY_FAULT_NONE)
		return reject(out, fault);
	out->version = length > 12 ? V2_VERSION : 0;
	if (length < V2_FIXED)
		return PROXY_MORE;
	size_t total = V2_FIXED + (size_t)load16(bytes + V2_LENGTH_AT);
	if (length < total)
		return PROXY_MORE;
	if (is_local(bytes)) {
		out->used = total;
		return PROXY_LOCAL;
	}

	unsigned family = bytes[13] >> 4;
	load_addresses(out, family, bytes + V2_FIXED);
	fault = take_tlvs(out, bytes, total, V2_FIXED + (size_t)address_block[family]);
	if (fault != PROXY_FAULT_NONE)
		return reject(out, fault);
	return accept_addresses(out, total);
}

/* ---- version 1 ---- */

/* Find the line's end. PROXY_ACCEPT: *line_length counts its bytes with CRLF. */
static enum proxy_verdict find_line(
	const uint8_t *bytes, size_t length, size_t *line_length, struct proxy_header *out)
{
	for (size_t i = V1_PREFIX; i < length && i < V1_MAX; i++) {
		bool behind_cr = bytes[i - 1] == '\r';
		if (bytes[i] == '\0' || behind_cr != (bytes[i] == '\n'))
			return reject(out, PROXY_FAULT_LINE_END);
		if (behind_cr) {
			*line_length = i + 1;
			return PROXY_ACCEPT;
		}
	}
	return length >= V1_MAX ? reject(out, PROXY_FAULT_TOO_LONG) : PROXY_MORE;
}

/* Cut the text at its spaces. False unless that gives V1_FIELDS fields, none of them empty. */
static bool split_fields(char *text, const char *fields[V1_FIELDS])
{
	for (int i = 0; i < V1_FIELDS; i++) {
		size_t field = strcspn(text, " ");
		bool last = text[field] == '\0';
		if (field == 0 || last != (i == V1_FIELDS - 1))
			return false;
		fields[i] = text;
		text[field] = '\0';
		text += field + 1;
	}
	return true;
}

/*
 * A colon tells the families apart, so that TCP4 cannot carry ::1. Dotted tails pass: HAProxy
 * writes mapped addresses so.
 */
static bool v1_address(struct addr *a, const char *text, bool ipv6)
{
	return (strchr(text, ':') != NULL) == ipv6 && addr_parse(a, text);
}

static enum proxy_fault read_fields(char *text, struct proxy_header *out)
{
	const char *fields[V1_FIELDS];
	if (!split_fields(text, fields))
		return PROXY_FAULT_FIELDS;
	bool ipv6 = strcmp(fields[0], "TCP6") == 0;
	if (!ipv6 && strcmp(fields[0], "TCP4") != 0)
		return PROXY_FAULT_FIELDS;
	if (!v1_address(&out->source.addr, fields[1], ipv6) ||
		!v1_address(&out->destination.addr, fields[2], ipv6))
		return PROXY_FAULT_ADDRESS;
	if (!port_parse(&out->source.port, fields[3]) ||
		!port_parse(&out->destination.port, fields[4]))
		return PROXY_FAULT_PORT;
	return PROXY_FAULT_NONE;
}

static enum proxy_verdict read_v1(const uint8_t *bytes, size_t length, struct proxy_header *out)
{
	static const char unknown[] = "UNKNOWN";
	if (length < V1_PREFIX)
		return PROXY_MORE;
	out->version = 1;
	size_t line_length;
	enum proxy_verdict verdict = find_line(bytes, length, &line_length, out);
	if (verdict != PROXY_ACCEPT)
		return verdict;

	char text[V1_MAX];
	size_t text_length = line_length - V1_PREFIX - 2;
	memcpy(text, bytes + V1_PREFIX, text_length);
	text[text_length] = '\0';
	size_t first_field = strcspn(text, " ");
	if (first_field == sizeof(unknown) - 1 && memcmp(text, unknown, first_field) == 0) {
		out->used = line_length;
		return PROXY_LOCAL;
	}
	enum proxy_fault fault = read_fields(text, out);
	if (fault != PROXY_FAULT_NONE)
		return reject(out, fault);
	return accept_addresses(out, line_length);
}

/* ---- both ---- */

static bool begins_like(const uint8_t *bytes, size_t length, const void *model, size_t model_length)
{
	return memcmp(bytes, model, length < model_length ? length : model_length) == 0;
}

bool proxy_header_is_prefix(const uint8_t *bytes, size_t length)
{
	assert(length > 0);
	return begins_like(bytes, length, v2_signature, V2_SIGNATURE) ||
	       begins_like(bytes, length, v1_prefix, V1_PREFIX);
}

enum proxy_verdict proxy_header_read(const uint8_t *bytes, size_t length, struct proxy_header *out)
{
	memset(out, 0, sizeof(*out));
	if (length == 0)
		return PROXY_MORE;
	if (!proxy_header_is_prefix(bytes, length))
		return reject(out, PROXY_FAULT_SIGNATURE);
	return bytes[0] == v2_signature[0] ? read_v2(bytes, length, out)
					   : read_v1(bytes, length, out);
}

static void store16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* addr_format() would write a mapped address as IPv4; version 1 knows hexadecimal groups only. */
static void format_as_ipv6(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	if (addr_is_ipv4(a))
		snprintf(out, ADDR_TEXT_MAX, "::ffff:%x:%x", load16(a->bytes + 12),
			load16(a->bytes + V2_LENGTH_AT));
	else
		addr_format(a, out);
}

static size_t write_v1(uint8_t out[PROXY_HEADER_PLAIN_MAX], const struct addr_port *source,
	const struct addr_port *destination, bool ipv4)
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];
	if (ipv4) {
		addr_format(&source->addr, from);
		addr_format(&destination->addr, to);
	} else {
		format_as_ipv6(&source->addr, from);
		format_as_ipv6(&destination->addr, to);
	}
	char line[V1_MAX + 1];
	int length = snprintf(line, sizeof(line), "PROXY TCP%c %s %s %u %u\r\n", ipv4 ? '4' : '6',
		from, to, source->port, destination->port);
	assert(length > 0 && length <= V1_MAX);
	memcpy(out, line, (size_t)length);
	return (size_t)length;
}

static size_t write_v2(uint8_t out[PROXY_HEADER_PLAIN_MAX], const struct addr_port *source,
	const struct addr_port *destination, bool ipv4)
{
	unsigned family = ipv4 ? FAMILY_INET : FAMILY_INET6;
	size_t size = ipv4 ? 4 : 16; /* an IPv4 address is the tail of its mapped form */
	uint8_t *block = out + V2_FIXED;
	memcpy(out, v2_signature, V2_SIGNATURE);
	out[12] = V2_VERSION << 4 | V2_COMMAND_PROXY;
	out[13] = (uint8_t)(family << 4 | PROTOCOL_STREAM);
	store16(out + V2_LENGTH_AT, address_block[family]);
	memcpy(block, source->addr.bytes + sizeof(source->addr.bytes) - size, size);
	memcpy(block + size, destination->addr.bytes + sizeof(destination->addr.bytes) - size,
		size);
	store16(block + 2 * size, source->port);
	store16(block + 2 * size + 2, destination->port);
	return V2_FIXED + (size_t)address_block[family];
}

size_t proxy_header_write(uint8_t out[PROXY_HEADER_PLAIN_MAX], unsigned version,
	const struct addr_port *source, const struct addr_port *destination)
{
	assert(version == 1 || version == 2);
	bool ipv4 = addr_is_ipv4(&source->addr) && addr_is_ipv4(&destination->addr);
	return version == 1 ? write_v1(out, source, destination, ipv4)
			    : write_v2(out, source, destination, ipv4);
}

size_t proxy_header_write_local(uint8_t out[PROXY_HEADER_PLAIN_MAX], unsigned version)
{
	static const char v1[] = "PROXY UNKNOWN\r\n";
	if (version == 1) {
		memcpy(out, v1, sizeof(v1) - 1);
		return sizeof(v1) - 1;
	}
	memcpy(out, v2_signature, V2_SIGNATURE);
	out[12] = V2_VERSION << 4 | V2_COMMAND_LOCAL;
	out[13] = 0; /* no family */
	store16(out + V2_LENGTH_AT, 0);
	return V2_FIXED;
}

const char *proxy_fault_name(enum proxy_fault fault)
{
	static const char *const names[] = {
#define X(constant, name) [constant] = name,
		PROXY_FAULTS(X)
#undef X
	};
	assert((size_t)fault < sizeof(names) / sizeof(names[0]));
	return names[fault];
}
