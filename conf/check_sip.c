/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_sip.c - schemes and names of scanners.
 */
#include "conf/check_sip.h"
#include "conf/load.h"
#include "conf/value.h"

#include <string.h>

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
	check_agents(sip, e);
}
