/* SPDX-License-Identifier: BSD-2-Clause */
/* How a TLS stream says what was wrong with a client, and what it does with those who play with the protocol. */
#include "tests/unit/io_tls_pair.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tls *tls;
static SSL_CTX *server, *client;

static int begin(void **state)
{
	(void)state;
	io_tls_begin(&tls, &server, &client);
	SSL_CTX_set_options(server, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	return 0;
}

static int end(void **state)
{
	(void)state;
	io_tls_end(tls, server, client);
	return 0;
}

static void assert_fault(const struct io_pair *p, const char *name)
{
	assert_true(p->has_failed);
	assert_non_null(p->stream->fault);
	assert_string_equal(p->stream->fault, name);
	assert_int_equal(p->stream->failure, 0);
	assert_non_null(p->stream->detail);
	assert_true(strlen(p->stream->detail) > 10);
}

/* --- who speaks no TLS --- */

static void begin_with(const void *bytes, size_t length, const char *fault)
{
	struct io_pair p;
	io_pair_begin(&p, tls, server, client, 0);
	io_bytes_add(&p.pipe.in, bytes, length);
	p.pipe.is_ended = true;
	for (int i = 0; i < 5 && !p.has_failed; i++)
		io_pair_turn(&p);
	assert_fault(&p, fault);
	io_pair_end(&p);
}

static void who_speaks_something_else_is_named(void **state)
{
	static const struct {
		const char *bytes, *fault;
	} cases[] = {
		{"REGISTER sip:example.com SIP/2.0\r\n", "plain_sip"},
		{"OPTIONS sip:example.com SIP/2.0\r\n", "plain_sip"},
		{"INVITE sip:a@example.com SIP/2.0\r\n", "plain_sip"},
		{"SIP/2.0 200 OK\r\n", "plain_sip"},
		{"\r\n\r\n\r\n", "plain_sip"},
		{"GET / HTTP/1.1\r\n", "plain_http"},
		{"POST / HTTP/1.1\r\n", "plain_http"},
		{"CONNECT a:443 HTTP/1.1\r\n", "plain_http"},
		{"OPTIONS / HTTP/1.1\r\n", "plain_http"},
		{"OPTIONS * HTTP/1.1\r\n", "plain_http"},
		{"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "unexpected_proxy_header"},
		{"SSH-2.0-OpenSSH_9.2\r\n", "not_tls"},
		{"\x03\x00\x00\x13\x0e\xe0", "not_tls"},
		{"xxxxxxxxxxxx", "not_tls"},
	};
	static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		begin_with(cases[i].bytes, strlen(cases[i].bytes), cases[i].fault);
	begin_with(v2, sizeof(v2) - 1, "unexpected_proxy_header");
}

static void who_closes_in_the_handshake_is_named(void **state)
{
	struct io_pair p;
	(void)state;
	for (int has_hello = 0; has_hello < 2; has_hello++) {
		io_pair_begin(&p, tls, server, client, has_hello ? SIZE_MAX : 0);
		p.pipe.is_ended = true;
		for (int i = 0; i < 5 && !p.has_failed; i++)
			io_pair_turn(&p);
		assert_fault(&p, STREAM_FAULT_CLOSED);
		io_pair_end(&p);
	}
}

static void a_reset_in_the_handshake_is_no_fault_of_tls(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	p.pipe.failing = 104;
	io_pair_turn(&p);
	assert_true(p.has_failed);
	assert_null(p.stream->fault);
	assert_int_equal(p.stream->failure, 104);
	io_pair_end(&p);
}

/* --- who cannot agree --- */

static struct io_pair failed(SSL_CTX *ours, SSL_CTX *theirs, const char *fault)
{
	struct io_pair p;
	io_pair_begin(&p, tls, ours, theirs, 0);
	io_pair_run(&p);
	assert_fault(&p, fault);
	stream_close(p.stream, STREAM_CLOSE_FIN);
	io_peer_turn(&p.peer, &p.pipe);
	io_pair_end(&p);
	return p;
}

static void an_old_version_is_named(void **state)
{
	SSL_CTX *old = io_context_new(false, NULL);
	(void)state;
	SSL_CTX_set_security_level(old, 0);
	SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
	SSL_CTX_set_min_proto_version(server, TLS1_2_VERSION);
	assert_int_equal(failed(server, old, "unsupported_version").peer.alert, 70);
	SSL_CTX_free(old);
}

static void a_cipher_that_nobody_shares_is_named(void **state)
{
	SSL_CTX *odd = io_context_new(false, NULL);
	(void)state;
	SSL_CTX_set_max_proto_version(odd, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set_cipher_list(odd, "AES128-SHA256"), 1);
	assert_int_equal(failed(server, odd, "no_shared_cipher").peer.alert, 40);
	SSL_CTX_free(odd);
}

static void a_group_that_nobody_shares_is_named(void **state)
{
	SSL_CTX *odd = io_context_new(false, NULL);
	SSL_CTX *strict = io_context_new(true, NULL);
	char ours[] = "P-256", theirs[] = "X448";
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "a"});
	(void)state;
	SSL_CTX_use_certificate(strict, identity.certificate);
	SSL_CTX_use_PrivateKey(strict, identity.key);
	SSL_CTX_set1_groups_list(strict, ours);
	SSL_CTX_set1_groups_list(odd, theirs);
	failed(strict, odd, "no_shared_group");
	io_identity_free(&identity);
	SSL_CTX_free(strict);
	SSL_CTX_free(odd);
}

static void a_signature_that_nobody_can_make_is_named(void **state)
{
	SSL_CTX *odd = io_context_new(false, NULL);
	char list[] = "RSA-PSS+SHA256";
	(void)state;
	SSL_CTX_set_min_proto_version(odd, TLS1_3_VERSION);
	SSL_CTX_set1_sigalgs_list(odd, list);
	failed(server, odd, "no_shared_signature");
	SSL_CTX_free(odd);
}

static void an_alert_of_the_client_is_named(void **state)
{
	SSL_CTX *wary = io_context_new(false, NULL);
	(void)state;
	SSL_CTX_set_verify(wary, SSL_VERIFY_PEER, NULL);
	failed(server, wary, "alert_unknown_ca");
	SSL_CTX_free(wary);
}

static void the_alert_goes_out_before_the_close(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_bytes_add(&p.pipe.in, "\x16\x03\x01\x00\x05garbage and more", 21);
	for (int i = 0; i < 5 && !p.has_failed; i++)
		io_pair_turn(&p);
	assert_fault(&p, "protocol_error");
	io_bytes_add(&p.pipe.in, "unread", 6);
	stream_close(p.stream, STREAM_CLOSE_FIN);
	assert_true(p.pipe.out.length > 0);
	assert_int_equal(p.pipe.out.bytes[0], 21);
	assert_true(p.pipe.is_shut); /* and nothing is left unread, or a RST would overtake it */
	assert_int_equal(p.pipe.taken, p.pipe.in.length);
	io_pair_end(&p);
}

static void a_record_that_was_touched_is_named(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	io_peer_write(&p.peer, "BYE", 3);
	io_peer_turn(&p.peer, &p.pipe);
	p.pipe.in.bytes[p.pipe.in.length - 1] ^= 1;
	io_pair_turn(&p);
	assert_fault(&p, "bad_record");
	io_pair_end(&p);
}

static void a_failure_is_told_again_with_its_own_detail(void **state)
{
	struct io_pair a, b;
	uint8_t byte;
	(void)state;
	io_pair_begin(&a, tls, server, client, 0);
	io_bytes_add(&a.pipe.in, "GET / HTTP/1.1\r\n", 16);
	io_pair_turn(&a);
	assert_fault(&a, "plain_http");
	io_pair_begin(&b, tls, server, client, 0);
	b.pipe.is_ended = true;
	io_pair_turn(&b);
	assert_fault(&b, "closed_in_handshake");
	assert_int_equal(stream_read(a.stream, &byte, 1), STREAM_FAILED);
	assert_string_equal(a.stream->detail, tls_fault_meaning(TLS_FAULT_PLAIN_HTTP, false));
	io_pair_end(&a);
	io_pair_end(&b);
}

/* --- who plays with the protocol --- */

static void key_update(struct io_pair *p, int kind)
{
	assert_int_equal(SSL_key_update(p->peer.ssl, kind), 1);
	assert_int_equal(SSL_do_handshake(p->peer.ssl), 1);
}

static void key_updates_are_answered(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	for (int i = 0; i < 200; i++) {
		key_update(&p, SSL_KEY_UPDATE_REQUESTED);
		io_peer_write(&p.peer, "x", 1);
		io_pair_say(&p, "y", 1);
		io_pair_run(&p);
	}
	assert_int_equal(p.got.length, 200);
	assert_int_equal(p.peer.got.length, 200);
	io_pair_end(&p);
}

/* The answer that is due then goes in front of what is written. */
static void a_key_update_that_is_blocked_does_not_break_short_writes(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	p.pipe.room = 3;
	key_update(&p, SSL_KEY_UPDATE_REQUESTED);
	io_pair_run(&p);
	io_pair_want(&p, 0); /* not even reading is needed to go on */
	io_pair_say(&p, "\r\n", 2);
	io_pair_run(&p);
	assert_int_equal(p.peer.got.length, 0);
	assert_int_equal(p.pipe.wanted, STREAM_WRITABLE);
	for (p.pipe.room = 1; p.peer.got.length == 0; p.pipe.room = 1)
		io_pair_run(&p);
	assert_false(p.has_failed);
	assert_memory_equal(p.peer.got.bytes, "\r\n", 2);
	io_pair_end(&p);
}

static void reading_goes_on_when_a_blocked_key_update_is_out(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	p.pipe.room = 3;
	key_update(&p, SSL_KEY_UPDATE_REQUESTED);
	io_peer_write(&p.peer, "x", 1);
	io_pair_run(&p);
	io_pair_say(&p, "pong", 4);
	io_peer_write(&p.peer, "y", 1);
	io_pair_run(&p);
	assert_false(p.has_failed);
	p.pipe.room = SIZE_MAX;
	io_pair_run(&p);
	assert_int_equal(p.got.length, 2);
	assert_int_equal(p.peer.got.length, 4);
	io_pair_end(&p);
}

static void a_flood_of_key_updates_ends(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	for (int i = 0; i < 100 && !p.has_failed; i++) {
		key_update(&p, SSL_KEY_UPDATE_NOT_REQUESTED);
		io_pair_run(&p);
	}
	assert_fault(&p, "tls_flood");
	io_pair_end(&p);
}

static void a_flood_within_one_read_ends(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	for (int i = 0; i < 3000; i++)
		key_update(&p, SSL_KEY_UPDATE_NOT_REQUESTED);
	io_pair_run(&p);
	assert_fault(&p, "tls_flood");
	assert_true(p.pipe.taken < p.pipe.in.length); /* not read to its end */
	io_pair_end(&p);
}

static void a_handshake_in_crumbs_ends(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_peer_turn(&p.peer, &p.pipe);
	struct io_bytes whole = p.pipe.in;
	p.pipe.in = (struct io_bytes){0};
	for (size_t i = 5; i < whole.length; i++) {
		uint8_t record[6] = {0x16, 3, 1, 0, 1, whole.bytes[i]};
		io_bytes_add(&p.pipe.in, record, sizeof(record));
	}
	for (int i = 0; i < 5 && !p.has_failed; i++)
		io_pair_turn(&p);
	assert_fault(&p, "tls_flood");
	io_bytes_free(&whole);
	io_pair_end(&p);
}

static void empty_records_end(void **state)
{
	static const uint8_t empty[] = {0x17, 3, 3, 0, 0};
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	io_pair_run(&p);
	for (int i = 0; i < 200; i++)
		io_bytes_add(&p.pipe.in, empty, sizeof(empty));
	for (int i = 0; i < 5 && !p.has_failed; i++)
		io_pair_turn(&p);
	assert_true(p.has_failed);
	io_pair_end(&p);
}

static void a_renegotiation_is_refused(void **state)
{
	SSL_CTX *old = io_context_new(false, NULL);
	struct io_pair p;
	(void)state;
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	SSL_CTX_set_options(old, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	io_pair_begin(&p, tls, server, old, 0);
	io_pair_run(&p);
	assert_int_equal(SSL_renegotiate(p.peer.ssl), 1);
	SSL_do_handshake(p.peer.ssl);
	io_pair_run(&p);
	assert_int_equal(ERR_GET_REASON(p.peer.error), SSL_R_NO_RENEGOTIATION);
	assert_fault(
		&p, "alert_handshake_failure"); /* the client gives up; we would have gone on */
	io_pair_end(&p);
	SSL_CTX_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_speaks_something_else_is_named),
		cmocka_unit_test(who_closes_in_the_handshake_is_named),
		cmocka_unit_test(a_reset_in_the_handshake_is_no_fault_of_tls),
		cmocka_unit_test(an_old_version_is_named),
		cmocka_unit_test(a_cipher_that_nobody_shares_is_named),
		cmocka_unit_test(a_group_that_nobody_shares_is_named),
		cmocka_unit_test(a_signature_that_nobody_can_make_is_named),
		cmocka_unit_test(an_alert_of_the_client_is_named),
		cmocka_unit_test(the_alert_goes_out_before_the_close),
		cmocka_unit_test(a_record_that_was_touched_is_named),
		cmocka_unit_test(a_failure_is_told_again_with_its_own_detail),
		cmocka_unit_test(key_updates_are_answered),
		cmocka_unit_test(a_key_update_that_is_blocked_does_not_break_short_writes),
		cmocka_unit_test(reading_goes_on_when_a_blocked_key_update_is_out),
		cmocka_unit_test(a_flood_of_key_updates_ends),
		cmocka_unit_test(a_flood_within_one_read_ends),
		cmocka_unit_test(a_handshake_in_crumbs_ends),
		cmocka_unit_test(empty_records_end),
		cmocka_unit_test(a_renegotiation_is_refused),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
