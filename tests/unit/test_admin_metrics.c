/* SPDX-License-Identifier: BSD-2-Clause */
/* The page of numbers, from an inspection made by hand: every line of it, and what happens when it does not fit. */
#include "admin/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIST(name, ...)                                              \
	static struct inspect_count name##_counts[] = {__VA_ARGS__}; \
	static const struct inspect_list name = {                    \
		name##_counts, sizeof(name##_counts) / sizeof(name##_counts[0])}

LIST(states, {{"default", "unnamed"}, 3}, {{"c", "relaying"}, 18446744073709551615u});
LIST(reasons, {{"idle"}, 4});
LIST(limits, {{"c", "memory", "reset"}, 5}, {{"c", "memory", "close"}, 0});
LIST(delays, {{"default"}, 26});
LIST(spread, {{"1"}, 27}, {{"+Inf"}, 28});
LIST(kinds, {{"in", "request", "INVITE"}, 6}, {{"out", "response", ""}, 7});
LIST(outcomes, {{"v2", "accepted"}, 8});
LIST(handshakes, {{"1.3", "ok", "true"}, 21}, {{"unknown", "failed", "false"}, 22});
LIST(answers, {{"503", "unreachable"}, 9});
LIST(bad, {{"cseq"}, 32});
LIST(would, {{"via"}, 33});
LIST(scanners, {{"agent"}, 34});
LIST(reloads, {{"done"}, 19}, {{"failed"}, 20});
LIST(overflows, {{0}, 22});
LIST(sockets, {{"inuse"}, 23}, {{"tw"}, 24});
LIST(pages, {{0}, 25});
LIST(builds, {{"1.2.3"}, 1});
LIST(statuses, {{"2xx"}, 10}, {{"401"}, 11});

#define BOUNDS                                                                                 \
	{                                                                                      \
		"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", \
			"30", "+Inf"                                                           \
	}
#define MIDDLE(before, value)                                                                     \
	before "0.025\"} " value "\n" before "0.05\"} " value "\n" before "0.1\"} " value         \
	       "\n" before "0.25\"} " value "\n" before "0.5\"} " value "\n" before "1\"} " value \
	       "\n" before "2.5\"} " value "\n" before "5\"} " value "\n" before "10\"} " value   \
	       "\n" before "30\"} " value "\n"

static const char of_listeners[] =
	"# HELP sipweir_connections Client connections open now, by class of the source and "
	"state.\n"
	"# TYPE sipweir_connections gauge\n"
	"sipweir_connections{listener=\"l\",class=\"default\",state=\"unnamed\"} 3\n"
	"sipweir_connections{listener=\"l\",class=\"c\",state=\"relaying\"} "
	"18446744073709551615\n"
	"# HELP sipweir_accepted_total Connections accepted.\n"
	"# TYPE sipweir_accepted_total counter\n"
	"sipweir_accepted_total{listener=\"l\"} 1\n"
	"# HELP sipweir_closed_total Connections ended, by reason.\n"
	"# TYPE sipweir_closed_total counter\n"
	"sipweir_closed_total{listener=\"l\",reason=\"idle\"} 4\n"
	"# HELP sipweir_refused_total Connections and requests that a limit refused, by what was "
	"done to them.\n"
	"# TYPE sipweir_refused_total counter\n"
	"sipweir_refused_total{listener=\"l\",class=\"c\",limit=\"memory\",action=\"reset\"} 5\n"
	"sipweir_refused_total{listener=\"l\",class=\"c\",limit=\"memory\",action=\"close\"} 0\n"
	"# HELP sipweir_would_refuse_total Connections and requests that passed although a limit "
	"said "
	"no.\n"
	"# TYPE sipweir_would_refuse_total counter\n"
	"# HELP sipweir_delayed_total Requests that had to wait for a rate.\n"
	"# TYPE sipweir_delayed_total counter\n"
	"sipweir_delayed_total{listener=\"l\",class=\"default\"} 26\n"
	"# HELP sipweir_messages_total Whole SIP messages from clients (in) and from servers "
	"(out).\n"
	"# TYPE sipweir_messages_total counter\n"
	"sipweir_messages_total{listener=\"l\",direction=\"in\",kind=\"request\",method=\"INVITE\"}"
	" 6\n"
	"sipweir_messages_total{listener=\"l\",direction=\"out\",kind=\"response\"} 7\n"
	"# HELP sipweir_pings_total CRLF keep-alives from clients.\n"
	"# TYPE sipweir_pings_total counter\n"
	"sipweir_pings_total{listener=\"l\"} 2\n"
	"# HELP sipweir_proxy_headers_total PROXY headers that were due, by what became of them.\n"
	"# TYPE sipweir_proxy_headers_total counter\n"
	"sipweir_proxy_headers_total{listener=\"l\",version=\"v2\",outcome=\"accepted\"} 8\n"
	"# HELP sipweir_tls_handshakes_total TLS handshakes with clients that were begun, by how "
	"they ended.\n"
	"# TYPE sipweir_tls_handshakes_total counter\n"
	"sipweir_tls_handshakes_total{listener=\"l\",version=\"1.3\",outcome=\"ok\",resumed="
	"\"true\"} 21\n"
	"sipweir_tls_handshakes_total{listener=\"l\",version=\"unknown\",outcome=\"failed\","
	"resumed=\"false\"} 22\n"
	"# HELP sipweir_tls_certificate_expiry_seconds Until this certificate, or one of its "
	"chain, "
	"expires; 0 when that has happened.\n"
	"# TYPE sipweir_tls_certificate_expiry_seconds gauge\n"
	"sipweir_tls_certificate_expiry_seconds{listener=\"l\",name=\"*.example.com\"} 26\n"
	"sipweir_tls_certificate_expiry_seconds{listener=\"m\",name=\"a\\\\b\"} 0\n"
	"# HELP sipweir_local_responses_total Responses made by sipweir itself, by status and "
	"cause.\n"
	"# TYPE sipweir_local_responses_total counter\n"
	"sipweir_local_responses_total{listener=\"l\",status=\"503\",reason=\"unreachable\"} 9\n"
	"# HELP sipweir_sip_bad_total Messages of clients that were refused as SIP, by what was "
	"wrong.\n"
	"# TYPE sipweir_sip_bad_total counter\n"
	"sipweir_sip_bad_total{listener=\"l\",reason=\"cseq\"} 32\n"
	"# HELP sipweir_sip_would_refuse_total Messages of clients that passed in observe mode "
	"although something was wrong.\n"
	"# TYPE sipweir_sip_would_refuse_total counter\n"
	"sipweir_sip_would_refuse_total{listener=\"l\",reason=\"via\"} 33\n"
	"# HELP sipweir_scanners_total Connections whose first message is a scanner's, by how it "
	"is known.\n"
	"# TYPE sipweir_scanners_total counter\n"
	"sipweir_scanners_total{listener=\"l\",reason=\"agent\"} 34\n"
	"# HELP sipweir_listen_queue Connections that wait in the kernel to be accepted, at most a "
	"second ago.\n"
	"# TYPE sipweir_listen_queue gauge\n"
	"sipweir_listen_queue{listener=\"l\"} 12\n"
	"# HELP sipweir_listen_queue_limit Connections that may wait there.\n"
	"# TYPE sipweir_listen_queue_limit gauge\n"
	"sipweir_listen_queue_limit{listener=\"l\"} 13\n";

#define SERVER_LABELS "pool=\"p\",server=\"a\\\\b\\\"c\\nd\""
#define ANSWER_BUCKET(bound, count) \
	"sipweir_answer_seconds_bucket{" SERVER_LABELS ",le=\"" bound "\"} " count "\n"

static const char of_the_rest[] =
	"# HELP sipweir_backend_connect_seconds From the beginning of a connect until the first "
	"bytes could be sent.\n"
	"# TYPE sipweir_backend_connect_seconds histogram\n"
	"sipweir_backend_connect_seconds_bucket{pool=\"p\",le=\"0.005\"} 1\n"
	"sipweir_backend_connect_seconds_bucket{pool=\"p\",le=\"0.01\"} 2\n" MIDDLE(
		"sipweir_backend_connect_seconds_bucket{pool=\"p\",le=\"",
		"2") "sipweir_backend_connect_seconds_bucket{pool=\"p\",le=\"+Inf\"} 3\n"
		     "sipweir_backend_connect_seconds_sum{pool=\"p\"} 70.007\n"
		     "sipweir_backend_connect_seconds_count{pool=\"p\"} 3\n"
		     "# HELP sipweir_backend_up 1 while this server takes new clients.\n"
		     "# TYPE sipweir_backend_up gauge\n"
		     "sipweir_backend_up{pool=\"p\",server=\"a\\\\b\\\"c\\nd\"} 1\n"
		     "# HELP sipweir_backend_connections Connections to this server, those being "
		     "made "
		     "included.\n"
		     "# TYPE sipweir_backend_connections gauge\n"
		     "sipweir_backend_connections{pool=\"p\",server=\"a\\\\b\\\"c\\nd\"} 14\n"
		     "# HELP sipweir_responses_total Responses of this server, by status or "
		     "class.\n"
		     "# TYPE sipweir_responses_total counter\n"
		     "sipweir_responses_total{pool=\"p\",server=\"a\\\\b\\\"c\\nd\",status=\"2xx\"}"
		     " 10\n"
		     "sipweir_responses_total{pool=\"p\",server=\"a\\\\b\\\"c\\nd\",status=\"401\"}"
		     " 11\n"
		     "# HELP sipweir_answer_seconds From a request of a client until this "
		     "server's final answer to it.\n"
		     "# TYPE sipweir_answer_seconds histogram\n" ANSWER_BUCKET("0.005", "0")
			     ANSWER_BUCKET("0.01", "0") MIDDLE(
				     "sipweir_answer_seconds_bucket{" SERVER_LABELS ",le=\"",
				     "0") ANSWER_BUCKET("+Inf",
				     "0") "sipweir_answer_seconds_sum{" SERVER_LABELS "} 0.000\n"
					  "sipweir_answer_seconds_count{" SERVER_LABELS "} 0\n";

static const char of_all[] = "# HELP sipweir_admission_seconds From accept until the first "
			     "whole SIP "
			     "message.\n"
			     "# TYPE sipweir_admission_seconds histogram\n"
			     "sipweir_admission_seconds_bucket{le=\"0.005\"} 0\n"
			     "sipweir_admission_seconds_bucket{le=\"0.01\"} 0\n" MIDDLE(
				     "sipweir_admission_seconds_bucket{le=\"",
				     "0") "sipweir_admission_seconds_bucket{le=\"+Inf\"} 0\n"
					  "sipweir_admission_seconds_sum 0.000\n"
					  "sipweir_admission_seconds_count 0\n"
					  "# HELP sipweir_tls_handshakes_in_progress TLS "
					  "handshakes with "
					  "clients that hold one of "
					  "limits.max_handshakes.\n"
					  "# TYPE sipweir_tls_handshakes_in_progress gauge\n"
					  "sipweir_tls_handshakes_in_progress 19\n"
					  "# HELP sipweir_tls_handshakes_waiting Clients that "
					  "wait, "
					  "unread, for a place among "
					  "those.\n"
					  "# TYPE sipweir_tls_handshakes_waiting gauge\n"
					  "sipweir_tls_handshakes_waiting 20\n"
					  "# HELP sipweir_sources Sources that hold "
					  "connections now.\n"
					  "# TYPE sipweir_sources gauge\n"
					  "sipweir_sources 15\n"
					  "# HELP sipweir_sources_capacity Sources that can "
					  "be told apart "
					  "at once.\n"
					  "# TYPE sipweir_sources_capacity gauge\n"
					  "sipweir_sources_capacity 16\n"
					  "# HELP sipweir_sources_by_connections Sources that "
					  "hold up to "
					  "so "
					  "many connections now, and at least one.\n"
					  "# TYPE sipweir_sources_by_connections gauge\n"
					  "sipweir_sources_by_connections{le=\"1\"} 27\n"
					  "sipweir_sources_by_connections{le=\"+Inf\"} 28\n"
					  "# HELP sipweir_bans Bans in force.\n"
					  "# TYPE sipweir_bans gauge\n"
					  "sipweir_bans 29\n"
					  "# HELP sipweir_refusing Connections that are kept "
					  "to be refused "
					  "in "
					  "SIP.\n"
					  "# TYPE sipweir_refusing gauge\n"
					  "sipweir_refusing 30\n"
					  "# HELP sipweir_tarpitted Connections in the "
					  "tarpit.\n"
					  "# TYPE sipweir_tarpitted gauge\n"
					  "sipweir_tarpitted 31\n";

static const char of_the_process[] =
	"# HELP sipweir_memory_held_bytes Bytes held for slow or "
	"half-sent peers.\n"
	"# TYPE sipweir_memory_held_bytes gauge\n"
	"sipweir_memory_held_bytes 17\n"
	"# HELP sipweir_log_dropped_total Log events lost because they "
	"came faster than they could "
	"be written.\n"
	"# TYPE sipweir_log_dropped_total counter\n"
	"sipweir_log_dropped_total 18\n"
	"# HELP sipweir_reloads_total Reloads of the configuration, by "
	"what became of them.\n"
	"# TYPE sipweir_reloads_total counter\n"
	"sipweir_reloads_total{outcome=\"done\"} 19\n"
	"sipweir_reloads_total{outcome=\"failed\"} 20\n"
	"# HELP sipweir_config_generation Of the configuration that all "
	"workers have: 1 at the "
	"start, one more with each reload.\n"
	"# TYPE sipweir_config_generation gauge\n"
	"sipweir_config_generation 21\n"
	"# HELP sipweir_draining 1 once it has been told to end: no new "
	"clients should be sent.\n"
	"# TYPE sipweir_draining gauge\n"
	"sipweir_draining 1\n";

static const char of_the_host[] =
	"# HELP sipweir_kernel_listen_overflows_total Connections that the kernel dropped because "
	"a "
	"listen queue of this host was full.\n"
	"# TYPE sipweir_kernel_listen_overflows_total counter\n"
	"sipweir_kernel_listen_overflows_total 22\n"
	"# HELP sipweir_kernel_listen_drops_total Connections that the kernel dropped before they "
	"were accepted, for any cause.\n"
	"# TYPE sipweir_kernel_listen_drops_total counter\n"
	"# HELP sipweir_kernel_tcp_sockets TCP sockets of this host, whoever they belong to.\n"
	"# TYPE sipweir_kernel_tcp_sockets gauge\n"
	"sipweir_kernel_tcp_sockets{state=\"inuse\"} 23\n"
	"sipweir_kernel_tcp_sockets{state=\"tw\"} 24\n"
	"# HELP sipweir_kernel_tcp_mem_pages Pages of memory that the kernel holds for TCP; "
	"net.ipv4.tcp_mem is the bound.\n"
	"# TYPE sipweir_kernel_tcp_mem_pages gauge\n"
	"sipweir_kernel_tcp_mem_pages 25\n"
	"# HELP sipweir_build_info Always 1.\n"
	"# TYPE sipweir_build_info gauge\n"
	"sipweir_build_info{version=\"1.2.3\"} 1\n";

enum {
	REST = sizeof(of_listeners) - 1,
	ALL = REST + sizeof(of_the_rest) - 1,
	PROCESS = ALL + sizeof(of_all) - 1,
	HOST = PROCESS + sizeof(of_the_process) - 1,
	EXPECTED = HOST + sizeof(of_the_host) - 1,
};

static void write_page(struct text *t)
{
	struct inspect_listener listener = {
		.name = "l",
		.accepted = 1,
		.pings = 2,
		.queue = 12,
		.queue_limit = 13,
		.connections = states,
		.closed = reasons,
		.refused = limits,
		.delayed = delays,
		.messages = kinds,
		.headers = outcomes,
		.handshakes = handshakes,
		.answers = answers,
		.sip_bad = bad,
		.sip_would_refuse = would,
		.scanners = scanners,
	};
	struct inspect_server server = {.pool = "p",
		.name = "a\\b\"c\nd",
		.connections = 14,
		.up = 1,
		.responses = statuses,
		.answer = {.bounds = BOUNDS}};
	/* the second answers by itself: there is nothing to connect to */
	struct inspect_pool pools[] = {
		{.name = "p",
			.connect = {.bounds = BOUNDS,
				.counts = {1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3},
				.sum_ms = 70007}},
		{.name = "r", .answers = 503},
	};
	struct inspect_certificate certificates[] = {
		{.listener = "l", .name = "*.example.com", .left_s = 26},
		{.listener = "m", .name = "a\\b"},
	};
	const struct inspection all = {
		.build = builds,
		.reloads = reloads,
		.generation = 21,
		.draining = 1,
		.sources = 15,
		.sources_capacity = 16,
		.sources_by_connections = spread,
		.bans = 29,
		.refusing = 30,
		.tarpitted = 31,
		.memory_held = 17,
		.log_dropped = 18,
		.admission = {.bounds = BOUNDS},
		.handshakes_placed = 19,
		.handshakes_waiting = 20,
		.pools = pools,
		.pool_count = 2,
		.listeners = &listener,
		.listener_count = 1,
		.servers = &server,
		.server_count = 1,
		.certificates = certificates,
		.certificate_count = 2,
	};
	const struct kernel kernel = {
		.listen_overflows = overflows, .sockets = sockets, .mem_pages = pages};
	bool is_whole = metrics_write(t, &(struct metrics){&all, &kernel});
	assert_int_equal(is_whole, !t->is_cut);
}

static void every_number_has_its_line_and_every_metric_its_help(void **state)
{
	(void)state;
	char bytes[32768];
	struct text t;
	text_init(&t, bytes, sizeof(bytes));
	write_page(&t);
	bytes[t.length] = '\0';
	assert_int_equal(t.length, EXPECTED);
	assert_string_equal(bytes + HOST, of_the_host);
	bytes[HOST] = '\0';
	assert_string_equal(bytes + PROCESS, of_the_process);
	bytes[PROCESS] = '\0';
	assert_string_equal(bytes + ALL, of_all);
	bytes[ALL] = '\0';
	assert_string_equal(bytes + REST, of_the_rest);
	bytes[REST] = '\0';
	assert_string_equal(bytes, of_listeners);
}

static void a_page_that_does_not_fit_is_no_page(void **state)
{
	(void)state;
	for (size_t size = 1; size <= EXPECTED + 2; size += 7) {
		char *bytes = malloc(size);
		struct text t;
		assert_non_null(bytes);
		text_init(&t, bytes, size);
		write_page(&t);
		assert_int_equal(t.is_cut, size <= EXPECTED);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_has_its_line_and_every_metric_its_help),
		cmocka_unit_test(a_page_that_does_not_fit_is_no_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
