/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check_servers.h"
#include "conf/load.h"
#include "conf/option.h"
#include "conf/value.h"

#include <string.h>
#include <strings.h>

enum { STATUS_MIN = 100, STATUS_MAX = 699, STATUS_DIGITS = 3 };

/* --- health --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Three digits from 1xx to 6xx. False: that is none; *text is then where it was. */
static bool read_status(const char **text, unsigned *status)
{
	const char *t = *text;
	*status = 0;
	for (unsigned i = 0; i < STATUS_DIGITS; i++, t++) {
		if (!is_digit(*t))
			return false;
		*status = *status * 10 + (unsigned)(*t - '0');
	}
	if (*status < STATUS_MIN || *status > STATUS_MAX || is_digit(*t))
		return false;
	*text = t;
	return true;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " ");
}

static void set_bits(uint64_t bits[CONF_STATUS_WORDS], unsigned first, unsigned last)
{
	for (unsigned i = first - STATUS_MIN; i <= last - STATUS_MIN; i++)
		bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* "100-407,409-499,501": false for anything else, and for a range that runs backwards. */
static bool read_statuses(const char *text, uint64_t bits[CONF_STATUS_WORDS])
{
	memset(bits, 0, CONF_STATUS_WORDS * sizeof(*bits));
	for (;;) {
		unsigned first, last;
		text = skip_blanks(text);
		if (!read_status(&text, &first))
			return false;
		last = first;
		text = skip_blanks(text);
		if (*text == '-') {
			text = skip_blanks(text + 1);
			if (!read_status(&text, &last) || last < first)
				return false;
			text = skip_blanks(text);
		}
		set_bits(bits, first, last);
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
}

bool conf_health_is_alive(const struct conf_health *h, unsigned status)
{
	unsigned i = status - STATUS_MIN;
	return status >= STATUS_MIN && status <= STATUS_MAX && h->alive_bits[i / 64] >> i % 64 & 1;
}

/* It stands in a request that is written here: nothing in it may end the line or the URI. */
static bool is_uri(const char *uri)
{
	bool is_secure = strncmp(uri, "sips:", 5) == 0;
	const char *rest = uri + (is_secure ? 5 : 4);
	if (!is_secure && strncmp(uri, "sip:", 4) != 0)
		return false;
	for (const char *c = rest; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("<>\"", *c))
			return false;
	return *rest != '\0';
}

static void check_health(struct conf_health *h, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX], a[CONF_VALUE_TEXT_MAX];

	if (conf_place_is_set(&h->at.alive) && !read_statuses(h->alive, h->alive_bits)) {
		conf_path_member(path, parent, "alive");
		conf_errors_add(e, &h->at.alive, path,
			"\"%s\" are no statuses, expected some such as \"100-407,409-499\", each "
			"from 100 to 699",
			conf_value_quote(quoted, h->alive));
	}
	if (conf_place_is_set(&h->at.uri) && *h->uri && !is_uri(h->uri)) {
		conf_path_member(path, parent, "uri");
		conf_errors_add(e, &h->at.uri, path,
			"\"%s\" is no SIP URI, expected one such as \"sip:10.0.1.10:5060\", or "
			"\"\"",
			conf_value_quote(quoted, h->uri));
	}
	if (h->method != CONF_HEALTH_OFF && conf_place_is_set(&h->at.timeout_ms) &&
		conf_place_is_set(&h->at.interval_ms) && h->timeout_ms > h->interval_ms) {
		conf_path_member(path, parent, "timeout");
		conf_errors_add(e, &h->at.timeout_ms, path,
			"it is longer than from one check to the next, expected up to interval, "
			"\"%s\"",
			conf_value_write_duration(a, h->interval_ms));
	}
}

/* --- addresses to connect from --- */

static bool may_reach(const struct conf_pool *p, const struct addr *source)
{
	for (size_t i = 0; i < p->server_count; i++)
		if (!conf_place_is_set(&p->servers[i].at.address) || p->servers[i].address_name ||
			addr_is_ipv4(&p->servers[i].address.addr) == addr_is_ipv4(source))
			return true;
	return p->server_count == 0;
}

static void check_sources(struct conf_pool *p, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	if (!conf_place_is_set(&p->at.source_addresses))
		return;
	conf_path_member(path, parent, "source_addresses");
	for (size_t i = 0; i < p->source_addresses_count; i++) {
		const char *text = p->source_addresses[i];

		if (!addr_parse(&p->sources[i], text) || addr_is_unusable(&p->sources[i]))
			conf_errors_add(e, &p->at.source_addresses, path,
				"\"%s\" is no address to connect from, expected one of this host "
				"such as \"10.0.0.5\"",
				conf_value_quote(quoted, text));
		else if (!may_reach(p, &p->sources[i]))
			conf_errors_add(e, &p->at.source_addresses, path,
				"\"%s\" reaches none of the servers, expected an address of their "
				"family",
				conf_value_quote(quoted, text));
	}
}

static void check_backups(const struct conf_pool *p, const char *path, struct conf_errors *e)
{
	size_t backups = 0;

	for (size_t i = 0; i < p->server_count; i++)
		backups += p->servers[i].is_backup;
	if (p->server_count && backups == p->server_count)
		conf_errors_warn(e, &p->place, path,
			"every server is a backup, so that none is: expected at least one that is "
			"not");
}

/* --- how clients are introduced --- */

static bool read_tlv(const char *text, enum conf_proxy_tlv *out)
{
	size_t count;
	const char *const *words = conf_option_words(CONF_UNIT_proxy_tlv, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0) {
			*out = (enum conf_proxy_tlv)i;
			return true;
		}
	return false;
}

static bool is_named_twice(const struct conf_pool *p, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(p->proxy_tlvs[i], p->proxy_tlvs[j]) == 0)
			return true;
	return false;
}

static void check_tlvs(struct conf_pool *p, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	if (!conf_place_is_set(&p->at.proxy_tlvs))
		return;
	conf_path_member(path, parent, "proxy_tlvs");
	for (size_t i = 0; i < p->proxy_tlvs_count; i++) {
		if (!read_tlv(p->proxy_tlvs[i], &p->tlvs[i]))
			conf_errors_add(e, &p->at.proxy_tlvs, path,
				"\"%s\" is nothing that a header tells, expected some of crc32c, "
				"unique_id, authority, ssl, endpoint",
				conf_value_quote(quoted, p->proxy_tlvs[i]));
		else if (is_named_twice(p, i))
			conf_errors_add(e, &p->at.proxy_tlvs, path,
				"\"%s\" stands there twice, expected it once", p->proxy_tlvs[i]);
	}
	if (p->proxy_tlvs_count && conf_place_is_set(&p->at.proxy_protocol) &&
		p->proxy_protocol != CONF_SEND_PROXY_V2)
		conf_errors_add(e, &p->at.proxy_tlvs, path,
			"only a header of version 2 can tell them, expected proxy_protocol = "
			"\"v2\"");
}

/* What is a name of a header (RFC 3261 section 25.1), and none that means something to SIP itself. */
static bool is_own_header(const char *name)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-.!%*_+`'~";
	static const char *const taken[] = {"Via", "From", "To", "Call-ID", "CSeq", "Contact",
		"Route", "Record-Route", "Path", "Max-Forwards", "Content-Length", "Content-Type",
		"Authorization", "Proxy-Authorization", "Require", "Proxy-Require", "Supported",
		"Expires", "Event", "User-Agent", "Allow", "Subject"};
	if (strspn(name, token) != strlen(name) || strlen(name) < 2)
		return false;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcasecmp(name, taken[i]) == 0)
			return false;
	return true;
}

static void check_introduction(struct conf_pool *p, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	if (!conf_place_is_set(&p->at.source_header))
		return;
	conf_path_member(path, parent, "source_header");
	if (*p->source_header && !is_own_header(p->source_header))
		conf_errors_add(e, &p->at.source_header, path,
			"\"%s\" is no name for a header of our own, expected one such as "
			"\"X-AUTH-IP\"",
			conf_value_quote(quoted, p->source_header));
	if (*p->source_header && p->respond)
		conf_errors_warn(e, &p->at.source_header, path,
			"it means nothing without servers, expected none");
	if (!conf_place_is_set(&p->at.endpoint_source) ||
		!conf_place_is_set(&p->at.proxy_protocol) ||
		p->endpoint_source != CONF_ENDPOINT_MAP || *p->source_header ||
		p->proxy_protocol != CONF_SEND_PROXY_OFF)
		return;
	conf_path_member(path, parent, "endpoint_source");
	conf_errors_warn(e, &p->at.endpoint_source, path,
		"nobody is told the address, expected proxy_protocol or source_header as well");
}

void conf_check_servers(struct conf_pool *p, const char *path, struct conf_errors *e)
{
	char health[CONF_PATH_MAX];

	conf_path_member(health, path, "health");
	check_health(&p->health, health, e);
	check_sources(p, path, e);
	check_backups(p, path, e);
	check_tlvs(p, path, e);
	check_introduction(p, path, e);
}
