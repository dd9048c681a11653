/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/proxy_tlv.h"

#include "proxy/core/crc32c.h"
#include "proxy/core/proxy_v2.h"

#include <string.h>

enum {
	CLIENT_SSL = 0x01,
	CLIENT_CERT_CONN = 0x02, /* shown on this connection */
	CLIENT_CERT_SESS = 0x04, /* shown at least once in this session of TLS */
};

/* A header that grows as far as it may. */
struct writer {
	uint8_t *bytes;
	size_t length;
	size_t max;
	bool is_short; /* something did not fit */
};

static void put(struct writer *w, const void *bytes, size_t length)
{
	if (w->is_short || length > w->max - w->length) {
		w->is_short = true;
		return;
	}
	memcpy(w->bytes + w->length, bytes, length);
	w->length += length;
}

static void put_byte(struct writer *w, unsigned byte)
{
	put(w, &(uint8_t){(uint8_t)byte}, 1);
}

/* Its length is written once it is known: returns where. */
static size_t begin(struct writer *w, unsigned type)
{
	static const uint8_t unknown[2];
	put_byte(w, type);
	put(w, unknown, sizeof(unknown));
	return w->length;
}

static void end(struct writer *w, size_t at)
{
	size_t length = w->length - at;
	if (w->is_short)
		return;
	w->bytes[at - 2] = (uint8_t)(length >> 8);
	w->bytes[at - 1] = (uint8_t)length;
}

static void put_text(struct writer *w, unsigned type, const char *text)
{
	if (!text || !*text)
		return;
	size_t at = begin(w, type);
	put(w, text, strlen(text));
	end(w, at);
}

/* As OpenSSL names it. */
static void put_version(struct writer *w, const char *version)
{
	size_t at = begin(w, TLV_SSL_VERSION);
	put(w, "TLSv", 4);
	put(w, version, strcmp(version, "1.0") == 0 ? 1 : strlen(version));
	end(w, at);
}

static void put_ssl(struct writer *w, const struct proxy_tlvs *t)
{
	static const uint8_t is_verified[4], is_not[4] = {0, 0, 0, 1};
	unsigned client = CLIENT_SSL;
	if (!t->tls_version)
		return;
	if (t->certificate)
		client |= t->is_resumed ? CLIENT_CERT_SESS : CLIENT_CERT_SESS | CLIENT_CERT_CONN;
	size_t at = begin(w, TLV_SSL);
	put_byte(w, client);
	put(w, t->certificate ? is_verified : is_not, sizeof(is_not));
	put_version(w, t->tls_version);
	put_text(w, TLV_SSL_CN, t->certificate);
	put_text(w, TLV_SSL_CIPHER, t->tls_cipher);
	end(w, at);
}

static void put_endpoint(struct writer *w, const char *endpoint)
{
	if (!endpoint || !*endpoint)
		return;
	size_t at = begin(w, TLV_AWS);
	put_byte(w, TLV_AWS_ENDPOINT);
	put(w, endpoint, strlen(endpoint));
	end(w, at);
}

static void put_wanted(struct writer *w, enum conf_proxy_tlv wanted, const struct proxy_tlvs *t)
{
	switch (wanted) {
	case CONF_TLV_CRC32C:
		break; /* is there already */
	case CONF_TLV_UNIQUE_ID:
		put_text(w, TLV_UNIQUE_ID, t->unique_id);
		break;
	case CONF_TLV_AUTHORITY:
		put_text(w, TLV_AUTHORITY, t->authority);
		break;
	case CONF_TLV_SSL:
		put_ssl(w, t);
		break;
	case CONF_TLV_ENDPOINT:
		put_endpoint(w, t->endpoint);
		break;
	}
}

/* Zeros for now, as the sum is taken over them. 0: it is not wanted. */
static size_t put_checksum(struct writer *w, const struct proxy_tlvs *t)
{
	static const uint8_t zeros[V2_CRC_BYTES];
	for (size_t i = 0; i < t->count; i++) {
		if (t->wanted[i] != CONF_TLV_CRC32C)
			continue;
		size_t at = begin(w, TLV_CRC32C);
		put(w, zeros, sizeof(zeros));
		end(w, at);
		return at;
	}
	return 0;
}

size_t proxy_tlv_append(
	uint8_t *header, size_t length, const struct proxy_tlvs *t, unsigned *left_out)
{
	struct writer w = {.bytes = header, .length = length, .max = t->max};
	size_t checksum = put_checksum(&w, t);
	*left_out = 0;
	for (size_t i = 0; i < t->count; i++) {
		size_t before = w.length;
		put_wanted(&w, t->wanted[i], t);
		if (!w.is_short)
			continue;
		w.is_short = false;
		w.length = before;
		*left_out |= 1u << t->wanted[i];
	}
	header[V2_LENGTH_AT] = (uint8_t)((w.length - V2_FIXED) >> 8);
	header[V2_LENGTH_AT + 1] = (uint8_t)(w.length - V2_FIXED);
	if (checksum) {
		uint32_t crc = crc32c_extend(0, header, w.length);
		for (size_t i = 0; i < V2_CRC_BYTES; i++)
			header[checksum + i] = (uint8_t)(crc >> (24 - 8 * i));
	}
	return w.length;
}
