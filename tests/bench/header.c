/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header.c - see header.h; the format is that of HAProxy's proxy-protocol.txt, section 2.
 */
#include "tests/bench/header.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V1_MAX	 107
#define V2_FIXED 16
#define V2_IPV4	 12

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static size_t write_v1(
	char *out, const struct sockaddr_in *source, const struct sockaddr_in *target)
{
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &source->sin_addr, from, sizeof(from));
	inet_ntop(AF_INET, &target->sin_addr, to, sizeof(to));
	return (size_t)snprintf(out, HEADER_MAX, "PROXY TCP4 %s %s %u %u\r\n", from, to,
		(unsigned)ntohs(source->sin_port), (unsigned)ntohs(target->sin_port));
}

static size_t write_v2(
	char *out, const struct sockaddr_in *source, const struct sockaddr_in *target)
{
	memcpy(out, v2_signature, sizeof(v2_signature));
	out[12] = 0x21; /* version 2, PROXY */
	out[13] = 0x11; /* IPv4, stream */
	out[14] = 0;
	out[15] = V2_IPV4;
	memcpy(out + 16, &source->sin_addr, 4);
	memcpy(out + 20, &target->sin_addr, 4);
	memcpy(out + 24, &source->sin_port, 2);
	memcpy(out + 26, &target->sin_port, 2);
	return V2_FIXED + V2_IPV4;
}

size_t header_write(char *out, enum header_kind kind, const struct sockaddr_in *source,
	const struct sockaddr_in *target)
{
	switch (kind) {
	case HEADER_V1:
		return write_v1(out, source, target);
	case HEADER_V2:
		return write_v2(out, source, target);
	case HEADER_NONE:
		break;
	}
	return 0;
}

static long measure_v1(const char *data, size_t length)
{
	const char *end = memchr(data, '\n', length < V1_MAX ? length : V1_MAX);

	if (end != NULL)
		return end - data + 1;
	return length < V1_MAX ? 0 : -1;
}

static long measure_v2(const char *data, size_t length)
{
	size_t whole;

	if (length < V2_FIXED)
		return 0;
	whole = V2_FIXED + (size_t)((unsigned char)data[14] << 8 | (unsigned char)data[15]);
	return length < whole ? 0 : (long)whole;
}

long header_measure(const char *data, size_t length)
{
	size_t v1 = length < 6 ? length : 6;
	size_t v2 = length < sizeof(v2_signature) ? length : sizeof(v2_signature);

	if (memcmp(data, "PROXY ", v1) == 0)
		return measure_v1(data, length);
	if (memcmp(data, v2_signature, v2) == 0)
		return measure_v2(data, length);
	return -1;
}
