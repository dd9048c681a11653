/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_sip.c - schemes, headers and names of scanners.
 */
#include "conf/check_sip.h"
#include "conf/load.h"
#include "conf/value.h"

#include <string.h>
#include <strings.h>

/* RFC 3986 section 3.1. */
static bool is_scheme(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-.";

	return strspn(text, allowed) == strlen(text) && strspn(text, allowed + 52) == 0 && text[0];
}

static void check_schemes(const struct conf_sip *sip, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	for (size_t i = 0; i < sip->schemes_count; i++) {
		if (is_scheme(sip->schemes[i]))
			continue;
		conf_path_element(path, "sip.schemes", NULL, i);
		conf_errors_add(e, &sip->at.schemes, path,
			"\"%s\" is no scheme, expected one such as \"sip\", without a colon",
			conf_value_quote(quoted, sip->schemes[i]));
	}
}

/* RFC 3261 section 25.1, token. */
static bool is_header(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.!%*_+`'~";

	return *text && text[strspn(text, allowed)] == '\0';
}

/* Without these no message is one (RFC 3261 sections 8.1.1 and 18.3), in full and in their short forms (section 7.3.3). */
static bool is_needed(const char *text)
{
	static const char *const names[] = {"Via", "v", "From", "f", "To", "t", "Call-ID", "i",
		"CSeq", "Max-Forwards", "Content-Length", "l"};
	bool found = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found = found || strcasecmp(text, names[i]) == 0;
	return found;
}

static void check_headers(const struct conf_sip *sip, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	for (size_t i = 0; i < sip->strip_headers_count; i++) {
		const char *name = sip->strip_headers[i];
		const char *what = is_needed(name) ? "is needed in every message" : "is no header";

		if (is_header(name) && !is_needed(name))
			continue;
		conf_path_element(path, "sip.strip_headers", NULL, i);
		conf_errors_add(e, &sip->at.strip_headers, path,
			"\"%s\" %s, expected the name of one such as \"X-AUTH-IP\", without a "
			"colon",
			conf_value_quote(quoted, name), what);
	}
}

/* One or two letters are in the name of every second phone, and none at all in every name. */
static void check_agents(const struct conf_sip *sip, struct conf_errors *e)
{
	enum { TELLING = 3 };
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	for (size_t i = 0; i < sip->scanner_agents_count; i++) {
		if (strlen(sip->scanner_agents[i]) >= TELLING)
			continue;
		conf_path_element(path, "sip.scanner_agents", NULL, i);
		conf_errors_add(e, &sip->at.scanner_agents, path,
			"\"%s\" is part of what phones call themselves, expected at least %d "
			"letters of a scanner's name",
			conf_value_quote(quoted, sip->scanner_agents[i]), TELLING);
	}
}

void conf_check_sip(const struct conf_sip *sip, struct conf_errors *e)
{
	check_schemes(sip, e);
	check_headers(sip, e);
	check_agents(sip, e);
}
