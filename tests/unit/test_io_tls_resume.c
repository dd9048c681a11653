/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions that are resumed, and those that must not be: across workers, reloads and instances. */
#include "tests/unit/io_tls_pair.h"
#include "tests/unit/io_tls_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct io_place place;
static struct tls *tls;
static struct io_identity a, b, ca, phone;
static SSL_CTX *clients[2]; /* TLS 1.2 and 1.3 */

#define ONE "certificates = ( { certificate = \"@/a.pem\"; } );"

/* openssl rand -base64 80, of three days */
#define KEY_1                                                                                  \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+" \
	"P0BBQkNERUZHSElKS0xNTk8=\n"
#define KEY_2                                                                                  \
	"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGi" \
	"o6SlpqeoqaqrrK2ur7CxsrM=\n"

static SSL_SESSION *kept;

static int keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = session;
	return 1;
}

static int begin(void **state)
{
	(void)state;
	io_place_begin(&place);
	tls = malloc(sizeof(*tls));
	assert_true(tls && tls_init(tls, 16));
	ca = io_identity_new(&(struct io_identity_plan){.name = "CA", .is_ca = true});
	a = io_identity_new(&(struct io_identity_plan){.name = "a"});
	b = io_identity_new(&(struct io_identity_plan){.name = "b"});
	phone = io_identity_new(&(struct io_identity_plan){
		.name = "phone", .issuer = &ca, .usage = "clientAuth", .serial = 7});
	io_place_identity(&place, "a.pem", &a, 3, NULL);
	io_place_identity(&place, "ca.pem", &ca, IO_WITH_CERTIFICATE, NULL);
	for (size_t i = 0; i < 2; i++) {
		clients[i] = io_context_new(false, &phone);
		SSL_CTX_set_max_proto_version(clients[i], i ? TLS1_3_VERSION : TLS1_2_VERSION);
		SSL_CTX_set_session_cache_mode(
			clients[i], SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(clients[i], keep);
	}
	return 0;
}

static int end(void **state)
{
	struct io_identity *all[] = {&a, &b, &ca, &phone};
	(void)state;
	for (size_t i = 0; i < 4; i++)
		io_identity_free(all[i]);
	SSL_CTX_free(clients[0]);
	SSL_CTX_free(clients[1]);
	tls_fini(tls);
	free(tls);
	io_place_end(&place);
	return 0;
}

static struct tls_setup *setup(const char *options)
{
	struct tls_setup *s = io_place_listener(&place, options, NULL);
	conf_errors_print(&place.errors.errors, "", stderr);
	assert_non_null(s);
	return s;
}

/* One connection, with the session kept if there is one; whether it was resumed. */
static bool call(const struct tls_setup *s, unsigned worker, SSL_CTX *client)
{
	struct stream_security security;
	struct io_pair p;
	SSL_SESSION *offered = kept;
	kept = NULL;
	io_pair_accept(&p, tls, tls_setup_accept(s, worker), client, 0);
	if (offered)
		SSL_set_session(p.peer.ssl, offered);
	io_pair_run(&p);
	assert_true(p.is_up && p.peer.is_up);
	io_peer_write(&p.peer, "x", 1);
	io_pair_run(&p);
	tls_stream_describe(p.stream, &security);
	bool is_resumed = security.is_resumed;
	assert_int_equal(is_resumed, SSL_session_reused(p.peer.ssl));
	SSL_shutdown(p.peer.ssl);
	if (!kept) /* resumed with TLS 1.2, where OpenSSL does not tell of a new ticket */
		kept = SSL_get1_session(p.peer.ssl);
	io_pair_end(&p);
	SSL_SESSION_free(offered);
	assert_non_null(kept);
	return is_resumed;
}

/* Whether a session made with `first` is resumed with `second`, by either version. */
static bool resumes(const struct tls_setup *first, unsigned worker, const struct tls_setup *second,
	unsigned next_worker)
{
	bool is_resumed[2];
	for (size_t i = 0; i < 2; i++) {
		assert_false(call(first, worker, clients[i]));
		is_resumed[i] = call(second, next_worker, clients[i]);
		SSL_SESSION_free(kept);
		kept = NULL;
	}
	assert_int_equal(is_resumed[0], is_resumed[1]);
	return is_resumed[0];
}

static void sessions_are_resumed_by_any_worker(void **state)
{
	(void)state;
	struct tls_setup *s = setup(ONE);
	assert_true(resumes(s, 0, s, 0));
	assert_true(resumes(s, 0, s, 1));
	assert_true(resumes(s, 1, s, 0));
	tls_setup_release(place.world, s);
}

static void a_session_may_be_resumed_again_and_again(void **state)
{
	(void)state;
	struct tls_setup *s = setup(ONE);
	for (size_t i = 0; i < 2; i++) {
		assert_false(call(s, 0, clients[i]));
		for (unsigned n = 0; n < 5; n++)
			assert_true(call(s, n % 2, clients[i]));
		SSL_SESSION_free(kept);
		kept = NULL;
	}
	tls_setup_release(place.world, s);
}

static void sessions_outlive_a_new_certificate(void **state)
{
	(void)state;
	struct tls_setup *before = setup(ONE);
	io_place_identity(&place, "a.pem", &b, 3, NULL);
	struct tls_setup *after = io_place_listener(&place, ONE, before);
	assert_ptr_not_equal(before, after);
	assert_true(resumes(before, 0, after, 1));
	tls_setup_release(place.world, before);
	tls_setup_release(place.world, after);
	io_place_identity(&place, "a.pem", &a, 3, NULL);
}

static void other_rules_end_sessions(void **state)
{
	static const long nobody[] = {0}, the_phone[] = {7, 0};
	static const char require[] = ONE "client_ca = \"@/ca.pem\"; verify_client = \"require\";";
	static const char revoking[] = ONE
		"client_ca = \"@/ca.pem\"; verify_client = \"require\"; client_crl = \"@/crl\";";
	(void)state;
	io_place_crl(&place, "crl", &ca, nobody, 86400);
	struct tls_setup *plain = setup(ONE);
	struct tls_setup *strict = setup(require);
	struct tls_setup *with_list = setup(revoking);
	struct tls_setup *fewer = setup(ONE "ciphersuites = \"TLS_AES_128_GCM_SHA256\";");
	assert_true(resumes(strict, 0, strict, 1));
	assert_false(resumes(plain, 0, strict, 0));
	assert_false(resumes(strict, 0, plain, 0));
	assert_false(resumes(strict, 0, with_list, 0));
	assert_false(resumes(plain, 0, fewer, 0));

	/* the client is revoked: what it has from before is of no use */
	io_place_crl(&place, "crl", &ca, the_phone, 86400);
	struct tls_setup *revoked = io_place_listener(&place, revoking, with_list);
	assert_ptr_not_equal(revoked, with_list);
	assert_false(call(with_list, 0, clients[1]));
	struct io_pair p;
	io_pair_accept(&p, tls, tls_setup_accept(revoked, 0), clients[1], 0);
	SSL_set_session(p.peer.ssl, kept);
	io_pair_run(&p);
	assert_true(p.has_failed);
	assert_string_equal(p.stream->fault, "certificate_revoked");
	io_pair_end(&p);
	SSL_SESSION_free(kept);
	kept = NULL;
	struct tls_setup *all[] = {plain, strict, with_list, fewer, revoked};
	for (size_t i = 0; i < 5; i++)
		tls_setup_release(place.world, all[i]);
}

/* Another process: random keys of its own. */
static void sessions_reach_other_instances_by_shared_keys(void **state)
{
	struct io_place other;
	(void)state;
	io_place_begin(&other);
	io_place_identity(&other, "a.pem", &a, 3, NULL);
	struct tls_setup *here = setup(ONE), *there = io_place_listener(&other, ONE, NULL);
	assert_false(resumes(here, 0, there, 0));
	tls_setup_release(place.world, here);
	tls_setup_release(other.world, there);

	static const char shared[] = ONE "ticket_keys = \"@/keys\";";
	io_place_text(&place, "keys", KEY_1);
	io_place_text(&other, "keys", KEY_2 KEY_1); /* it is a day ahead already */
	here = setup(shared);
	there = io_place_listener(&other, shared, NULL);
	assert_true(resumes(here, 0, there, 1));
	assert_false(resumes(there, 0, here, 1)); /* made with a key that is not known here yet */

	io_place_text(&place, "keys", KEY_2 KEY_1);
	struct tls_setup *rotated = io_place_listener(&place, shared, here);
	assert_ptr_not_equal(rotated, here);
	assert_true(resumes(there, 0, rotated, 1));
	assert_true(resumes(here, 0, rotated, 1));
	tls_setup_release(place.world, here);
	tls_setup_release(place.world, rotated);
	tls_setup_release(other.world, there);
	io_place_end(&other);
}

static void an_old_key_is_replaced_by_a_new_ticket(void **state)
{
	static const char shared[] = ONE "ticket_keys = \"@/keys\";";
	(void)state;
	io_place_text(&place, "keys", KEY_1);
	struct tls_setup *old = setup(shared);
	io_place_text(&place, "keys", KEY_2 KEY_1);
	struct tls_setup *both = setup(shared);
	io_place_text(&place, "keys", KEY_2);
	struct tls_setup *new = setup(shared);
	for (size_t i = 0; i < 2; i++) {
		assert_false(call(old, 0, clients[i]));
		assert_true(call(both, 0, clients[i]));
		assert_true(call(new, 0, clients[i]));
		SSL_SESSION_free(kept);
		kept = NULL;
	}
	tls_setup_release(place.world, old);
	tls_setup_release(place.world, both);
	tls_setup_release(place.world, new);
}

/* --- what a reload leaves alone --- */

static void what_did_not_change_is_not_built_again(void **state)
{
	static const char all[] =
		ONE "client_ca = \"@/ca.pem\"; client_crl = \"@/crl\"; verify_client "
		    "= \"optional\"; ticket_keys = \"@/keys\";";
	static const long nobody[] = {0};
	(void)state;
	io_place_crl(&place, "crl", &ca, nobody, 86400);
	io_place_text(&place, "keys", KEY_1);
	struct tls_setup *s = setup(all);
	struct tls_setup *same = io_place_listener(&place, all, s);
	assert_ptr_equal(same, s);
	tls_setup_release(place.world, same);

	struct tls_setup *other = io_place_listener(&place, ONE, s); /* an option */
	assert_ptr_not_equal(other, s);
	tls_setup_release(place.world, other);
	io_place_text(&place, "keys", KEY_2); /* a file */
	other = io_place_listener(&place, all, s);
	assert_ptr_not_equal(other, s);
	tls_setup_release(place.world, other);
	tls_setup_release(place.world, s);
}

static void a_broken_file_leaves_the_setup_before_as_it_was(void **state)
{
	(void)state;
	struct tls_setup *s = setup(ONE);
	io_place_text(&place, "a.pem", "broken");
	assert_null(io_place_listener(&place, ONE, s));
	assert_false(call(s, 0, clients[1]));
	assert_true(call(s, 1, clients[1]));
	SSL_SESSION_free(kept);
	kept = NULL;
	tls_setup_release(place.world, s);
	io_place_identity(&place, "a.pem", &a, 3, NULL);
}

static void connections_outlive_their_setup(void **state)
{
	struct io_pair p, waiting;
	char name[] = "unknown";
	(void)state;
	struct tls_setup *s = setup(ONE);
	io_pair_accept(&p, tls, tls_setup_accept(s, 0), clients[1], 0);
	io_pair_run(&p);
	io_pair_accept(&waiting, tls, tls_setup_accept(s, 1), clients[1], 0);
	SSL_set_tlsext_host_name(waiting.peer.ssl, name);
	tls_setup_release(place.world, s);
	io_peer_write(&p.peer, "still", 5);
	io_pair_run(&p);
	assert_int_equal(p.got.length, 5);
	io_pair_run(&waiting); /* a handshake that was begun before */
	assert_true(waiting.is_up);
	io_pair_end(&waiting);
	io_pair_end(&p);
	SSL_SESSION_free(kept);
	kept = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_resumed_by_any_worker),
		cmocka_unit_test(a_session_may_be_resumed_again_and_again),
		cmocka_unit_test(sessions_outlive_a_new_certificate),
		cmocka_unit_test(other_rules_end_sessions),
		cmocka_unit_test(sessions_reach_other_instances_by_shared_keys),
		cmocka_unit_test(an_old_key_is_replaced_by_a_new_ticket),
		cmocka_unit_test(what_did_not_change_is_not_built_again),
		cmocka_unit_test(a_broken_file_leaves_the_setup_before_as_it_was),
		cmocka_unit_test(connections_outlive_their_setup),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
