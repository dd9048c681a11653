/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS to servers: whom we believe, what is said of the others, and sessions that are resumed. */
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
static struct io_identity ca, other_ca, us;
static struct addr_port server, server6;

static int begin(void **state)
{
	(void)state;
	io_place_begin(&place);
	tls = malloc(sizeof(*tls));
	assert_true(tls && tls_init(tls, 16));
	ca = io_identity_new(&(struct io_identity_plan){.name = "CA", .is_ca = true});
	other_ca = io_identity_new(&(struct io_identity_plan){.name = "other", .is_ca = true});
	us = io_identity_new(
		&(struct io_identity_plan){.name = "us", .issuer = &ca, .usage = "clientAuth"});
	io_place_identity(&place, "ca.pem", &ca, IO_WITH_CERTIFICATE, NULL);
	io_place_identity(&place, "us.pem", &us, 3, NULL);
	assert_true(addr_port_parse(&server, "192.0.2.1:5061"));
	assert_true(addr_port_parse(&server6, "[2001:db8::1]:5061"));
	return 0;
}

static int end(void **state)
{
	(void)state;
	io_identity_free(&ca);
	io_identity_free(&other_ca);
	io_identity_free(&us);
	tls_fini(tls);
	free(tls);
	io_place_end(&place);
	return 0;
}

static struct tls_setup *setup(const char *options)
{
	struct tls_setup *s = io_place_pool(&place, options, NULL);
	conf_errors_print(&place.errors.errors, "", stderr);
	assert_non_null(s);
	return s;
}

static void call(struct io_pair *p, const struct tls_setup *s, unsigned worker, SSL_CTX *theirs,
	const struct addr_port *to)
{
	io_pair_connect(p, tls, tls_setup_connect(s, worker, to, NULL), theirs, NULL, 0);
	io_pair_say(p, "OPTIONS", 7);
	io_pair_run(p);
}

/* What comes of a connection to a server with this identity: "", or the fault; *detail says more. */
static const char *fate(const char *options, const struct io_identity *i,
	const struct addr_port *to, const char **detail)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static char told[400];
	const char *faults[2] = {"", ""};
	struct tls_setup *s = setup(options);
	for (size_t v = 0; v < 2; v++) {
		struct io_pair p;
		SSL_CTX *theirs = io_context_new(true, NULL);
		SSL_CTX_set_security_level(theirs, 0);
		SSL_CTX_use_certificate(theirs, i->certificate);
		SSL_CTX_use_PrivateKey(theirs, i->key);
		SSL_CTX_set_max_proto_version(theirs, versions[v]);
		call(&p, s, 0, theirs, to);
		if (p.has_failed) {
			assert_non_null(p.stream->fault);
			faults[v] = p.stream->fault;
			snprintf(told, sizeof(told), "%s", p.stream->detail);
			assert_int_equal(
				p.sent, 0); /* not a byte before it is known who is there */
		} else {
			assert_int_equal(p.peer.got.length, 7);
		}
		io_pair_end(&p);
		SSL_CTX_free(theirs);
	}
	tls_setup_release(place.world, s);
	assert_string_equal(faults[0], faults[1]);
	if (detail)
		*detail = told;
	return faults[0];
}

#define NAMED "tls: { ca = \"@/ca.pem\"; server_name = \"sip.example.com\"; };"
#define NAMED_US                                                                      \
	"tls: { ca = \"@/ca.pem\"; server_name = \"sip.example.com\"; certificate = " \
	"\"@/us.pem\"; };"
#define BY_IP "tls: { ca = \"@/ca.pem\"; };"
#define BLIND "tls: { verify = false; };"

struct kind {
	struct io_identity_plan plan;
	const char *options;
	const struct addr_port *to;
	const char *fault, *detail;
};

static void servers_are_believed_or_not(void **state)
{
	static const char host[] = "DNS:sip.example.com";
	const struct kind kinds[] = {
		{{.alternatives = host, .issuer = &ca}, NAMED, &server, "", NULL},
		{{.alternatives = "DNS:*.example.com", .issuer = &ca}, NAMED, &server, "", NULL},
		{{.alternatives = "IP:192.0.2.1", .issuer = &ca}, BY_IP, &server, "", NULL},
		{{.alternatives = "IP:2001:db8::1", .issuer = &ca}, BY_IP, &server6, "", NULL},
		{{.alternatives = host}, BLIND, &server, "", NULL},
		{{.alternatives = host, .issuer = &other_ca}, NAMED, &server, "unknown_ca",
			"signed by /CN=other"},
		{{.alternatives = host}, NAMED, &server, "self_signed", "tls.ca"},
		{{.alternatives = host, .issuer = &ca, .from_s = -9000, .until_s = -60}, NAMED,
			&server, "certificate_expired", "/CN=server"},
		{{.alternatives = host, .issuer = &ca, .from_s = 9000, .until_s = 99000}, NAMED,
			&server, "certificate_not_yet_valid", "clocks"},
		{{.alternatives = "DNS:a.example.org,DNS:b.example.org,IP:192.0.2.9",
			 .issuer = &ca},
			NAMED, &server, "name_mismatch",
			"expected sip.example.com, it has a.example.org, b.example.org, 192.0.2.9"},
		{{.alternatives = host, .issuer = &ca}, BY_IP, &server, "name_mismatch",
			"expected 192.0.2.1, it has sip.example.com"},
		{{.alternatives = "IP:192.0.2.1", .issuer = &ca}, BY_IP, &server6, "name_mismatch",
			"expected 2001:db8::1, it has 192.0.2.1"},
		{{.issuer = &ca}, NAMED, &server, "name_mismatch", "it has /CN=server"},
		{{.alternatives = host, .issuer = &ca, .is_rsa = true, .bits = 1024}, NAMED,
			&server, "certificate_weak", "/CN=server"},
		{{.alternatives = host, .issuer = &ca, .usage = "clientAuth"}, NAMED, &server,
			"certificate_purpose", "/CN=server"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct io_identity_plan plan = kinds[i].plan;
		const char *detail;
		plan.name = "server";
		struct io_identity identity = io_identity_new(&plan);
		assert_string_equal(
			fate(kinds[i].options, &identity, kinds[i].to, &detail), kinds[i].fault);
		if (kinds[i].detail && !strstr(detail, kinds[i].detail))
			fail_msg("\"%s\" is not in \"%s\"", kinds[i].detail, detail);
		io_identity_free(&identity);
	}
}

static void a_certificate_may_be_trusted_by_itself(void **state)
{
	struct io_identity self = io_identity_new(&(struct io_identity_plan){
		.name = "server", .alternatives = "DNS:sip.example.com"});
	(void)state;
	io_place_identity(&place, "self.pem", &self, IO_WITH_CERTIFICATE, NULL);
	assert_string_equal(
		fate("tls: { ca = \"@/self.pem\"; server_name = \"sip.example.com\"; };", &self,
			&server, NULL),
		"");
	io_identity_free(&self);
}

static void by_default_the_system_is_believed(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){
		.name = "server", .alternatives = "IP:192.0.2.1", .issuer = &ca});
	char path[200];
	(void)state;
	snprintf(path, sizeof(path), "%s/ca.pem", place.folder);
	assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
	assert_string_equal(fate("", &identity, &server, NULL), "");
	io_place_identity(&place, "system.pem", &other_ca, IO_WITH_CERTIFICATE, NULL);
	snprintf(path, sizeof(path), "%s/system.pem", place.folder);
	assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
	assert_string_equal(fate("", &identity, &server, NULL), "unknown_ca");
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	io_identity_free(&identity);
}

/* --- what is shown of us --- */

static SSL_CTX *wary_server(int version, const struct io_identity *identity)
{
	SSL_CTX *theirs = io_context_new(true, identity);
	SSL_CTX_set_max_proto_version(theirs, version);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(theirs), ca.certificate);
	SSL_CTX_set_verify(theirs, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return theirs;
}

static void servers_may_want_a_certificate(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "s"});
	(void)state;
	struct tls_setup *with = setup("tls: { verify = false; certificate = \"@/us.pem\"; "
				       "server_name = \"a.example\"; };");
	struct tls_setup *without = setup(BLIND);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX *theirs = wary_server(version, &identity);
		struct io_pair p;
		call(&p, with, 1, theirs, &server);
		assert_int_equal(p.peer.got.length, 7);
		assert_int_equal(
			X509_cmp(SSL_get0_peer_certificate(p.peer.ssl), us.certificate), 0);
		assert_string_equal(
			SSL_get_servername(p.peer.ssl, TLSEXT_NAMETYPE_host_name), "a.example");
		io_pair_end(&p);
		call(&p, without, 0, theirs, &server);
		assert_true(p.has_failed);
		assert_string_equal(p.stream->fault, "certificate_wanted");
		assert_null(SSL_get_servername(p.peer.ssl, TLSEXT_NAMETYPE_host_name));
		io_pair_end(&p);
		SSL_CTX_free(theirs);
	}
	tls_setup_release(place.world, with);
	tls_setup_release(place.world, without);
	io_identity_free(&identity);
}

static void servers_that_cannot_agree_say_so(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "s"});
	struct io_pair p;
	(void)state;
	struct tls_setup *s = setup(BLIND);
	SSL_CTX *old = io_context_new(true, &identity);
	SSL_CTX_set_security_level(old, 0);
	SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
	call(&p, s, 0, old, &server);
	assert_string_equal(p.stream->fault, "alert_protocol_version");
	io_pair_end(&p);
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(old, "ECDHE-RSA-AES128-GCM-SHA256");
	call(&p, s, 0, old, &server);
	assert_string_equal(p.stream->fault, "alert_handshake_failure");
	io_pair_end(&p);
	SSL_CTX_free(old);
	tls_setup_release(place.world, s);
	io_identity_free(&identity);
}

/* --- sessions --- */

static bool is_resumed(const struct tls_setup *s, unsigned worker, SSL_CTX *theirs,
	const struct addr_port *to, enum stream_close how)
{
	struct io_pair p;
	call(&p, s, worker, theirs, to);
	assert_int_equal(p.peer.got.length, 7);
	bool is_resumed = SSL_session_reused(p.peer.ssl);
	stream_close(p.stream, how);
	io_pair_end(&p);
	return is_resumed;
}

static void sessions_are_resumed_with_the_same_server(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "s"});
	struct addr_port port;
	(void)state;
	assert_true(addr_port_parse(&port, "192.0.2.1:5062"));
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_setup *s = setup(BLIND);
		struct tls_setup *other =
			setup("tls: { verify = false; server_name = \"x.example\"; };");
		SSL_CTX *theirs = io_context_new(true, &identity);
		SSL_CTX_set_max_proto_version(theirs, version);
		assert_false(is_resumed(s, 0, theirs, &server, STREAM_CLOSE_FIN));
		assert_true(is_resumed(s, 0, theirs, &server, STREAM_CLOSE_RST));
		assert_true(is_resumed(s, 0, theirs, &server, STREAM_CLOSE_FIN));
		assert_false(is_resumed(s, 1, theirs, &server, STREAM_CLOSE_FIN)); /* its own */
		assert_true(is_resumed(s, 1, theirs, &server, STREAM_CLOSE_FIN));
		assert_false(is_resumed(s, 0, theirs, &port, STREAM_CLOSE_FIN));
		assert_false(is_resumed(s, 0, theirs, &server6, STREAM_CLOSE_FIN));
		assert_false(is_resumed(other, 0, theirs, &server, STREAM_CLOSE_FIN));
		assert_true(is_resumed(s, 0, theirs, &server, STREAM_CLOSE_FIN));
		SSL_CTX_free(theirs);
		tls_setup_release(place.world, s);
		tls_setup_release(place.world, other);
	}
	io_identity_free(&identity);
}

/* A connection to a server of this name: the fault, or ""; *is_resumed says whether it was spared the certificate. */
static const char *call_named(
	const struct tls_setup *s, SSL_CTX *theirs, const char *name, bool *is_resumed_too)
{
	struct io_pair p;
	io_pair_connect(&p, tls, tls_setup_connect(s, 0, &server, name), theirs, NULL, 0);
	io_pair_say(&p, "OPTIONS", 7);
	io_pair_run(&p);
	const char *fault = p.has_failed ? p.stream->fault : "";
	*is_resumed_too = !p.has_failed && SSL_session_reused(p.peer.ssl);
	stream_close(p.stream, STREAM_CLOSE_FIN);
	io_pair_end(&p);
	return fault;
}

static void a_server_that_is_named_is_looked_at_by_its_name_and_by_no_other(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){
		.name = "s", .alternatives = "DNS:k1.example.com", .issuer = &ca});
	SSL_CTX *theirs = io_context_new(true, &identity);
	bool is_resumed_too;
	(void)state;
	struct tls_setup *s = setup(BY_IP);
	assert_string_equal(call_named(s, theirs, "k1.example.com", &is_resumed_too), "");
	assert_string_equal(call_named(s, theirs, "k1.example.com", &is_resumed_too), "");
	assert_true(is_resumed_too);
	/* What is kept of that address vouches for that name alone. */
	assert_string_equal(
		call_named(s, theirs, "k2.example.com", &is_resumed_too), "name_mismatch");
	assert_string_equal(call_named(s, theirs, NULL, &is_resumed_too), "name_mismatch");
	tls_setup_release(place.world, s);
	s = setup("tls: { ca = \"@/ca.pem\"; server_name = \"k1.example.com\"; };");
	assert_string_equal(call_named(s, theirs, "k2.example.com", &is_resumed_too), "");
	tls_setup_release(place.world, s);
	SSL_CTX_free(theirs);
	io_identity_free(&identity);
}

static void many_servers_share_the_places_of_sessions(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "s"});
	SSL_CTX *theirs = io_context_new(true, &identity);
	struct addr_port to = server;
	(void)state;
	struct tls_setup *s = setup(BLIND);
	for (uint16_t i = 0; i < 100; i++) {
		to.port = (uint16_t)(6000 + i);
		assert_false(is_resumed(s, 0, theirs, &to, STREAM_CLOSE_FIN));
	}
	assert_true(is_resumed(s, 0, theirs, &to, STREAM_CLOSE_FIN));
	to.port = 6000;
	assert_false(is_resumed(s, 0, theirs, &to, STREAM_CLOSE_FIN));
	tls_setup_release(place.world, s);
	SSL_CTX_free(theirs);
	io_identity_free(&identity);
}

static void a_late_ticket_does_not_reach_another_server(void **state)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "s"});
	SSL_CTX *theirs = io_context_new(true, &identity);
	struct addr_port to = server;
	struct io_pair late;
	(void)state;
	struct tls_setup *s = setup(BLIND);
	call(&late, s, 0, theirs, &server);
	SSL_CTX_set_num_tickets(theirs, 0);
	for (uint16_t i = 0; i < 64; i++) {
		to.port = (uint16_t)(6000 + i);
		assert_false(is_resumed(s, 0, theirs, &to, STREAM_CLOSE_FIN));
	}
	assert_int_equal(SSL_new_session_ticket(late.peer.ssl), 1);
	assert_int_equal(SSL_do_handshake(late.peer.ssl), 1);
	io_pair_run(&late);
	assert_false(is_resumed(s, 0, theirs, &to, STREAM_CLOSE_FIN));
	io_pair_end(&late);
	tls_setup_release(place.world, s);
	SSL_CTX_free(theirs);
	io_identity_free(&identity);
}

static void what_did_not_change_is_not_built_again(void **state)
{
	(void)state;
	struct tls_setup *s = setup(NAMED);
	struct tls_setup *same = io_place_pool(&place, NAMED, s);
	assert_ptr_equal(s, same);
	tls_setup_release(place.world, same);
	static const char *const others[] = {BY_IP, BLIND,
		"tls: { ca = \"@/us.pem\"; server_name = \"sip.example.com\"; };",
		"tls: { ca = \"@/ca.pem\"; server_name = \"sip.example.org\"; };", NAMED_US};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct tls_setup *other = io_place_pool(&place, others[i], s);
		assert_ptr_not_equal(other, s);
		tls_setup_release(place.world, other);
	}
	tls_setup_release(place.world, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_believed_or_not),
		cmocka_unit_test(a_certificate_may_be_trusted_by_itself),
		cmocka_unit_test(by_default_the_system_is_believed),
		cmocka_unit_test(servers_may_want_a_certificate),
		cmocka_unit_test(servers_that_cannot_agree_say_so),
		cmocka_unit_test(sessions_are_resumed_with_the_same_server),
		cmocka_unit_test(a_server_that_is_named_is_looked_at_by_its_name_and_by_no_other),
		cmocka_unit_test(many_servers_share_the_places_of_sessions),
		cmocka_unit_test(a_late_ticket_does_not_reach_another_server),
		cmocka_unit_test(what_did_not_change_is_not_built_again),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
