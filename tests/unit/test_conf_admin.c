/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_admin.c - what the admin group accepts, and what it refuses with which words. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ADMIN(text)  CASE_GOOD "admin: { " text " };"
#define ADDRESS \
	"expected \"\" for none, or \"ADDRESS:PORT\", an IPv6 address in [ ], PORT 0..65535\n"

static void addresses_trust_and_readiness_are_checked(void **state)
{
	static const struct conf_case cases[] = {
		{ADMIN("http = \"127.0.0.1:9090\"; health = \"[::]:9091\";"
		       " trusted = [ \"10.0.0.0/16\" ]; ready_when = \"serving\";"),
			"", ""},
		{ADMIN("http = \"\"; health = \"\"; trusted = [ ];"), "", ""},
		{ADMIN("http = \"127.0.0.1:0\"; health = \"127.0.0.1:0\";"), "", ""},
		{ADMIN("http = \"9090\";"), "f:3: admin.http: \"9090\" cannot be read, " ADDRESS,
			""},
		{ADMIN("health = 9091;"), "f:3: admin.health: 9091 is a bare number, " ADDRESS, ""},
		{ADMIN("http = \"127.0.0.1:9090\"; health = \"127.0.0.1:9090\";"),
			"f:3: admin.health: \"127.0.0.1:9090\" is taken by admin.http, expected "
			"another\n",
			""},
		{ADMIN("ready_when = \"servers\";"),
			"f:3: admin.ready_when: \"servers\" is not known, expected \"serving\" or "
			"\"backends\"\n",
			""},
		{ADMIN("trusted = [ \"10.0.0.0/16\" ];"), "",
			"f:3: admin.trusted: it means nothing while admin.health is \"\", expected "
			"none\n"},
		{ADMIN("health = \"[::]:9091\"; trusted = [ \"0.0.0.0/1\", \"128.0.0.0/1\" ];"),
			"f:3: admin.trusted: it trusts everybody, expected the networks of the "
			"load balancer, as in [ \"10.0.0.0/16\" ]\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

/* On one line with its group, so that the line alone does not tell. */
static void a_place_tells_whether_its_option_was_written(void **state)
{
	static struct conf_errors errors;
	static const char path[] = "control = \"/run/sipweir/control.sock\";";
	char text[1024];
	(void)state;
	for (int is_written = 0; is_written < 2; is_written++) {
		snprintf(text, sizeof(text), ADMIN("http = \"\"; %s"), is_written ? path : "");
		struct conf *c = conf_load_text(text, "f", &errors);
		assert_non_null(c);
		assert_string_equal(c->admin.control, "/run/sipweir/control.sock");
		assert_int_equal(c->admin.at.control.line, 3);
		assert_int_equal(c->admin.at.control.is_default, !is_written);
		assert_false(c->admin.at.http.is_default);
		assert_false(c->admin.place.is_default);
		conf_free(c);
	}
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_tells_whether_its_option_was_written),
		cmocka_unit_test(addresses_trust_and_readiness_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
