/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams over TLS: every way in which bytes can be cut, and the promises of stream.h kept through it. */
#include "tests/unit/io_tls_pair.h"

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

/* A pair is found by its address: it is made where it stays. */
#define PAIR_UP(p)                                   \
	struct io_pair p;                            \
	io_pair_begin(&(p), tls, server, client, 0); \
	io_pair_run(&(p));                           \
	assert_true((p).is_up && (p).peer.is_up)

static void fill(uint8_t *bytes, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
}

static void assert_got(const struct io_bytes *got, const void *bytes, size_t length)
{
	assert_int_equal(got->length, length);
	assert_memory_equal(got->bytes, bytes, length);
}

/* --- the handshake --- */

static void a_handshake_survives_each_split_behind_the_header(void **state)
{
	(void)state;
	size_t hello = 1;
	for (size_t ahead = 1; ahead <= hello; ahead++) {
		struct io_pair p;
		io_pair_begin(&p, tls, server, client, ahead);
		hello = p.pipe.in.length;
		io_pair_run(&p);
		assert_true(p.is_up && p.peer.is_up);
		io_peer_write(&p.peer, "INVITE", 6);
		io_pair_run(&p);
		assert_got(&p.got, "INVITE", 6);
		io_pair_end(&p);
	}
	assert_in_range(hello, 100, 2000);
}

static void input_behind_the_header_is_announced_without_an_event(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, SIZE_MAX);
	assert_false(io_pipe_turn(&p.pipe)); /* the socket has nothing to say */
	assert_true(tls_has_ready(tls));
	tls_run_ready(tls);
	assert_false(tls_has_ready(tls));
	assert_true(p.pipe.out.length > 0);
	io_pair_end(&p);
}

static void who_waits_for_its_handshake_is_not_announced(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, SIZE_MAX);
	io_pair_want(&p, 0);
	assert_false(tls_has_ready(tls));
	io_pair_want(&p, STREAM_READABLE);
	assert_true(tls_has_ready(tls));
	io_pair_run(&p);
	assert_true(p.is_up);
	io_pair_end(&p);
}

static void bytes_may_come_and_go_one_by_one(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct io_pair p;
		SSL_CTX_set_max_proto_version(client, versions[i]);
		io_pair_begin(&p, tls, server, client, 7);
		p.pipe.gulp = p.pipe.bite = 1;
		io_pair_run(&p);
		assert_true(p.is_up && p.peer.is_up);
		io_peer_write(&p.peer, "REGISTER", 8);
		io_pair_say(&p, "SIP/2.0 200", 11);
		io_pair_run(&p);
		assert_got(&p.got, "REGISTER", 8);
		assert_got(&p.peer.got, "SIP/2.0 200", 11);
		io_pair_end(&p);
	}
	SSL_CTX_set_max_proto_version(client, 0);
}

static void a_blocked_handshake_goes_on_when_there_is_room(void **state)
{
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, SIZE_MAX);
	p.pipe.room = 10;
	io_pair_run(&p);
	assert_false(p.is_up);
	assert_int_equal(p.pipe.wanted, STREAM_WRITABLE); /* input would spin */
	p.pipe.room = SIZE_MAX;
	io_pair_run(&p);
	assert_true(p.is_up && p.peer.is_up);
	io_pair_end(&p);
}

/* --- big transfers --- */

static void transfer(unsigned seed)
{
	static uint8_t there[300000], back[300000];
	fill(there, sizeof(there), seed);
	fill(back, sizeof(back), seed + 1);
	PAIR_UP(p);
	srandom(seed);
	p.range_size = (size_t)(random() % 4000);
	p.read_size = 1 + (size_t)(random() % 40000);
	for (size_t at = 0; at < sizeof(there); at += 10000) {
		io_peer_write(&p.peer, there + at, 10000);
		p.pipe.gulp = (size_t)(random() % 3 ? random() % 20000 : 0);
		p.pipe.bite = (size_t)(random() % 3 ? random() % 20000 : 0);
		p.pipe.room = (size_t)(random() % 30000);
		io_pair_say(&p, back + at, 10000);
		if (random() % 3 == 0)
			io_pair_want(&p, p.wants ^ STREAM_READABLE);
		io_pair_run(&p);
	}
	p.pipe.room = SIZE_MAX;
	io_pair_want(&p, STREAM_READABLE);
	io_pair_run(&p);
	assert_got(&p.got, there, sizeof(there));
	assert_got(&p.peer.got, back, sizeof(back));
	io_pair_end(&p);
}

static void all_bytes_arrive_whatever_the_pressure(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++)
		transfer(seed);
}

static unsigned count_records(const struct io_pipe *p, uint8_t type)
{
	unsigned count = 0;
	for (size_t at = 0; at + 5 <= p->out.length;) {
		const uint8_t *header = p->out.bytes + at;
		count += header[0] == type;
		at += 5u + (size_t)header[3] * 256 + header[4];
	}
	return count;
}

static void small_ranges_make_one_record_and_one_write(void **state)
{
	(void)state;
	PAIR_UP(p);
	unsigned writes = p.pipe.writes;
	p.range_size = 100;
	static const uint8_t bytes[1500];
	io_pair_say(&p, bytes, sizeof(bytes));
	assert_int_equal(p.sent, sizeof(bytes));
	assert_int_equal(count_records(&p.pipe, 23), 1);
	assert_int_equal(p.pipe.writes - writes, 1);
	io_pair_end(&p);
}

static void a_record_that_is_stuck_counts_as_not_written(void **state)
{
	(void)state;
	PAIR_UP(p);
	p.pipe.room = 50;
	static uint8_t bytes[40000];
	fill(bytes, sizeof(bytes), 7);
	io_pair_say(&p, bytes, 1000);
	assert_int_equal(p.sent, 0);
	assert_int_equal(p.pipe.wanted & STREAM_WRITABLE, STREAM_WRITABLE);
	io_pair_say(&p, bytes + 1000,
		sizeof(bytes) - 1000); /* more behind it, which must not go first */
	p.pipe.room = 17000;
	io_pair_run(&p);
	p.pipe.room = SIZE_MAX;
	io_pair_run(&p);
	assert_got(&p.peer.got, bytes, sizeof(bytes));
	io_pair_end(&p);
}

/* --- input that lies in OpenSSL --- */

static void one_socket_read_serves_many_messages(void **state)
{
	(void)state;
	PAIR_UP(p);
	for (int i = 0; i < 10; i++)
		io_peer_write(&p.peer, "0123456789", 10);
	io_peer_turn(&p.peer, &p.pipe);
	unsigned reads = p.pipe.reads;
	io_pair_turn(&p);
	assert_int_equal(p.got.length, 100);
	assert_int_equal(p.pipe.reads - reads, 1);
	io_pair_end(&p);
}

/* Whoever closes looks for it: an answer that lies unread makes a RST of the close, and takes what was written with it. */
static void what_answers_a_write_is_read_before_it_is_announced(void **state)
{
	char answer[16];
	(void)state;
	PAIR_UP(p);
	io_peer_write(&p.peer, "before", 6);
	io_pair_run(&p);
	assert_got(&p.got, "before", 6);
	io_pair_say(&p, "question", 8);
	io_peer_turn(&p.peer, &p.pipe);
	io_peer_write(&p.peer, "answer", 6);
	io_peer_turn(&p.peer, &p.pipe);
	assert_int_equal(stream_read(p.stream, answer, sizeof(answer)), 6);
	assert_memory_equal(answer, "answer", 6);
	assert_int_equal(p.pipe.taken, p.pipe.in.length);
	io_pair_end(&p);
}

static void what_did_not_fit_is_announced_in_the_next_turn(void **state)
{
	(void)state;
	PAIR_UP(p);
	io_peer_write(&p.peer, "0123456789", 10);
	io_peer_turn(&p.peer, &p.pipe);
	p.read_size = 4;
	assert_true(io_pipe_turn(&p.pipe));
	assert_got(&p.got, "0123", 4);
	assert_false(io_pipe_turn(&p.pipe)); /* level-triggered epoll would be silent */
	assert_true(tls_has_ready(tls));
	tls_run_ready(tls);
	assert_got(&p.got, "01234567", 8);
	tls_run_ready(tls);
	assert_got(&p.got, "0123456789", 10);
	assert_false(tls_has_ready(tls));
	io_pair_end(&p);
}

static void who_was_paused_meanwhile_hears_of_it_when_it_wants(void **state)
{
	(void)state;
	PAIR_UP(p);
	io_peer_write(&p.peer, "0123456789", 10);
	io_peer_turn(&p.peer, &p.pipe);
	p.read_size = 4;
	io_pipe_turn(&p.pipe);
	io_pair_want(&p, 0);
	assert_false(tls_has_ready(tls));
	assert_int_equal(p.pipe.wanted, 0);
	io_pair_want(&p, STREAM_READABLE);
	io_pair_run(&p);
	assert_got(&p.got, "0123456789", 10);
	io_pair_end(&p);
}

static void who_looks_and_does_not_read_is_called_once_a_turn(void **state)
{
	(void)state;
	PAIR_UP(p);
	io_peer_write(&p.peer, "0123456789", 10);
	io_peer_turn(&p.peer, &p.pipe);
	p.read_size = 4;
	io_pipe_turn(&p.pipe);
	p.is_lazy = true;
	unsigned calls = p.calls;
	tls_run_ready(tls);
	tls_run_ready(tls);
	assert_int_equal(p.calls - calls, 2);
	assert_true(tls_has_ready(tls));
	io_pair_end(&p);
	assert_false(tls_has_ready(tls));
}

static struct io_pair *to_close;

static void close_another(struct stream *s, unsigned readiness)
{
	(void)s;
	(void)readiness;
	if (to_close)
		stream_close(to_close->stream, STREAM_CLOSE_RST);
	to_close = NULL;
}

static void a_ready_stream_may_close_another(void **state)
{
	(void)state;
	PAIR_UP(a);
	PAIR_UP(b);
	struct io_pair *both[] = {&a, &b};
	for (int i = 0; i < 2; i++) {
		io_peer_write(&both[i]->peer, "0123456789", 10);
		io_peer_turn(&both[i]->peer, &both[i]->pipe);
		both[i]->read_size = 4;
		io_pipe_turn(&both[i]->pipe);
	}
	a.stream->on_ready = close_another;
	to_close = &b;
	tls_run_ready(tls);
	assert_true(b.pipe.is_closed);
	assert_int_equal(b.got.length, 4);
	io_pair_end(&b);
	io_pair_end(&a);
}

static void half_a_record_does_not_spin(void **state)
{
	(void)state;
	PAIR_UP(p);
	io_peer_write(&p.peer, "0123456789", 10);
	io_peer_turn(&p.peer, &p.pipe);
	size_t whole = p.pipe.in.length;
	p.pipe.in.length -= 5;
	assert_true(io_pipe_turn(&p.pipe));
	assert_int_equal(p.got.length, 0);
	assert_false(tls_has_ready(tls));
	assert_false(io_pair_turn(&p));
	p.pipe.in.length = whole;
	io_pair_run(&p);
	assert_got(&p.got, "0123456789", 10);
	io_pair_end(&p);
}

/* --- the end --- */

static void what_came_before_the_end_is_read_before_it(void **state)
{
	(void)state;
	for (int has_fin = 0; has_fin < 2; has_fin++) {
		PAIR_UP(p);
		io_peer_write(&p.peer, "BYE", 3);
		SSL_shutdown(p.peer.ssl);
		io_peer_turn(&p.peer, &p.pipe);
		p.pipe.is_ended = has_fin;
		assert_true(io_pipe_turn(&p.pipe));
		assert_got(&p.got, "BYE", 3);
		io_pair_run(
			&p); /* without a FIN no event tells of the close_notify that was read */
		assert_true(p.has_ended);
		assert_false(p.has_failed);
		io_pair_end(&p);
	}
}

static void a_fin_without_goodbye_is_an_end(void **state)
{
	(void)state;
	PAIR_UP(p);
	p.pipe.is_ended = true;
	io_pair_turn(&p);
	assert_true(p.has_ended);
	assert_false(p.has_failed);
	io_pair_say(&p, "answer", 6); /* our own direction goes on */
	io_peer_turn(&p.peer, &p.pipe);
	assert_got(&p.peer.got, "answer", 6);
	io_pair_end(&p);
}

static void goodbye_goes_before_our_fin(void **state)
{
	(void)state;
	PAIR_UP(p);
	io_pair_say(&p, "last", 4);
	stream_shutdown(p.stream);
	assert_true(p.pipe.is_shut);
	io_peer_turn(&p.peer, &p.pipe);
	assert_got(&p.peer.got, "last", 4);
	assert_true(p.peer.has_ended);
	io_peer_write(&p.peer, "more", 4); /* reading goes on */
	io_pair_run(&p);
	assert_got(&p.got, "more", 4);
	stream_close(p.stream, STREAM_CLOSE_FIN);
	assert_int_equal(p.pipe.out.length, 0); /* nothing behind a FIN */
	io_pair_end(&p);
}

static void a_fin_waits_for_a_goodbye_that_is_blocked(void **state)
{
	(void)state;
	PAIR_UP(p);
	p.pipe.room = 3;
	stream_shutdown(p.stream);
	assert_false(p.pipe.is_shut);
	io_pair_run(&p);
	assert_false(p.pipe.is_shut);
	p.pipe.room = SIZE_MAX;
	io_pair_run(&p);
	assert_true(p.pipe.is_shut);
	assert_true(p.peer.has_ended);
	assert_int_equal(p.pipe.wanted, STREAM_READABLE);
	io_pair_end(&p);
}

static void close_says_goodbye_and_reset_does_not(void **state)
{
	(void)state;
	for (int is_reset = 0; is_reset < 2; is_reset++) {
		PAIR_UP(p);
		stream_close(p.stream, is_reset ? STREAM_CLOSE_RST : STREAM_CLOSE_FIN);
		assert_int_equal(p.pipe.how, is_reset ? STREAM_CLOSE_RST : STREAM_CLOSE_FIN);
		io_peer_turn(&p.peer, &p.pipe);
		assert_int_equal(p.peer.has_ended, !is_reset);
		io_pair_end(&p);
	}
}

static void a_close_in_the_midst_of_a_record_says_nothing_more(void **state)
{
	(void)state;
	PAIR_UP(p);
	p.pipe.room = 10;
	io_pair_say(&p, "0123456789", 10);
	p.pipe.room = SIZE_MAX;
	stream_close(p.stream, STREAM_CLOSE_FIN);
	assert_int_equal(p.pipe.out.length, 10);
	io_pair_end(&p);
}

static void who_is_paused_is_told_that_the_peer_is_gone(void **state)
{
	(void)state;
	PAIR_UP(p);
	io_pair_want(&p, 0);
	p.pipe.failing = 104;
	io_pair_turn(&p);
	assert_int_equal(p.told & STREAM_GONE, STREAM_GONE);
	assert_int_equal(p.stream->failure, 104);
	assert_null(p.stream->fault);
	io_pair_end(&p);
}

static void a_reset_is_told_by_its_errno(void **state)
{
	(void)state;
	PAIR_UP(p);
	p.pipe.failing = 104;
	io_pair_turn(&p);
	assert_true(p.has_failed);
	assert_int_equal(p.stream->failure, 104);
	assert_null(p.stream->fault);
	stream_close(p.stream, STREAM_CLOSE_FIN);
	assert_int_equal(p.pipe.out.length, 0);
	io_pair_end(&p);
}

/* They share one BIO: handshakes and transfers in all states at once, some of which end in their midst. */
static void streams_do_not_get_into_each_others_way(void **state)
{
	enum { PAIRS = 8, ROUNDS = 400 };
	static struct io_pair pairs[PAIRS];
	static uint8_t bytes[PAIRS][4000];
	(void)state;
	srandom(5);
	for (unsigned i = 0; i < PAIRS; i++) {
		fill(bytes[i], sizeof(bytes[i]), i);
		io_pair_begin(&pairs[i], tls, server, client, i * 40);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct io_pair *p = &pairs[random() % PAIRS];
		size_t n = (size_t)(p - pairs);
		p->pipe.gulp = (size_t)(1 + random() % 300);
		p->pipe.room = (size_t)(random() % 200);
		io_pair_turn(p);
		if (random() % 2)
			io_peer_turn(&p->peer, &p->pipe);
		if (p->is_up && p->due.length == 0)
			io_pair_say(p, bytes[n], sizeof(bytes[n]));
		if (round % 100 == 99) { /* wherever it is */
			io_pair_end(p);
			io_pair_begin(p, tls, server, client, 0);
		}
	}
	for (unsigned i = 0; i < PAIRS; i++) {
		pairs[i].pipe.room = SIZE_MAX;
		io_pair_run(&pairs[i]);
		assert_true(pairs[i].is_up && !pairs[i].has_failed);
		if (pairs[i].due.length == 0)
			io_pair_say(&pairs[i], bytes[i], sizeof(bytes[i]));
		io_pair_run(&pairs[i]);
		assert_got(&pairs[i].peer.got, bytes[i], sizeof(bytes[i]));
	}
	for (unsigned i = 0; i < PAIRS; i++)
		io_pair_end(&pairs[i]);
}

/* --- what is agreed on --- */

static void the_handshake_is_described(void **state)
{
	char name[] = "sip.example.com";
	struct stream_security security;
	struct io_pair p;
	(void)state;
	io_pair_begin(&p, tls, server, client, 0);
	SSL_set_tlsext_host_name(p.peer.ssl, name);
	tls_stream_describe(p.stream, &security);
	assert_null(security.version);
	assert_null(security.sni);
	io_pair_run(&p);
	tls_stream_describe(p.stream, &security);
	assert_string_equal(security.version, "1.3");
	assert_string_equal(security.sni, "sip.example.com");
	assert_false(security.is_resumed);
	assert_ptr_equal(tls_stream_raw(p.stream), &p.pipe.stream);
	assert_ptr_equal(tls_stream_raw(&p.pipe.stream), &p.pipe.stream);
	io_pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_survives_each_split_behind_the_header),
		cmocka_unit_test(input_behind_the_header_is_announced_without_an_event),
		cmocka_unit_test(who_waits_for_its_handshake_is_not_announced),
		cmocka_unit_test(bytes_may_come_and_go_one_by_one),
		cmocka_unit_test(a_blocked_handshake_goes_on_when_there_is_room),
		cmocka_unit_test(all_bytes_arrive_whatever_the_pressure),
		cmocka_unit_test(small_ranges_make_one_record_and_one_write),
		cmocka_unit_test(a_record_that_is_stuck_counts_as_not_written),
		cmocka_unit_test(one_socket_read_serves_many_messages),
		cmocka_unit_test(what_answers_a_write_is_read_before_it_is_announced),
		cmocka_unit_test(what_did_not_fit_is_announced_in_the_next_turn),
		cmocka_unit_test(who_was_paused_meanwhile_hears_of_it_when_it_wants),
		cmocka_unit_test(who_looks_and_does_not_read_is_called_once_a_turn),
		cmocka_unit_test(a_ready_stream_may_close_another),
		cmocka_unit_test(half_a_record_does_not_spin),
		cmocka_unit_test(what_came_before_the_end_is_read_before_it),
		cmocka_unit_test(a_fin_without_goodbye_is_an_end),
		cmocka_unit_test(goodbye_goes_before_our_fin),
		cmocka_unit_test(a_fin_waits_for_a_goodbye_that_is_blocked),
		cmocka_unit_test(close_says_goodbye_and_reset_does_not),
		cmocka_unit_test(a_close_in_the_midst_of_a_record_says_nothing_more),
		cmocka_unit_test(who_is_paused_is_told_that_the_peer_is_gone),
		cmocka_unit_test(a_reset_is_told_by_its_errno),
		cmocka_unit_test(streams_do_not_get_into_each_others_way),
		cmocka_unit_test(the_handshake_is_described),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
