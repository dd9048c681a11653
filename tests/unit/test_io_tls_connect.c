/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS streams of which we are the client: the PROXY header in front, and a handshake that runs by itself. */
#include "tests/unit/io_tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char preface[] = "PROXY TCP4 192.0.2.1 192.0.2.2 40000 5061\r\n";
enum { PREFACE = sizeof(preface) - 1 };

static struct tls *tls;
static SSL_CTX *server, *client;

static int begin(void **state)
{
	(void)state;
	io_tls_begin(&tls, &server, &client);
	SSL_CTX_set_options(client, SSL_OP_IGNORE_UNEXPECTED_EOF);
	return 0;
}

static int end(void **state)
{
	(void)state;
	io_tls_end(tls, server, client);
	return 0;
}

static void connect_pair(struct io_pair *p, SSL_CTX *theirs)
{
	io_pair_connect(p, tls, SSL_new(client), theirs, preface, PREFACE);
}

/* The server takes the header, as one behind a PROXY listener would; false while it is not whole. */
static bool take_preface(struct io_pair *p, struct io_bytes *header)
{
	size_t length = PREFACE - header->length;
	if (length > p->pipe.out.length)
		length = p->pipe.out.length;
	if (!length)
		return header->length == PREFACE;
	io_bytes_add(header, p->pipe.out.bytes, length);
	memmove(p->pipe.out.bytes, p->pipe.out.bytes + length, p->pipe.out.length - length);
	p->pipe.out.length -= length;
	return header->length == PREFACE;
}

static void run(struct io_pair *p)
{
	struct io_bytes header = {0};
	for (int i = 0; i < 200 && !take_preface(p, &header); i++)
		io_pair_turn(p);
	assert_int_equal(header.length, PREFACE);
	assert_memory_equal(header.bytes, preface, PREFACE);
	io_bytes_free(&header);
	io_pair_run(p);
}

static void header_and_hello_go_in_one_write(void **state)
{
	struct io_pair p;
	(void)state;
	connect_pair(&p, server);
	io_pair_say(&p, "OPTIONS", 7);
	assert_int_equal(p.sent, 0);
	assert_int_equal(p.pipe.writes, 1);
	assert_memory_equal(p.pipe.out.bytes, preface, PREFACE);
	assert_int_equal(p.pipe.out.bytes[PREFACE], 0x16);
	assert_int_equal(p.pipe.wanted, STREAM_READABLE);
	run(&p);
	assert_true(p.is_up);
	assert_int_equal(p.peer.got.length, 7);
	assert_memory_equal(p.peer.got.bytes, "OPTIONS", 7);
	io_pair_end(&p);
}

static void the_header_may_leave_in_any_pieces(void **state)
{
	(void)state;
	for (size_t bite = 1; bite <= PREFACE + 3; bite++) {
		struct io_pair p;
		connect_pair(&p, server);
		p.pipe.bite = bite;
		io_pair_say(&p, "OPTIONS", 7);
		run(&p);
		assert_int_equal(p.peer.got.length, 7);
		io_pair_end(&p);
	}
}

static void nothing_leaves_before_the_connect_is_done(void **state)
{
	struct io_pair p;
	(void)state;
	connect_pair(&p, server);
	p.pipe.room = 0;
	io_pair_say(&p, "OPTIONS", 7);
	assert_int_equal(p.pipe.wanted, STREAM_WRITABLE);
	assert_false(io_pair_turn(&p));
	p.pipe.room = SIZE_MAX;
	run(&p);
	assert_int_equal(p.peer.got.length, 7);
	io_pair_end(&p);
}

static void the_owner_hears_of_the_end_of_the_handshake_alone(void **state)
{
	struct io_pair p;
	struct io_bytes header = {0};
	(void)state;
	connect_pair(&p, server);
	p.pipe.gulp = 1;
	io_pair_say(&p, "OPTIONS", 7);
	assert_true(take_preface(&p, &header));
	io_bytes_free(&header);
	io_peer_turn(&p.peer, &p.pipe);
	while (!p.is_up) {
		assert_int_equal(p.calls, 0);
		assert_true(io_pair_turn(&p));
	}
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.sent, 7);
	io_pair_end(&p);
}

static void the_same_bytes_may_be_offered_to_another_server(void **state)
{
	struct io_pair p;
	(void)state;
	connect_pair(&p, server);
	p.pipe.failing = 111;
	io_pair_say(&p, "OPTIONS", 7);
	assert_true(p.has_failed);
	assert_int_equal(p.sent, 0);
	assert_int_equal(p.stream->failure, 111);
	assert_null(p.stream->fault);
	io_pair_end(&p);
}

static void a_connect_that_fails_later_is_told(void **state)
{
	struct io_pair p;
	(void)state;
	connect_pair(&p, server);
	p.pipe.room = 0;
	io_pair_say(&p, "OPTIONS", 7);
	p.pipe.failing = 111;
	io_pair_turn(&p);
	assert_true(p.has_failed);
	assert_int_equal(p.stream->failure, 111);
	io_pair_end(&p);
}

static void answer(struct io_pair *p, const char *bytes, bool has_fin)
{
	io_bytes_add(&p->pipe.in, bytes, strlen(bytes));
	p->pipe.is_ended = has_fin;
	for (int i = 0; i < 5 && !p->has_failed; i++)
		io_pair_turn(p);
	assert_true(p->has_failed);
}

static void a_server_without_tls_is_named(void **state)
{
	static const struct {
		const char *bytes, *fault;
	} cases[] = {
		{"SIP/2.0 400 Bad Request\r\n", "plain_sip"},
		{"HTTP/1.1 400 Bad Request\r\n", "plain_http"},
		{"220 mail ESMTP\r\n", "not_tls"},
		{"", "closed_in_handshake"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct io_pair p;
		connect_pair(&p, server);
		io_pair_say(&p, "OPTIONS", 7);
		answer(&p, cases[i].bytes, true);
		assert_string_equal(p.stream->fault, cases[i].fault);
		assert_non_null(strstr(p.stream->detail, "server"));
		io_pair_end(&p);
	}
}

static void a_server_that_wants_a_certificate_says_so_at_once_or_later(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct io_pair p;
		SSL *ssl = SSL_new(client);
		SSL_set_max_proto_version(ssl, versions[i]);
		SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		io_pair_connect(&p, tls, ssl, server, preface, PREFACE);
		tls_stream_lacks_certificate(ssl); /* what the setup's callback says */
		io_pair_say(&p, "OPTIONS", 7);
		run(&p);
		assert_true(p.has_failed);
		assert_string_equal(p.stream->fault, "certificate_wanted");
		assert_non_null(strstr(p.stream->detail, "tls.certificate"));
		io_pair_end(&p);
		SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
	}
}

static void answers_come_back(void **state)
{
	struct io_pair p;
	(void)state;
	connect_pair(&p, server);
	io_pair_say(&p, "OPTIONS", 7);
	run(&p);
	io_peer_write(&p.peer, "SIP/2.0 200 OK", 14);
	io_pair_run(&p);
	assert_int_equal(p.got.length, 14);
	SSL_shutdown(p.peer.ssl);
	io_pair_run(&p);
	assert_true(p.has_ended);
	io_pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_hello_go_in_one_write),
		cmocka_unit_test(the_header_may_leave_in_any_pieces),
		cmocka_unit_test(nothing_leaves_before_the_connect_is_done),
		cmocka_unit_test(the_owner_hears_of_the_end_of_the_handshake_alone),
		cmocka_unit_test(the_same_bytes_may_be_offered_to_another_server),
		cmocka_unit_test(a_connect_that_fails_later_is_told),
		cmocka_unit_test(a_server_without_tls_is_named),
		cmocka_unit_test(a_server_that_wants_a_certificate_says_so_at_once_or_later),
		cmocka_unit_test(answers_come_back),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
