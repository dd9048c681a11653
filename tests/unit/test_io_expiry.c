/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates that expire: which ones the log is told of, when again, and what is shown of all of them. */
#include "proxy/io/expiry.h"
#include "tests/unit/io_tls_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 24 * 3600, DAY_MS = 1000 * DAY_S, WORKERS = 1 };

/* A server that nobody runs, with a log that is read when it has ended. */
struct stage {
	struct io_place place;
	struct server server;
	char log[96], told[8192];
};

static void write_certificate(struct stage *s, const char *file, const char *name, long until_s)
{
	struct io_identity i = io_identity_new(&(struct io_identity_plan){
		.name = name, .from_s = -40L * DAY_S, .until_s = until_s});
	io_place_identity(&s->place, file, &i, 3, NULL);
	io_identity_free(&i);
}

/* A good one with an authority in its chain that is not. */
static void write_chain(struct stage *s, const char *file, const char *name, long until_s)
{
	struct io_identity ca = io_identity_new(&(struct io_identity_plan){
		.name = "CA", .is_ca = true, .from_s = -40L * DAY_S, .until_s = until_s});
	struct io_identity i =
		io_identity_new(&(struct io_identity_plan){.name = name, .issuer = &ca});
	io_place_identity(&s->place, file, &i, 3, (const struct io_identity *[]){&ca, NULL});
	io_identity_free(&i);
	io_identity_free(&ca);
}

static void begin(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	io_place_begin(&s->place);
	snprintf(s->log, sizeof(s->log), "%s/log", s->place.folder);
}

#define CERTIFICATE(file) "{ certificate = \"%1$s/" file "\"; }"

/* `certificates` of the one listener; the pool shows its servers client.pem. "%1$s" is the folder. */
static void serve(struct stage *s, const char *certificates)
{
	static struct conf_errors errors;
	char text[2048], all[4096];
	struct server *server = &s->server;
	snprintf(all, sizeof(all),
		"log: { target = \"%%1$s/log\"; format = \"text\"; };\n"
		"listeners = ( { name = \"in\"; address = \"127.0.0.1:0\"; pool = \"out\";\n"
		"transport = \"tls\"; tls: { certificates = ( %s ); }; } );\n"
		"pools = ( { name = \"out\"; servers = ( { name = \"s\"; address = "
		"\"192.0.2.1:5061\"; transport = \"tls\"; } );\n"
		"tls: { certificate = \"%%1$s/client.pem\"; }; } );\n",
		certificates);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), all, s->place.folder);
#pragma GCC diagnostic pop
	struct conf *conf = conf_load_text(text, "test", &errors);
	conf_errors_print(&errors.errors, "", stderr);
	assert_non_null(conf);
	const struct shared_setup setup = {
		.limits = &conf->limits, .capacity = 10, .workers = WORKERS};
	assert_true(shared_init(&server->shared, &setup));
	server->world = (struct plan_world){&server->shared, s->place.world};
	server->plan = plan_new(&server->world, conf, NULL, &errors);
	assert_non_null(server->plan);
	assert_true(plan_secure(server->plan, NULL, &errors));
	settings_publish(&server->shared, server->plan->settings);
	server->log = log_new(&conf->log, WORKERS, &errors);
	assert_non_null(server->log);
	server->lane = log_lane(server->log, 0);
	server->workers = calloc(WORKERS, sizeof(*server->workers));
	assert_non_null(server->workers);
	server->inspector.shared = &server->shared;
	server->inspector.workers = server->workers;
	server->inspector.log = server->log;
	conf_errors_fini(&errors);
}

/* All that the log was told. */
static const char *finish_log(struct stage *s)
{
	FILE *file = fopen(s->log, "r");
	assert_non_null(file);
	log_free(s->server.log);
	size_t length = fread(s->told, 1, sizeof(s->told) - 1, file);
	fclose(file);
	s->told[length] = '\0';
	s->server.log = NULL;
	return s->told;
}

static void end(struct stage *s)
{
	log_free(s->server.log);
	free(s->server.workers);
	plan_free(s->server.plan, NULL);
	shared_fini(&s->server.shared);
	io_place_end(&s->place);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void those_that_have_less_than_14_days_left_are_told_with_the_cure(void **state)
{
	struct stage s;
	(void)state;
	begin(&s);
	write_certificate(&s, "far.pem", "far.example", 14L * DAY_S + 600);
	write_certificate(&s, "near.pem", "near.example", 14L * DAY_S - 600);
	write_certificate(&s, "today.pem", "today.example", 5L * 3600 + 600);
	write_certificate(&s, "old.pem", "old.example", -3L * DAY_S - 600);
	write_chain(&s, "chain.pem", "chain.example", 119);
	write_certificate(&s, "client.pem", "client.example", 2L * DAY_S + 600);
	serve(&s, CERTIFICATE("far.pem") "," CERTIFICATE("near.pem") "," CERTIFICATE(
			  "today.pem") "," CERTIFICATE("old.pem") "," CERTIFICATE("chain.pem"));
	expiry_tell(&s.server);
	const char *told = finish_log(&s);
#define CURE	    "replace its file, then reload\"\n"
#define OF(name)    "message=\"certificate " name ", or one of its chain, "
#define OF_LISTENER "level=warning event=tls.expiring listener=in "
	assert_int_equal(count(told, "\n"), 5);
	assert_int_equal(
		count(told, OF_LISTENER OF("near.example") "expires in 13 days: " CURE), 1);
	assert_int_equal(
		count(told, OF_LISTENER OF("today.example") "expires in 5 hours: " CURE), 1);
	assert_int_equal(count(told, OF_LISTENER OF("old.example") "expired 3 days ago: " CURE), 1);
	assert_int_equal(count(told, OF_LISTENER OF("chain.example") "expires in 11"), 1);
	assert_int_equal(count(told, " seconds: "), 1);
	assert_int_equal(count(told, "event=tls.expiring pool=out " OF(
					     "client.example") "expires in 2 days: " CURE),
		1);
	end(&s);
}

static void they_are_told_again_once_a_day(void **state)
{
	struct stage s;
	(void)state;
	begin(&s);
	write_certificate(&s, "near.pem", "near.example", DAY_S);
	write_certificate(&s, "client.pem", "client.example", 100L * DAY_S);
	serve(&s, CERTIFICATE("near.pem"));
	expiry_tell(&s.server);
	for (int i = 0; i < 3; i++)
		assert_in_range(expiry_go_on(&s.server), DAY_MS - 60000, DAY_MS);
	s.server.expiry_at_ms = server_now_ms() + 5000;
	assert_in_range(expiry_go_on(&s.server), 1, 5000);
	s.server.expiry_at_ms = server_now_ms();
	assert_in_range(expiry_go_on(&s.server), DAY_MS - 60000, DAY_MS);
	assert_in_range(expiry_go_on(&s.server), DAY_MS - 60000, DAY_MS);
	assert_int_equal(count(finish_log(&s), "near.example"), 2);
	end(&s);
}

static const struct inspect_certificate *find(const struct inspection *all, const char *name)
{
	for (size_t i = 0; i < all->certificate_count; i++)
		if (!strcmp(all->certificates[i].name, name))
			return &all->certificates[i];
	fail_msg("%s is not there", name);
	return NULL;
}

static void each_of_a_listener_is_shown_with_what_is_left(void **state)
{
	struct stage s;
	(void)state;
	begin(&s);
	write_certificate(&s, "far.pem", "Far.example", 400L * DAY_S);
	write_certificate(&s, "old.pem", "old.example", -DAY_S);
	write_certificate(&s, "odd.pem", "\xc3\xa4\tb", DAY_S);
	write_certificate(&s, "client.pem", "client.example", DAY_S);
	serve(&s, CERTIFICATE("far.pem") "," CERTIFICATE("old.pem") "," CERTIFICATE("odd.pem"));
	struct inspection *all = inspect_take(&s.server.inspector);
	assert_non_null(all);
	assert_int_equal(all->certificate_count, 3);
	assert_string_equal(find(all, "far.example")->listener, "in");
	assert_in_range(find(all, "far.example")->left_s, 400L * DAY_S - 60, 400L * DAY_S);
	assert_int_equal(find(all, "old.example")->left_s, 0);
	assert_in_range(find(all, "???b")->left_s, 1, DAY_S);
	inspect_free(all);
	end(&s);
}

static void of_two_for_one_name_the_earlier_counts(void **state)
{
	struct stage s;
	(void)state;
	begin(&s);
	write_certificate(&s, "late.pem", "a.example", 300L * DAY_S);
	write_certificate(&s, "soon.pem", "a.example", 200L * DAY_S);
	write_certificate(&s, "later.pem", "a.example", 400L * DAY_S);
	write_certificate(&s, "client.pem", "client.example", DAY_S);
	serve(&s, CERTIFICATE("late.pem") "," CERTIFICATE("soon.pem") "," CERTIFICATE("later.pem"));
	struct inspection *all = inspect_take(&s.server.inspector);
	assert_non_null(all);
	assert_int_equal(all->certificate_count, 1);
	assert_in_range(all->certificates[0].left_s, 200L * DAY_S - 60, 200L * DAY_S);
	inspect_free(all);
	end(&s);
}

/* New connections are given none of it. */
static void what_a_reload_has_removed_is_neither_told_nor_shown(void **state)
{
	struct stage s;
	(void)state;
	begin(&s);
	write_certificate(&s, "near.pem", "near.example", DAY_S);
	write_certificate(&s, "client.pem", "client.example", DAY_S);
	serve(&s, CERTIFICATE("near.pem"));
	s.server.plan->settings->listeners[0].is_retired = true;
	s.server.plan->settings->pools[0].is_retired = true;
	expiry_tell(&s.server);
	struct inspection *all = inspect_take(&s.server.inspector);
	assert_non_null(all);
	assert_int_equal(all->certificate_count, 0);
	inspect_free(all);
	assert_string_equal(finish_log(&s), "");
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_have_less_than_14_days_left_are_told_with_the_cure),
		cmocka_unit_test(they_are_told_again_once_a_day),
		cmocka_unit_test(each_of_a_listener_is_shown_with_what_is_left),
		cmocka_unit_test(of_two_for_one_name_the_earlier_counts),
		cmocka_unit_test(what_a_reload_has_removed_is_neither_told_nor_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
