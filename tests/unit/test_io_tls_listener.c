/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TLS listener becomes of its options: which certificate, version and cipher for whom, and which clients. */
#include "tests/unit/io_tls_pair.h"
#include "tests/unit/io_tls_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct io_place place;
static struct tls *tls;
static SSL_CTX *client;
static struct io_identity a_ec, a_rsa, b_ec, wild, ca, other_ca;

#define ONE(name) "certificates = ( { certificate = \"@/" name "\"; } );"

static int begin(void **state)
{
	(void)state;
	io_place_begin(&place);
	tls = malloc(sizeof(*tls));
	assert_true(tls && tls_init(tls, 16));
	client = io_context_new(false, NULL);
	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_min_proto_version(client, 0);
	a_ec = io_identity_new(
		&(struct io_identity_plan){.name = "a ec", .alternatives = "DNS:a.example.com"});
	a_rsa = io_identity_new(&(struct io_identity_plan){.name = "a rsa",
		.alternatives = "DNS:a.example.com,DNS:A2.example.com",
		.is_rsa = true});
	b_ec = io_identity_new(
		&(struct io_identity_plan){.name = "b ec", .alternatives = "DNS:b.example.com"});
	wild = io_identity_new(&(struct io_identity_plan){
		.name = "wild", .alternatives = "DNS:*.example.com,DNS:example.com"});
	ca = io_identity_new(&(struct io_identity_plan){.name = "CA", .is_ca = true});
	other_ca = io_identity_new(&(struct io_identity_plan){.name = "other", .is_ca = true});
	io_place_identity(&place, "a-ec.pem", &a_ec, 3, NULL);
	io_place_identity(&place, "a-rsa.pem", &a_rsa, 3, NULL);
	io_place_identity(&place, "b.pem", &b_ec, 3, NULL);
	io_place_identity(&place, "wild.pem", &wild, 3, NULL);
	io_place_identity(&place, "ca.pem", &ca, IO_WITH_CERTIFICATE, NULL);
	return 0;
}

static int end(void **state)
{
	struct io_identity *all[] = {&a_ec, &a_rsa, &b_ec, &wild, &ca, &other_ca};
	(void)state;
	for (size_t i = 0; i < 6; i++)
		io_identity_free(all[i]);
	SSL_CTX_free(client);
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

/* One handshake; the pair is ended by the caller. */
static void shake(struct io_pair *p, const struct tls_setup *s, SSL_CTX *theirs, char *name)
{
	io_pair_accept(p, tls, tls_setup_accept(s, 1), theirs, 0);
	if (name)
		SSL_set_tlsext_host_name(p->peer.ssl, name);
	io_pair_run(p);
}

/* --- names --- */

static void assert_served(const struct tls_setup *s, SSL_CTX *theirs, const char *asked,
	const struct io_identity *expected)
{
	struct io_pair p;
	char name[300] = "";
	snprintf(name, sizeof(name), "%s", asked ? asked : "");
	shake(&p, s, theirs, asked ? name : NULL);
	assert_true(p.is_up && p.peer.is_up);
	assert_int_equal(X509_cmp(SSL_get0_peer_certificate(p.peer.ssl), expected->certificate), 0);
	io_pair_end(&p);
}

static void the_name_decides_which_certificate(void **state)
{
	(void)state;
	struct tls_setup *s =
		setup("certificates = ( { certificate = \"@/b.pem\"; }, { certificate = "
		      "\"@/wild.pem\"; }, { certificate = \"@/a-ec.pem\"; } );");
	io_place_assert_silent(&place);
	assert_served(s, client, NULL, &b_ec);
	assert_served(s, client, "b.example.com", &b_ec);
	assert_served(s, client, "a.example.com", &a_ec);
	assert_served(s, client, "A.Example.COM", &a_ec);
	assert_served(s, client, "c.example.com", &wild);
	assert_served(s, client, "example.com", &wild);
	assert_served(s, client, "deep.c.example.com", &b_ec); /* a wildcard is one label */
	assert_served(s, client, "example.org", &b_ec);
	assert_served(s, client, "x", &b_ec);
	tls_setup_release(place.world, s);
}

static SSL_CTX *client_of(const char *algorithms, int max_version)
{
	SSL_CTX *c = io_context_new(false, NULL);
	char list[100];
	snprintf(list, sizeof(list), "%s", algorithms);
	assert_int_equal(SSL_CTX_set1_sigalgs_list(c, list), 1);
	SSL_CTX_set_max_proto_version(c, max_version);
	return c;
}

static void rsa_and_ecdsa_stand_side_by_side(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	(void)state;
	struct tls_setup *s = setup(
		"certificates = ( { certificate = \"@/b.pem\"; }, { certificate = \"@/a-rsa.pem\"; "
		"}, { certificate = \"@/a-ec.pem\"; } );");
	struct tls_setup *first = setup("certificates = ( { certificate = \"@/a-rsa.pem\"; }, { "
					"certificate = \"@/a-ec.pem\"; } );");
	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *ec = client_of("ECDSA+SHA256", versions[i]);
		SSL_CTX *rsa = client_of("RSA-PSS+SHA256:RSA+SHA256", versions[i]);
		assert_served(s, ec, "a.example.com", &a_ec);
		assert_served(s, rsa, "a.example.com", &a_rsa);
		assert_served(s, rsa, "a2.example.com", &a_rsa);
		assert_served(first, ec, NULL, &a_ec); /* the default has both, too */
		assert_served(first, rsa, NULL, &a_rsa);
		struct io_pair p;
		char alone[] = "a2.example.com";
		shake(&p, first, ec, alone); /* there the default's other key is no answer */
		assert_true(p.has_failed);
		io_pair_end(&p);
		SSL_CTX_free(ec);
		SSL_CTX_free(rsa);
	}
	tls_setup_release(place.world, s);
	tls_setup_release(place.world, first);
}

static void the_chain_is_sent_with_the_certificate(void **state)
{
	struct io_identity middle = io_identity_new(
		&(struct io_identity_plan){.name = "middle", .is_ca = true, .issuer = &ca});
	struct io_identity leaf = io_identity_new(&(struct io_identity_plan){
		.name = "leaf", .alternatives = "DNS:leaf.example.com", .issuer = &middle});
	SSL_CTX *wary = io_context_new(false, NULL);
	char name[] = "leaf.example.com";
	(void)state;
	const struct io_identity *chain[] = {&middle, NULL};
	io_place_identity(&place, "leaf.pem", &leaf, IO_WITH_CERTIFICATE, chain);
	io_place_identity(&place, "leaf.key", &leaf, IO_WITH_KEY, NULL);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(wary), ca.certificate);
	SSL_CTX_set_verify(wary, SSL_VERIFY_PEER, NULL);
	for (int is_default = 0; is_default < 2; is_default++) {
		struct tls_setup *s = setup(
			is_default
				? "certificates = ( { certificate = \"@/leaf.pem\"; private_key = "
				  "\"@/leaf.key\"; } );"
				: "certificates = ( { certificate = \"@/b.pem\"; }, { certificate "
				  "= "
				  "\"@/leaf.pem\"; private_key = \"@/leaf.key\"; } );");
		struct io_pair p;
		shake(&p, s, wary, name);
		assert_true(p.is_up && p.peer.is_up);
		io_pair_end(&p);
		tls_setup_release(place.world, s);
	}
	SSL_CTX_free(wary);
	io_identity_free(&leaf);
	io_identity_free(&middle);
}

/* --- versions and ciphers --- */

static bool is_served_with(const struct tls_setup *s, int version)
{
	struct io_pair p;
	SSL_CTX *c = io_context_new(false, NULL);
	SSL_CTX_set_security_level(c, 0);
	SSL_CTX_set_min_proto_version(c, version);
	SSL_CTX_set_max_proto_version(c, version);
	shake(&p, s, c, NULL);
	bool is_up = p.is_up && p.peer.is_up;
	assert_true(is_up || !strcmp(p.stream->fault, "unsupported_version"));
	io_pair_end(&p);
	SSL_CTX_free(c);
	return is_up;
}

static void min_version_is_the_oldest_that_is_spoken(void **state)
{
	static const int versions[] = {
		TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	static const char *const names[] = {"1.0", "1.1", "1.2", "1.3"};
	(void)state;
	for (size_t min = 0; min < 4; min++) {
		char options[200];
		snprintf(options, sizeof(options), ONE("a-rsa.pem") " min_version = \"%s\";",
			names[min]);
		struct tls_setup *s = setup(options);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(is_served_with(s, versions[i]), i >= min);
		tls_setup_release(place.world, s);
	}
	struct tls_setup *s = setup(ONE("a-ec.pem") " min_version = \"1.0\";");
	assert_true(is_served_with(s, TLS1_VERSION)); /* with ECDSA too */
	tls_setup_release(place.world, s);
}

static void ciphers_are_those_that_are_allowed(void **state)
{
	struct io_pair p;
	SSL_CTX *old = io_context_new(false, NULL);
	(void)state;
	struct tls_setup *s =
		setup(ONE("a-ec.pem") " ciphers = \"ECDHE-ECDSA-AES256-GCM-SHA384\"; "
				      "ciphersuites = \"TLS_CHACHA20_POLY1305_SHA256\";");
	shake(&p, s, client, NULL);
	assert_string_equal(SSL_get_cipher_name(p.peer.ssl), "TLS_CHACHA20_POLY1305_SHA256");
	io_pair_end(&p);
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	shake(&p, s, old, NULL);
	assert_string_equal(SSL_get_cipher_name(p.peer.ssl), "ECDHE-ECDSA-AES256-GCM-SHA384");
	io_pair_end(&p);
	SSL_CTX_set_cipher_list(old, "ECDHE-ECDSA-AES128-GCM-SHA256");
	shake(&p, s, old, NULL);
	assert_string_equal(p.stream->fault, "no_shared_cipher");
	io_pair_end(&p);
	SSL_CTX_free(old);
	tls_setup_release(place.world, s);
}

static void neither_compression_nor_renegotiation_nor_a_cache(void **state)
{
	(void)state;
	struct tls_setup *s = setup(ONE("b.pem"));
	SSL *ssl = tls_setup_accept(s, 0);
	SSL_CTX *c = SSL_get_SSL_CTX(ssl);
	assert_true(SSL_get_options(ssl) & SSL_OP_NO_COMPRESSION);
	assert_true(SSL_get_options(ssl) & SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(SSL_CTX_get_session_cache_mode(c), SSL_SESS_CACHE_OFF);
	assert_int_equal(SSL_CTX_get_num_tickets(c), 1);
	SSL_free(ssl);
	tls_setup_release(place.world, s);
}

/* --- certificates of clients --- */

static struct io_identity phone(const struct io_identity *issuer, long serial, long until_s)
{
	return io_identity_new(&(struct io_identity_plan){.name = "phone \x01 17",
		.issuer = issuer,
		.serial = serial,
		.from_s = -86400,
		.until_s = until_s,
		.usage = "clientAuth"});
}

/* What comes of a client with this certificate (NULL: none): a fault, or "" for a handshake that is done. */
static const char *fate(const struct tls_setup *s, const struct io_identity *i, const char **detail)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static char told[400];
	const char *faults[2] = {"", ""};
	for (size_t v = 0; v < 2; v++) {
		struct io_pair p;
		SSL_CTX *c = io_context_new(false, i);
		SSL_CTX_set_max_proto_version(c, versions[v]);
		shake(&p, s, c, NULL);
		if (p.has_failed) {
			faults[v] = p.stream->fault;
			snprintf(told, sizeof(told), "%s", p.stream->detail);
		}
		assert_int_equal(p.is_up, !p.has_failed);
		io_pair_end(&p);
		SSL_CTX_free(c);
	}
	assert_string_equal(faults[0], faults[1]);
	if (detail)
		*detail = told;
	return faults[0];
}

#define CLIENTS(mode) ONE("b.pem") " client_ca = \"@/ca.pem\"; verify_client = \"" mode "\";"

static void clients_are_known_by_their_authority(void **state)
{
	struct io_identity good = phone(&ca, 7, 86400), expired = phone(&ca, 8, -3600),
			   foreign = phone(&other_ca, 9, 86400), self = phone(NULL, 10, 86400);
	const char *detail;
	(void)state;
	struct tls_setup *require = setup(CLIENTS("require"));
	struct tls_setup *optional = setup(CLIENTS("optional"));
	struct tls_setup *off = setup(ONE("b.pem"));
	assert_string_equal(fate(require, &good, NULL), "");
	assert_string_equal(fate(require, NULL, NULL), "certificate_missing");
	assert_string_equal(fate(require, &expired, &detail), "certificate_expired");
	assert_non_null(strstr(detail, "/CN=phone")); /* whose it was */
	assert_null(strchr(detail, '\x01'));
	assert_string_equal(fate(require, &foreign, &detail), "unknown_ca");
	assert_non_null(strstr(detail, "/CN=other"));
	assert_string_equal(fate(require, &self, NULL), "self_signed");
	assert_string_equal(fate(optional, &good, NULL), "");
	assert_string_equal(fate(optional, NULL, NULL), "");
	assert_string_equal(fate(optional, &foreign, NULL), "unknown_ca");
	assert_string_equal(fate(off, &foreign, NULL), "");
	tls_setup_release(place.world, require);
	tls_setup_release(place.world, optional);
	tls_setup_release(place.world, off);
	struct io_identity *all[] = {&good, &expired, &foreign, &self};
	for (size_t i = 0; i < 4; i++)
		io_identity_free(all[i]);
}

static void certificates_have_a_purpose(void **state)
{
	struct io_identity server = io_identity_new(
		&(struct io_identity_plan){.name = "server", .issuer = &ca, .usage = "serverAuth"});
	(void)state;
	struct tls_setup *s = setup(CLIENTS("require"));
	assert_string_equal(fate(s, &server, NULL), "certificate_purpose");
	tls_setup_release(place.world, s);
	io_identity_free(&server);
}

static void revoked_clients_are_refused(void **state)
{
	static const long none[] = {0}, seven[] = {7, 0};
	struct io_identity good = phone(&ca, 6, 86400), bad = phone(&ca, 7, 86400);
	(void)state;
	io_place_crl(&place, "crl.pem", &ca, seven, 86400);
	struct tls_setup *s = setup(CLIENTS("require") " client_crl = \"@/crl.pem\";");
	io_place_assert_silent(&place);
	assert_string_equal(fate(s, &good, NULL), "");
	assert_string_equal(fate(s, &bad, NULL), "certificate_revoked");
	tls_setup_release(place.world, s);

	io_place_crl(&place, "crl.pem", &ca, none, -3600);
	s = setup(CLIENTS("require") " client_crl = \"@/crl.pem\";");
	io_place_assert_warning(&place, "listeners.in.tls.client_crl", "out of date");
	assert_string_equal(fate(s, &good, NULL), "crl_expired");
	tls_setup_release(place.world, s);

	io_place_crl(&place, "crl.pem", &other_ca, none, 86400);
	s = setup(CLIENTS("require") " client_crl = \"@/crl.pem\";");
	io_place_assert_warning(
		&place, "listeners.in.tls.client_crl", "there is no list of \"/CN=CA\"");
	assert_string_equal(fate(s, &good, NULL), "crl_missing");
	tls_setup_release(place.world, s);
	io_identity_free(&good);
	io_identity_free(&bad);
}

/* --- when they expire --- */

static void each_certificate_is_listed_with_its_end(void **state)
{
	struct io_identity middle = io_identity_new(&(struct io_identity_plan){.name = "middle",
		.is_ca = true,
		.issuer = &ca,
		.from_s = -86400,
		.until_s = 5 * 86400});
	struct io_identity leaf = io_identity_new(&(struct io_identity_plan){
		.name = "leaf", .alternatives = "DNS:leaf.example.com", .issuer = &middle});
	const struct io_identity *chain[] = {&middle, NULL};
	struct tls_expiry e;
	time_t now_s = time(NULL);
	(void)state;
	io_place_identity(&place, "leaf.pem", &leaf, 3, chain);
	struct tls_setup *s =
		setup("certificates = ( { certificate = \"@/b.pem\"; }, { certificate = "
		      "\"@/leaf.pem\"; } );");
	assert_true(tls_setup_expiry(s, 0, &e));
	assert_string_equal(e.name, "b.example.com");
	assert_in_range(e.at_s - now_s, 364 * 86400, 365 * 86400);
	assert_true(tls_setup_expiry(s, 1, &e));
	assert_string_equal(e.name, "leaf.example.com");
	assert_in_range(e.at_s - now_s, 5 * 86400 - 60, 5 * 86400); /* the chain's end is its own */
	assert_false(tls_setup_expiry(s, 2, &e));
	tls_setup_release(place.world, s);
	io_identity_free(&leaf);
	io_identity_free(&middle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_decides_which_certificate),
		cmocka_unit_test(rsa_and_ecdsa_stand_side_by_side),
		cmocka_unit_test(the_chain_is_sent_with_the_certificate),
		cmocka_unit_test(min_version_is_the_oldest_that_is_spoken),
		cmocka_unit_test(ciphers_are_those_that_are_allowed),
		cmocka_unit_test(neither_compression_nor_renegotiation_nor_a_cache),
		cmocka_unit_test(clients_are_known_by_their_authority),
		cmocka_unit_test(certificates_have_a_purpose),
		cmocka_unit_test(revoked_clients_are_refused),
		cmocka_unit_test(each_certificate_is_listed_with_its_end),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
