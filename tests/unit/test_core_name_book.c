/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core_name_book.c - which server objects the answers of a resolver become. */
#include "proxy/core/name_book.h"
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct conf_server host = {.name = "k", .address_name = "sip.test:5060"};
static const struct conf_server service = {.name = "k", .address_name = "_sip._tcp.sip.test"};

static struct conf_pool pool_of(enum conf_resolve resolve)
{
	return (struct conf_pool){.name = "p", .resolve = resolve};
}

/* Numbers with a bit in *context have somebody connected. */
static bool is_busy(void *context, const struct name_entry *e, uint16_t number)
{
	const uint64_t *busy = context;
	(void)e;
	return number < 64 && *busy >> number & 1;
}

/* "10.0.0.1:5060 p10 w5, ..." as answers; take them. */
static bool take(struct name_entry *e, const char *text, uint64_t busy)
{
	struct name_answer answers[NAME_ANSWERS_MAX + 40];
	size_t count = 0;
	char copy[4096], *rest = copy, *one;
	snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, ","))) {
		char address[ADDR_PORT_TEXT_MAX];
		unsigned priority = 0, weight = 1;
		assert_true(sscanf(one, " %53s p%u w%u", address, &priority, &weight) >= 1);
		answers[count] = (struct name_answer){
			.priority = (uint16_t)priority, .weight = (uint16_t)weight};
		assert_true(addr_port_parse(&answers[count++].address, address));
	}
	return name_entry_take(e, answers, count, is_busy, &busy);
}

/* "k/1 10.0.0.1:5060 w5 t0; ..." */
static void assert_servers(const struct name_entry *e, const char *expected)
{
	char text[4096] = "";
	size_t length = 0;
	for (size_t i = 0; i < e->count; i++) {
		char object[NAME_OBJECT_MAX], address[ADDR_PORT_TEXT_MAX];
		name_entry_object(e, &e->servers[i], object);
		addr_port_format(&e->servers[i].address, address);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s %s w%u t%u",
			i ? "; " : "", object, address, e->servers[i].weight, e->servers[i].tier);
	}
	assert_string_equal(text, expected);
}

static void one_server_keeps_its_address_while_that_is_among_them(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_ONE);
	struct name_entry *e = name_book_entry(&book, &pool, &host);
	(void)state;
	assert_true(take(e, "10.0.0.2:5060, 10.0.0.1:5060", 0));
	assert_servers(e, "k 10.0.0.2:5060 w1 t0");
	assert_false(take(e, "10.0.0.1:5060, 10.0.0.2:5060", 0));
	assert_servers(e, "k 10.0.0.2:5060 w1 t0");
	assert_true(take(e, "10.0.0.3:5060, 10.0.0.1:5060", 0));
	assert_servers(e, "k 10.0.0.3:5060 w1 t0");
	name_book_fini(&book);
}

static void an_address_that_stays_keeps_its_object(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_ADDRESS);
	struct name_entry *e = name_book_entry(&book, &pool, &host);
	(void)state;
	assert_true(take(e, "10.0.0.1:5060, 10.0.0.2:5060, 10.0.0.3:5060", 0));
	assert_servers(
		e, "k/1 10.0.0.1:5060 w1 t0; k/2 10.0.0.2:5060 w1 t0; k/3 10.0.0.3:5060 w1 t0");
	assert_false(take(e, "10.0.0.3:5060, 10.0.0.1:5060, 10.0.0.2:5060", 0));
	assert_true(take(e, "10.0.0.3:5060, 10.0.0.1:5060", 0));
	assert_servers(e, "k/1 10.0.0.1:5060 w1 t0; k/3 10.0.0.3:5060 w1 t0");
	assert_true(take(e, "10.0.0.4:5060, 10.0.0.3:5060, 10.0.0.1:5060", 0));
	assert_servers(
		e, "k/1 10.0.0.1:5060 w1 t0; k/2 10.0.0.4:5060 w1 t0; k/3 10.0.0.3:5060 w1 t0");
	name_book_fini(&book);
}

/* Else those who are connected to the old address would be taken for clients of the new one, and never be drained. */
static void a_number_is_free_when_nobody_is_connected(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_ADDRESS);
	struct name_entry *e = name_book_entry(&book, &pool, &host);
	(void)state;
	take(e, "10.0.0.1:5060, 10.0.0.2:5060", 0);
	assert_true(take(e, "10.0.0.3:5060, 10.0.0.4:5060", 1 << 1 | 1 << 2 | 1 << 4));
	assert_servers(e, "k/3 10.0.0.3:5060 w1 t0; k/5 10.0.0.4:5060 w1 t0");
	/* Also not at the very moment of the change, when those who will be drained may not be counted yet. */
	assert_true(take(e, "10.0.0.5:5060", 0));
	assert_servers(e, "k/1 10.0.0.5:5060 w1 t0");
	name_book_fini(&book);
}

static void priorities_are_tiers_and_weights_shares(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_SRV);
	struct name_entry *e = name_book_entry(&book, &pool, &service);
	(void)state;
	assert_true(take(e,
		"10.0.0.1:5060 p20 w0, 10.0.0.2:5061 p10 w60, 10.0.0.3:5060 p10 w20, "
		"10.0.0.4:5060 p65535 w65535",
		0));
	assert_servers(e, "k/1 10.0.0.1:5060 w1 t1; k/2 10.0.0.2:5061 w60 t0; "
			  "k/3 10.0.0.3:5060 w20 t0; k/4 10.0.0.4:5060 w65535 t2");
	assert_true(take(e, "10.0.0.1:5060 p20 w0, 10.0.0.4:5060 p30 w65535", 0));
	assert_servers(e, "k/1 10.0.0.1:5060 w1 t0; k/4 10.0.0.4:5060 w65535 t1");
	name_book_fini(&book);
}

static void what_was_said_twice_counts_once(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_SRV);
	struct name_entry *e = name_book_entry(&book, &pool, &service);
	(void)state;
	take(e, "10.0.0.1:5060 p20 w1, 10.0.0.1:5060 p10 w2, 10.0.0.1:5061 p10 w3", 0);
	assert_servers(e, "k/1 10.0.0.1:5060 w2 t0; k/2 10.0.0.1:5061 w3 t0");
	name_book_fini(&book);
}

static void no_more_are_taken_than_there_is_room_for(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_ADDRESS);
	struct name_entry *e = name_book_entry(&book, &pool, &host);
	char text[4096];
	size_t length = 0;
	(void)state;
	for (unsigned i = 0; i < NAME_ANSWERS_MAX + 30; i++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length, "%s10.0.%u.1:5060", i ? ", " : "", i);
	assert_true(take(e, text, 0));
	assert_int_equal(e->count, NAME_ANSWERS_MAX);
	name_book_fini(&book);
}

static void an_entry_is_of_one_name_alone(void **state)
{
	struct name_book book = {0};
	struct conf_pool one = pool_of(CONF_RESOLVE_ONE), all = pool_of(CONF_RESOLVE_ADDRESS);
	struct conf_server other = host;
	(void)state;
	other.address_name = "sip.test:5061";
	struct name_entry *e = name_book_entry(&book, &one, &host);
	assert_ptr_equal(name_book_entry(&book, &one, &host), e);
	assert_ptr_equal(name_book_find(&book, &one, &host), e);
	assert_null(name_book_find(&book, &all, &host));
	assert_null(name_book_find(&book, &one, &other));
	assert_string_equal(name_entry_identity(e), "sip.test");
	struct conf_pool srv = pool_of(CONF_RESOLVE_SRV);
	assert_string_equal(
		name_entry_identity(name_book_entry(&book, &srv, &service)), "sip.test");
	name_book_fini(&book);
}

/* Whatever is answered: no address twice, no number twice, and who stays keeps his. */
static void random_answers_keep_the_rules(void **state)
{
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_ADDRESS);
	struct name_entry *e = name_book_entry(&book, &pool, &host);
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 5000; round++) {
		struct name_entry before = *e;
		char text[512];
		size_t length = 0;
		unsigned count = 1 + (unsigned)rand() % 8;
		for (unsigned i = 0; i < count; i++)
			length += (size_t)snprintf(text + length, sizeof(text) - length,
				"%s10.0.0.%u:5060", i ? ", " : "", 1 + (unsigned)rand() % 12);
		take(e, text, (uint64_t)rand());
		for (size_t i = 0; i < e->count; i++) {
			const struct name_server *s = &e->servers[i];
			assert_in_range(s->number, 1, NAME_NUMBERS_MAX);
			assert_true(!i || s->number > e->servers[i - 1].number);
			for (size_t j = 0; j < i; j++)
				assert_false(
					addr_equal(&s->address.addr, &e->servers[j].address.addr));
			for (size_t j = 0; j < before.count; j++)
				if (addr_equal(&before.servers[j].address.addr, &s->address.addr))
					assert_int_equal(s->number, before.servers[j].number);
		}
	}
	name_book_fini(&book);
}

static bool is_within(const struct name_entry *e, const char *const *addresses, size_t count)
{
	struct name_answer answers[4];
	for (size_t i = 0; i < count; i++)
		assert_true(addr_port_parse(&answers[i].address, addresses[i]));
	return name_entry_is_within(e, answers, count);
}

static void what_takes_nothing_away_is_told_from_what_does(void **state)
{
	static const char *const all[] = {"10.0.0.3:5060", "10.0.0.2:5060", "10.0.0.1:5060"};
	static const char *const other[] = {"10.0.0.1:5060", "10.0.0.2:5061"};
	struct name_book book = {0};
	struct conf_pool pool = pool_of(CONF_RESOLVE_ADDRESS);
	struct name_entry *e = name_book_entry(&book, &pool, &host);
	(void)state;
	assert_true(is_within(e, all, 0));
	take(e, "10.0.0.1:5060, 10.0.0.2:5060", 0);
	assert_true(is_within(e, all, 3));
	assert_true(is_within(e, all + 1, 2));
	assert_false(is_within(e, all, 2));
	assert_false(is_within(e, other, 2));
	assert_false(is_within(e, all, 0));
	name_book_fini(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_server_keeps_its_address_while_that_is_among_them),
		cmocka_unit_test(an_address_that_stays_keeps_its_object),
		cmocka_unit_test(a_number_is_free_when_nobody_is_connected),
		cmocka_unit_test(priorities_are_tiers_and_weights_shares),
		cmocka_unit_test(what_was_said_twice_counts_once),
		cmocka_unit_test(no_more_are_taken_than_there_is_room_for),
		cmocka_unit_test(an_entry_is_of_one_name_alone),
		cmocka_unit_test(what_takes_nothing_away_is_told_from_what_does),
		cmocka_unit_test(random_answers_keep_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
