/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_classes.c - what a class may say, beside others, beside deny, and at which listeners. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define LIMITS(text)  CASE_GOOD "limits: {\n" text "\n};"
/* On a line of its own: line 5. */
#define CLASS(text)   LIMITS("classes = (\n{ name = \"c\"; " text " } );")
#define CLASSES(a, b) LIMITS("classes = (\n{ name = \"a\"; " a " },\n{ name = \"b\"; " b " } );")
#define NET(text)     "networks = [ \"" text "\" ];"

/* Three listeners: "l" and "m" look at no certificates, "s" does. */
#define THREE(text)                                                                              \
	CASE_POOL                                                                                \
	"listeners = ( { name = \"l\"; address = \"127.0.0.1:1\"; pool = \"p\"; }, { name = "    \
	"\"m\"; address = \"127.0.0.1:2\"; pool = \"p\"; }, { name = \"s\"; address = "          \
	"\"127.0.0.1:3\"; pool = \"p\"; transport = \"tls\"; tls: { certificates = ( { "         \
	"certificate = \"/a\"; } ); client_ca = \"/a\"; verify_client = \"optional\"; }; } );\n" \
	"limits: { classes = (\n" text " ); };"

static void each_way_into_a_class_is_enough(void **state)
{
	static const struct conf_case cases[] = {
		{CLASS(NET("192.0.2.1")), "", ""},
		{CLASS("files = ( { path = \"/list\"; } );"), "", ""},
		{CLASS("endpoints = [ \"vpce-1\" ];"), "", ""},
		{CLASS("listeners = [ \"l\" ];"), "", ""},
		{THREE("{ name = \"c\"; certificate_names = [ \"trunk.example.com\" ]; }"), "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_class_that_could_not_be_read_is_not_taken_for_an_empty_one(void **state)
{
	static const struct conf_case cases[] = {
		{CLASS(NET("192.0.2.1/24")),
			"f:5: limits.classes.c.networks[0]: \"192.0.2.1/24\" is no network, "
			"expected an address, or a network such as \"192.0.2.0/24\" without bits "
			"behind its prefix\n",
			""},
		{CLASS("files = ( { path = \"list\"; } );"),
			"f:5: limits.classes.c.files[0].path: \"list\" is no absolute path, "
			"expected an absolute path of up to 4095 bytes\n",
			""},
		{LIMITS("classes = (\n5 );"),
			"f:5: limits.classes[0]: it is a bare number, expected a group { }\n", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void nobody_is_in_a_class_by_an_empty_name(void **state)
{
	static const struct conf_case cases[] = {
		{CLASS("endpoints = [ \"\" ];"),
			"f:5: limits.classes.c.endpoints: \"\" is nobody, expected what the client "
			"or its load balancer shows\n",
			""},
		{THREE("{ name = \"c\"; certificate_names = [ \"a\", \"\" ]; }"),
			"f:4: limits.classes.c.certificate_names: \"\" is nobody, expected what "
			"the client or its load balancer shows\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void certificate_names_need_a_listener_of_the_class_that_asks_for_certificates(void **state)
{
#define NO_LISTENER                                                                          \
	"f:4: limits.classes.c.certificate_names: no listener asks for the certificates of " \
	"clients, expected verify_client = \"optional\" or \"require\" in the tls of one\n"
	static const struct conf_case cases[] = {
		{THREE("{ name = \"c\"; certificate_names = [ \"a\" ]; listeners = [ \"s\" ]; }"),
			"", ""},
		{THREE("{ name = \"c\"; certificate_names = [ \"a\" ]; listeners = [ \"l\" ]; }"),
			NO_LISTENER, ""},
		{THREE("{ name = \"c\"; certificate_names = [ \"a\" ]; listeners = [ \"l\" ]; " NET(
			 "192.0.2.1") " }"),
			"", NO_LISTENER},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void limits_beside_deny_mean_nothing(void **state)
{
#define IDLE(name)                                                                     \
	"f:5: limits.classes.c." name ": it means nothing where deny lets nobody in, " \
	"expected none\n"
	static const struct conf_case cases[] = {
		{CLASS("deny = true; " NET("192.0.2.1") " connections = 5; mode = \"observe\";"),
			"", IDLE("mode") IDLE("connections")},
		{CLASS("deny = true; " NET("192.0.2.1") " total_connections = 5; reserved = 1;"),
			"", IDLE("total_connections") IDLE("reserved")},
		{CLASS("deny = true; " NET("192.0.2.1") " subnet: { connections = 1; }; timeouts: "
							"{ idle = \"5s\"; };"),
			"", IDLE("subnet.connections") IDLE("timeouts.idle")},
		/* How they are refused is another matter. */
		{CLASS("deny = true; " NET("192.0.2.1") " action = \"tarpit\"; tarpit = \"1s\";"),
			"", ""},
		{CLASS("deny = true; " NET(
			 "192.0.2.1") " action = \"refuse\"; refuse_status = 403; "
				      "retry_after = \"5s\";"),
			"", ""},
		/* What limits say was meant for others. */
		{LIMITS("connections = 5;\nclasses = ( { name = \"c\"; deny = true; " NET(
			 "192.0.2.1") " } );"),
			"", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

#define VAST                                                                                     \
	"f:5: limits.classes.c.networks: more is denied than anybody means, expected at most a " \
	"/8 of IPv4 and a /16 of IPv6 in all\n"

static void no_more_is_denied_than_anybody_means(void **state)
{
	static const struct conf_case cases[] = {
		{CLASS("deny = true; " NET("10.0.0.0/8")), "", ""},
		{CLASS("deny = true; " NET("10.0.0.0/7")), VAST, ""},
		{CLASS("deny = true; " NET("0.0.0.0/0")), VAST, ""},
		{CLASS("deny = true; " NET("2001::/16")), "", ""},
		{CLASS("deny = true; " NET("2000::/15")), VAST, ""},
		{CLASS("deny = true; " NET("::/0")), VAST, ""},
		/* In sum, and what is in another counts once. */
		{CLASS("deny = true; networks = [ \"10.0.0.0/9\", \"10.128.0.0/9\" ];"), "", ""},
		{CLASS("deny = true; networks = [ \"10.0.0.0/8\", \"10.1.0.0/16\" ];"), "", ""},
		{CLASS("deny = true; networks = [ \"10.0.0.0/9\", \"12.0.0.0/9\", \"14.0.0.0/32\" "
		       "];"),
			VAST, ""},
		{CLASS("deny = true; networks = [ \"10.0.0.0/8\", \"2001::/16\" ];"), "", ""},
		/* Who is let in may be everybody. */
		{CLASS(NET("0.0.0.0/0")), "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_network_in_two_classes_is_told_with_the_one_that_wins(void **state)
{
#define WINS(line, later, first)                                                           \
	"f:" line ": limits.classes." later ".networks: 192.0.2.0/24 is in class \"" first \
	"\" already, which comes first and wins, expected it in one of them\n"
	static const struct conf_case cases[] = {
		{CLASSES(NET("192.0.2.0/24"), NET("192.0.2.0/24")), "", WINS("6", "b", "a")},
		{CLASSES(NET("192.0.2.0/24"), NET("192.0.2.0/25")), "", ""},
		{CLASS("networks = [ \"192.0.2.0/24\", \"192.0.2.0/24\" ];"), "", ""},
		/* The first does not have it everywhere. */
		{THREE("{ name = \"a\"; listeners = [ \"l\" ]; " NET(
			 "192.0.2.0/24") " }, { name = \"b\"; " NET("192.0.2.0/24") " }"),
			"", ""},
		{THREE("{ name = \"a\"; listeners = [ \"l\", \"m\" ]; " NET(
			 "192.0.2.0/24") " },\n{ name = \"b\"; listeners = [ \"m\" "
					 "]; " NET("192.0.2.0/"
						   "24") " }"),
			"", WINS("5", "b", "a")},
		{THREE("{ name = \"a\"; listeners = [ \"l\" ]; " NET(
			 "192.0.2.0/24") " },\n{ name = \"b\"; listeners = [ \"m\" "
					 "]; " NET("192.0.2.0/"
						   "24") " }"),
			"", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void numbers_that_can_never_be_reached_are_told(void **state)
{
	static const struct conf_case cases[] = {
		{CLASS(NET("192.0.2.1") " connections = 50; subnet: { connections = 20; };"), "",
			"f:5: limits.classes.c.subnet.connections: 20 are fewer than connections "
			"allows to one source of the subnet, 50\n"},
		{CLASS(NET("192.0.2.1") " connections = 0; subnet: { connections = 20; };"), "",
			"f:5: limits.classes.c.subnet.connections: 20 are fewer than connections "
			"allows to one source of the subnet, 0\n"},
		{LIMITS("connections = 10; subnet: { connections = 100; };\nclasses = ( { name = "
			"\"c\"; connections = 500; " NET("192.0.2.1") " } );"),
			"",
			"f:5: limits.classes.c.subnet.connections: 100 are fewer than connections "
			"allows to one source of the subnet, 500\n"},
		{LIMITS("connections = 10; subnet: { connections = 100; };\nclasses = ( { name = "
			"\"c\"; " NET("192.0.2.1") " } );"),
			"", ""},
		/* Nobody has named the 1024. */
		{CLASS(NET("192.0.2.1") " total_connections = 100;"), "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_refusal_has_a_status_that_says_all_by_itself(void **state)
{
#define STATUS(line, path, status)                                                           \
	"f:" line ": " path ": " status " needs a header that is not written, or speaks of " \
	"what a refused client does not have, expected a status that says all by itself, "   \
	"such as 403, 480, 486, 503 or 603\n"
	static const struct conf_case cases[] = {
		{LIMITS("refuse_status = 403;"), "", ""},
		{LIMITS("refuse_status = 603;"), "", ""},
		{LIMITS("refuse_status = 401;"), STATUS("4", "limits.refuse_status", "401"), ""},
		{CLASS(NET("192.0.2.1") " refuse_status = 481;"),
			STATUS("5", "limits.classes.c.refuse_status", "481"), ""},
		/* Once, and not in each class that has it from there. */
		{LIMITS("refuse_status = 407;\nclasses = ( { name = \"c\"; " NET(
			 "192.0.2.1") " } );"),
			STATUS("4", "limits.refuse_status", "407"), ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void an_option_of_limits_that_was_refused_is_nothing_to_compare_with(void **state)
{
	static const struct conf_case cases[] = {
		{LIMITS("connections = -1;\nclasses = ( { name = \"c\"; " NET(
			 "192.0.2.1") " subnet: { connections = 5; }; } );"),
			"f:4: limits.connections: -1 is out of range, expected a whole number "
			"0..1000000\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void the_prefixes_of_a_subnet_follow_those_of_a_source_unless_they_are_named(void **state)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(
		CASE_GOOD "limits: { ipv4_prefix = 20; ipv6_prefix = 40; };", "f", &errors);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->limits.subnet.ipv4_prefix, 20);
	assert_int_equal(c->limits.subnet.ipv6_prefix, 40);
	conf_free(c);
	c = conf_load_text(CASE_GOOD "limits: { ipv4_prefix = 28; };", "f", &errors);
	assert_non_null(c);
	assert_int_equal(c->limits.subnet.ipv4_prefix, 24);
	conf_free(c);
	assert_null(conf_load_text(CASE_GOOD
		"limits: { ipv6_prefix = 40; subnet: { ipv6_prefix = 48; }; };",
		"f", &errors));
	assert_non_null(strstr(errors.errors.kept[0].text,
		"f:3: limits.subnet.ipv6_prefix: 48 bits are less than one source"));
	conf_errors_fini(&errors);
}

static void a_longest_ban_below_the_first_one_is_refused_where_it_was_written(void **state)
{
	static const struct conf_case cases[] = {
		{LIMITS("penalty: {\nban_max = \"5m\"; };"),
			"f:5: limits.penalty.ban_for: \"10m\" is more than limits.penalty.ban_max, "
			"\"5m\", expected at most that\n",
			""},
		{LIMITS("penalty: { ban_max = \"5m\"; ban_for = \"5m\"; };"), "", ""},
		{LIMITS("penalty: { ban_max = \"30d\"; ban_for = \"30d\"; };"), "", ""},
		{LIMITS("penalty: { ban_max = \"31d\"; };"),
			"f:4: limits.penalty.ban_max: \"31d\" is out of range, expected a duration "
			"\"1s\"..\"30d\" in whole seconds\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_into_a_class_is_enough),
		cmocka_unit_test(a_class_that_could_not_be_read_is_not_taken_for_an_empty_one),
		cmocka_unit_test(nobody_is_in_a_class_by_an_empty_name),
		cmocka_unit_test(
			certificate_names_need_a_listener_of_the_class_that_asks_for_certificates),
		cmocka_unit_test(limits_beside_deny_mean_nothing),
		cmocka_unit_test(no_more_is_denied_than_anybody_means),
		cmocka_unit_test(a_network_in_two_classes_is_told_with_the_one_that_wins),
		cmocka_unit_test(numbers_that_can_never_be_reached_are_told),
		cmocka_unit_test(a_refusal_has_a_status_that_says_all_by_itself),
		cmocka_unit_test(an_option_of_limits_that_was_refused_is_nothing_to_compare_with),
		cmocka_unit_test(
			the_prefixes_of_a_subnet_follow_those_of_a_source_unless_they_are_named),
		cmocka_unit_test(a_longest_ban_below_the_first_one_is_refused_where_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
