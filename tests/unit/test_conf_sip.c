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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scanner_has_a_name_that_not_every_phone_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
