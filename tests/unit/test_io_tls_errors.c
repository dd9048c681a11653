/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators can get wrong with files of TLS: each has a message of its own, about the option that names the file. */
#include "tests/unit/io_tls_place.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct io_place place;
static struct io_identity a, b, weak, ca;

#define CERTIFICATE "listeners.in.tls.certificates[0].certificate"
#define KEY	    "listeners.in.tls.certificates[0].private_key"
#define ONE(name)   "certificates = ( { certificate = \"@/" name "\"; } );"
#define PAIR(name, key) \
	"certificates = ( { certificate = \"@/" name "\"; private_key = \"@/" key "\"; } );"

static void write_encrypted_key(const char *name, const struct io_identity *i)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", place.folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	unsigned char phrase[] = "secret";
	assert_int_equal(PEM_write_PKCS8PrivateKey(
				 file, i->key, EVP_aes_128_cbc(), (char *)phrase, 6, NULL, NULL),
		1);
	fclose(file);
}

static int begin(void **state)
{
	(void)state;
	io_place_begin(&place);
	a = io_identity_new(&(struct io_identity_plan){.name = "a.example.com"});
	b = io_identity_new(&(struct io_identity_plan){.name = "b.example.com"});
	weak = io_identity_new(
		&(struct io_identity_plan){.name = "weak", .is_rsa = true, .bits = 1024});
	ca = io_identity_new(&(struct io_identity_plan){.name = "CA", .is_ca = true});
	const struct io_identity *chain[] = {&a, NULL};
	io_place_identity(&place, "a.pem", &a, IO_WITH_CERTIFICATE, NULL);
	io_place_identity(&place, "a.key", &a, IO_WITH_KEY, NULL);
	io_place_identity(&place, "a-both.pem", &a, 3, NULL);
	io_place_identity(&place, "b.pem", &b, IO_WITH_CERTIFICATE, NULL);
	io_place_identity(&place, "b-then-a.pem", &b, IO_WITH_CERTIFICATE, chain);
	io_place_identity(&place, "weak.pem", &weak, 3, NULL);
	io_place_identity(&place, "ca.pem", &ca, IO_WITH_CERTIFICATE, NULL);
	io_place_text(&place, "empty.pem", "");
	io_place_text(&place, "text.pem", "hello\n");
	io_place_text(&place, "torn.pem",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
	io_place_text(&place, "torn.key",
		"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
	io_place_text(
		&place, "torn.crl", "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n");
	io_place_text(&place, "short.keys", "# newest\nAAAA\n");
	write_encrypted_key("encrypted.key", &a);
	return 0;
}

static int end(void **state)
{
	struct io_identity *all[] = {&a, &b, &weak, &ca};
	(void)state;
	for (size_t i = 0; i < 4; i++)
		io_identity_free(all[i]);
	io_place_end(&place);
	return 0;
}

static void each_mistake_has_its_message(void **state)
{
	static const struct {
		const char *options, *about, *text;
	} cases[] = {
		{ONE("none.pem"), CERTIFICATE, "there is no file"},
		{ONE("empty.pem"), CERTIFICATE, "is empty"},
		{"certificates = ( { certificate = \"@\"; } );", CERTIFICATE, "is no file"},
		{ONE("text.pem"), CERTIFICATE, "holds no certificate in PEM format"},
		{ONE("torn.pem"), CERTIFICATE, "certificate 1 in it cannot be read"},
		{ONE("a.key"), CERTIFICATE, "holds a private key and no certificate"},
		{ONE("a.pem"), CERTIFICATE, "holds no private key beside the certificate"},
		{PAIR("a.pem", "none.key"), KEY, "there is no file"},
		{PAIR("a.pem", "text.pem"), KEY, "holds no private key in PEM format"},
		{PAIR("a.pem", "torn.key"), KEY, "cannot be read"},
		{PAIR("a.pem", "b.pem"), KEY, "holds a certificate and no private key"},
		{PAIR("a.pem", "encrypted.key"), KEY, "openssl pkey -in FILE -out FILE.plain"},
		{PAIR("b.pem", "a.key"), KEY, "is not that of the certificate in"},
		{PAIR("b-then-a.pem", "a.key"), CERTIFICATE, "begins with another certificate"},
		{ONE("weak.pem"), CERTIFICATE, "has too short a key (RSA of 1024 bits)"},
		{ONE("a-both.pem") "ciphers = \"NONSENSE\";", "listeners.in.tls.ciphers",
			"no cipher up to TLS 1.2 is left of \"NONSENSE\""},
		{ONE("a-both.pem") "ciphersuites = \"NONSENSE\";", "listeners.in.tls.ciphersuites",
			"are no cipher suites of TLS 1.3"},
		{ONE("a-both.pem") "ticket_keys = \"@/none\";", "listeners.in.tls.ticket_keys",
			"there is no file"},
		{ONE("a-both.pem") "ticket_keys = \"@/short.keys\";",
			"listeners.in.tls.ticket_keys", "line 2: that is no key of 80 bytes"},
		{ONE("a-both.pem") "client_ca = \"@/none\"; verify_client = \"require\";",
			"listeners.in.tls.client_ca", "there is no file"},
		{ONE("a-both.pem") "client_ca = \"@/a.key\"; verify_client = \"require\";",
			"listeners.in.tls.client_ca", "expected those of the authorities"},
		{ONE("a-both.pem") "client_ca = \"@/torn.pem\"; verify_client = \"require\";",
			"listeners.in.tls.client_ca", "certificate 1 in it cannot be read"},
		{ONE("a-both.pem") "client_ca = \"@/ca.pem\"; client_crl = \"@/none\"; "
				   "verify_client = \"require\";",
			"listeners.in.tls.client_crl", "there is no file"},
		{ONE("a-both.pem") "client_ca = \"@/ca.pem\"; client_crl = \"@/ca.pem\"; "
				   "verify_client = \"require\";",
			"listeners.in.tls.client_crl", "holds no revocation list"},
		{ONE("a-both.pem") "client_ca = \"@/ca.pem\"; client_crl = \"@/torn.crl\"; "
				   "verify_client = \"require\";",
			"listeners.in.tls.client_crl", "revocation list 1 in it cannot be read"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(io_place_listener(&place, cases[i].options, NULL));
		io_place_assert_error(&place, cases[i].about, cases[i].text);
	}
}

static void all_mistakes_are_told_at_once(void **state)
{
	(void)state;
	assert_null(io_place_listener(&place,
		"certificates = ( { certificate = \"@/none.pem\"; }, { certificate = "
		"\"@/a.pem\"; private_key = \"@/none.key\"; } ); ticket_keys = \"@/none\"; "
		"client_ca = \"@/none\"; verify_client = "
		"\"optional\";",
		NULL));
	assert_int_equal(place.errors.errors.count, 4);
}

static void who_may_not_read_a_file_is_named(void **state)
{
	(void)state;
	char path[200];
	snprintf(path, sizeof(path), "%s/a.key", place.folder);
	assert_int_equal(chmod(path, 0), 0);
	bool is_root = geteuid() == 0;
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	struct tls_setup *s = io_place_listener(&place, PAIR("a.pem", "a.key"), NULL);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_null(s);
	assert_non_null(strstr(place.errors.errors.kept[0].text, "may not read"));
	assert_non_null(strstr(place.errors.errors.kept[0].text, is_root ? "(65534)" : "user "));
	assert_int_equal(chmod(path, 0600), 0);
}

static void a_certificate_out_of_its_time_is_a_warning(void **state)
{
	struct io_identity expired = io_identity_new(
		&(struct io_identity_plan){.name = "old", .from_s = -9000, .until_s = -60});
	struct io_identity early = io_identity_new(
		&(struct io_identity_plan){.name = "new", .from_s = 9000, .until_s = 99000});
	(void)state;
	io_place_identity(&place, "expired.pem", &expired, 3, NULL);
	io_place_identity(&place, "early.pem", &early, 3, NULL);
	struct tls_setup *s = io_place_listener(&place, ONE("expired.pem"), NULL);
	io_place_assert_warning(&place, CERTIFICATE, "has expired on");
	/* again at the reload, where nothing has changed */
	struct tls_setup *same = io_place_listener(&place, ONE("expired.pem"), s);
	assert_ptr_equal(same, s);
	io_place_assert_warning(&place, CERTIFICATE, "has expired on");
	tls_setup_release(place.world, same);
	tls_setup_release(place.world, s);
	s = io_place_listener(&place, ONE("early.pem"), NULL);
	io_place_assert_warning(&place, CERTIFICATE, "is not valid before");
	tls_setup_release(place.world, s);
	io_identity_free(&expired);
	io_identity_free(&early);
}

static void a_certificate_that_another_hides_is_a_warning(void **state)
{
	struct io_identity twin = io_identity_new(
		&(struct io_identity_plan){.name = "t", .alternatives = "DNS:a.example.com"});
	(void)state;
	io_place_identity(&place, "twin.pem", &twin, 3, NULL);
	struct tls_setup *s = io_place_listener(&place,
		"certificates = ( { certificate = \"@/a-both.pem\"; }, { certificate = "
		"\"@/twin.pem\"; } );",
		NULL);
	io_place_assert_warning(&place, "listeners.in.tls.certificates[1].certificate",
		"a certificate before it is for \"a.example.com\" too");
	tls_setup_release(place.world, s);
	io_identity_free(&twin);
}

static void a_weak_key_passes_where_old_tls_is_wanted(void **state)
{
	(void)state;
	struct tls_setup *s =
		io_place_listener(&place, ONE("weak.pem") "min_version = \"1.0\";", NULL);
	assert_non_null(s);
	tls_setup_release(place.world, s);
}

static void pools_have_the_same_messages(void **state)
{
	static const struct {
		const char *options, *about, *text;
	} cases[] = {
		{"tls: { ca = \"@/none\"; };", "pools.p.tls.ca", "there is no file"},
		{"tls: { ca = \"@/a.key\"; };", "pools.p.tls.ca",
			"expected those of the authorities"},
		{"tls: { certificate = \"@/b.pem\"; private_key = \"@/a.key\"; };",
			"pools.p.tls.private_key", "is not that of the certificate in"},
		{"tls: { certificate = \"@/a.pem\"; };", "pools.p.tls.certificate",
			"holds no private key beside the certificate"},
		{"tls: { certificate = \"@/weak.pem\"; };", "pools.p.tls.certificate",
			"has too short a key"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(io_place_pool(&place, cases[i].options, NULL));
		io_place_assert_error(&place, cases[i].about, cases[i].text);
	}
}

static void a_host_without_authorities_is_named(void **state)
{
	(void)state;
	assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent/cert.pem", 1), 0);
	assert_null(io_place_pool(&place, "", NULL));
	io_place_assert_error(&place, "pools.p.tls.ca", "this host has no list of authorities");
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_has_its_message),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(who_may_not_read_a_file_is_named),
		cmocka_unit_test(a_certificate_out_of_its_time_is_a_warning),
		cmocka_unit_test(a_certificate_that_another_hides_is_a_warning),
		cmocka_unit_test(a_weak_key_passes_where_old_tls_is_wanted),
		cmocka_unit_test(pools_have_the_same_messages),
		cmocka_unit_test(a_host_without_authorities_is_named),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
