/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_sip.c - the lists of the sip group. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SIP(text)    CASE_GOOD "sip: { " text " };"

static void a_scanner_has_a_name_that_not_every_phone_has(void **state)
{
#define PHONES(index, name)                                                             \
	"f:3: sip.scanner_agents[" index "]: \"" name "\" is part of what phones call " \
	"themselves, expected at least 3 letters of a scanner's name\n"
	static const struct conf_case cases[] = {
		{SIP("scanner_agents = [ ];"), "", ""},
		{SIP("scanner_agents = [ \"vax\" ];"), "", ""},
		{SIP("scanner_agents = [ \"\" ];"), PHONES("0", ""), ""},
		{SIP("scanner_agents = [ \"sipcli\", \"a\" ];"), PHONES("1", "a"), ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void what_is_taken_out_is_a_header_that_no_message_needs(void **state)
{
#define STRIP(index, name, what)                                                          \
	"f:3: sip.strip_headers[" index "]: \"" name "\" " what ", expected the name of " \
	"one such as \"X-AUTH-IP\", without a colon\n"
	static const struct conf_case cases[] = {
		{SIP("strip_headers = [ ];"), "", ""},
		{SIP("strip_headers = [ \"P-Asserted-Identity\", \"X-Y\" ];"), "", ""},
		{SIP("strip_headers = [ \"X-AUTH-IP:\" ];"),
			STRIP("0", "X-AUTH-IP:", "is no header"), ""},
		{SIP("strip_headers = [ \"\" ];"), STRIP("0", "", "is no header"), ""},
		{SIP("strip_headers = [ \"X\", \"content-length\", \"V\" ];"),
			STRIP("1", "content-length", "is needed in every message")
				STRIP("2", "V", "is needed in every message"),
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void the_defaults_are_those_of_the_contract(void **state)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(CASE_GOOD, "f", &errors);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->sip.mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->sip.check, CONF_CHECK_FIRST);
	assert_int_equal(c->sip.keepalive, CONF_KEEPALIVE_ANSWER);
	assert_int_equal(c->sip.missing_content_length, CONF_MISSING_REFUSE);
	assert_int_equal(c->sip.strip_headers_count, 3);
	assert_string_equal(c->sip.strip_headers[0], "X-AUTH-IP");
	assert_string_equal(c->sip.strip_headers[1], "X-AUTH-PORT");
	assert_string_equal(c->sip.strip_headers[2], "X-AUTH-Token");
	assert_null(c->sip.strip_headers[3]);
	assert_int_equal(c->sip.max_pending, 32);
	conf_free(c);
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_out_is_a_header_that_no_message_needs),
		cmocka_unit_test(the_defaults_are_those_of_the_contract),
		cmocka_unit_test(a_scanner_has_a_name_that_not_every_phone_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
