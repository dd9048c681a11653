/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/introduce.h"

#include "conf/option.h"
#include "limits/siphash.h"
#include "proxy/core/proxy_tlv.h"
#include "proxy/core/session.h"
#include "sip/header.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAP_KEY = 16 };

/* --- who it is --- */

static bool is_mapped(const struct session *s)
{
	return *s->endpoint && session_pool(s)->conf->endpoint_source == CONF_ENDPOINT_MAP;
}

/*
 * Half of an address. The keys are part of the contract: every sipweir, today's and tomorrow's, has to give a phone behind an
 * endpoint the same address.
 */
static uint64_t map_half(uint8_t which, const char *endpoint, const struct addr *a)
{
	uint8_t key[MAP_KEY] = "sipweir endpoin";
	uint8_t text[PROXY_ENDPOINT_MAX + 1 + sizeof(a->bytes)];
	size_t length = strlen(endpoint);
	key[MAP_KEY - 1] = which;
	memcpy(text, endpoint, length + 1);
	memcpy(text + length + 1, a->bytes, sizeof(a->bytes));
	return siphash13(key, text, length + 1 + sizeof(a->bytes));
}

/* A unique local address (RFC 4193): nobody's outside, and 120 bits that tell it from all others. */
static void map_address(struct addr *out, const char *endpoint, const struct addr *a)
{
	uint64_t halves[2] = {htobe64(map_half(0, endpoint, a)), htobe64(map_half(1, endpoint, a))};
	memcpy(out->bytes, halves, sizeof(out->bytes));
	out->bytes[0] = 0xfd;
}

struct addr_port introduce_source(const struct session *s)
{
	struct addr_port source = s->source;
	if (is_mapped(s))
		map_address(&source.addr, s->endpoint, &s->source.addr);
	return source;
}

void introduce_begin(struct session *s)
{
	struct record r;
	if (!is_mapped(s))
		return;
	record_init(&r, RECORD_ENDPOINT_MAPPED);
	verdict_describe(s, &r);
	r.address = introduce_source(s);
	r.has |= RECORD_HAS_ADDRESS;
	r.pool = s->pool->name;
	s->core->host->report(s->core->host, &r);
}

/* --- the PROXY header --- */

static const struct addr_port *destination(struct session *s)
{
	static const struct addr_port unspecified;
	if (!memcmp(&s->destination, &unspecified, sizeof(unspecified)) &&
		!s->core->host->local_address(s->core->host, s->client, &s->destination))
		s->destination = session_listener(s)->address;
	return &s->destination;
}

/* Which process, which of its workers, which connection there. */
static void write_unique_id(const struct session *s, char out[INTRODUCE_UNIQUE_MAX])
{
	snprintf(out, INTRODUCE_UNIQUE_MAX, "%016llx-%x-%llx",
		(unsigned long long)s->core->shared->instance, s->core->index,
		(unsigned long long)s->serial);
}

static bool is_wanted(const struct conf_pool *conf, enum conf_proxy_tlv tlv)
{
	for (size_t i = 0; i < conf->proxy_tlvs_count; i++)
		if (conf->tlvs[i] == tlv)
			return true;
	return false;
}

static void report_left_out(const struct session *s, unsigned left_out)
{
	size_t count;
	const char *const *words = conf_option_words(CONF_UNIT_proxy_tlv, &count);
	for (size_t i = 0; i < count; i++) {
		struct record r;
		if (!(left_out & 1u << i))
			continue;
		record_init(&r, RECORD_PROXY_HEADER_CUT);
		verdict_describe(s, &r);
		r.pool = s->pool->name;
		r.reason = words[i];
		snprintf(r.message, sizeof(r.message),
			"servers are not told it, because with it the header would be longer than "
			"pools.%s.proxy_header_max",
			s->pool->name);
		s->core->host->report(s->core->host, &r);
	}
}

static size_t add_tlvs(struct session *s, uint8_t out[PROXY_HEADER_WRITE_MAX], size_t length)
{
	const struct conf_pool *conf = session_pool(s)->conf;
	const struct stream_security security = session_security(s);
	char unique_id[INTRODUCE_UNIQUE_MAX] = "";
	unsigned left_out;
	if (is_wanted(conf, CONF_TLV_UNIQUE_ID)) {
		if (!s->serial)
			s->serial = ++s->core->serial;
		write_unique_id(s, unique_id);
	}
	const struct proxy_tlvs tlvs = {
		.wanted = conf->tlvs,
		.count = conf->proxy_tlvs_count,
		.max = conf->proxy_header_max,
		.unique_id = unique_id,
		.authority = security.sni,
		.endpoint = s->endpoint,
		.tls_version = security.version,
		.tls_cipher = security.cipher,
		.certificate = security.certificate,
		.is_resumed = security.is_resumed,
	};
	length = proxy_tlv_append(out, length, &tlvs, &left_out);
	if (left_out)
		report_left_out(s, left_out);
	return length;
}

size_t introduce_preface(struct session *s, uint8_t out[PROXY_HEADER_WRITE_MAX])
{
	const struct conf_pool *conf = session_pool(s)->conf;
	if (conf->proxy_protocol == CONF_SEND_PROXY_OFF)
		return 0;
	struct addr_port source = introduce_source(s);
	unsigned version = conf->proxy_protocol == CONF_SEND_PROXY_V2 ? 2 : 1;
	size_t length = proxy_header_write(out, version, &source, destination(s));
	return version == 2 && conf->proxy_tlvs_count ? add_tlvs(s, out, length) : length;
}

/* --- header lines --- */

void introduce_name_lines(struct introduce_names *names, const struct conf_pool *conf)
{
	const char *name = conf->source_header;
	size_t length = strlen(name);
	bool ends_in_ip = length > 3 && strcasecmp(name + length - 3, "-IP") == 0;
	memset(names, 0, sizeof(*names));
	if (!length || conf->respond)
		return;
	snprintf(names->text[0], INTRODUCE_NAME_MAX, "%s", name);
	snprintf(names->text[1], INTRODUCE_NAME_MAX, "%.*s%s",
		(int)(ends_in_ip ? length - 3 : length), name, ends_in_ip ? "-PORT" : "-Port");
	for (size_t i = 0; i < INTRODUCE_LINES; i++)
		names->list[i] = names->text[i];
}

size_t introduce_lines(const struct session *s, uint8_t out[INTRODUCE_LINES_MAX])
{
	const struct introduce_names *names = &session_pool(s)->names;
	struct addr_port source = introduce_source(s);
	char address[ADDR_TEXT_MAX], text[INTRODUCE_LINES_MAX + 1];
	addr_format(&source.addr, address);
	int length = snprintf(text, sizeof(text), "%s: %s\r\n%s: %u\r\n", names->text[0], address,
		names->text[1], source.port);
	memcpy(out, text, (size_t)length);
	return (size_t)length;
}

bool introduce_is_done(const struct session *s, const uint8_t *message, const struct frame *frame)
{
	const char *name = session_pool(s)->names.list[0];
	struct header_line line;
	return name && frame->has_marked && session_class(s)->keeps_headers &&
	       header_find(message, frame->header_length, name, 0, &line);
}

/* --- the log --- */

void introduce_describe(const struct session *s, struct record *r)
{
	if (!s->pool)
		return;
	if (is_mapped(s)) {
		r->mapped = introduce_source(s).addr;
		r->has |= RECORD_HAS_MAPPED;
	}
	if (s->serial)
		write_unique_id(s, r->unique_id);
}
