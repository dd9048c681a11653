/* SPDX-License-Identifier: BSD-2-Clause */
/* A certificate made on the spot: a listener takes it, clients find in it what they look for, and each is another. */
#include "proxy/server.h"
#include "tests/unit/io_tls_place.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static X509 *make(EVP_PKEY **key)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0 && server_make_certificate(fd));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	FILE *file = fdopen(fd, "r");
	assert_non_null(file);
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	*key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	assert_true(certificate && *key);
	fclose(file);
	return certificate;
}

static void it_is_for_this_host_and_for_30_days_and_signed_by_its_own_key(void **state)
{
	EVP_PKEY *key;
	int days, seconds;
	(void)state;
	X509 *c = make(&key);
	assert_int_equal(X509_check_private_key(c, key), 1);
	assert_int_equal(X509_verify(c, key), 1);
	assert_int_equal(EVP_PKEY_get_bits(key), 256);
	assert_int_equal(X509_check_host(c, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(c, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_host(c, "example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_SERVER, 1), 0);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(c)) < 0);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(c)), 1);
	assert_in_range(days * 86400 + seconds, 30 * 86400 - 60, 30 * 86400);
	X509_free(c);
	EVP_PKEY_free(key);
}

static void each_has_a_key_and_a_number_of_its_own(void **state)
{
	EVP_PKEY *keys[2];
	(void)state;
	X509 *a = make(&keys[0]), *b = make(&keys[1]);
	assert_int_equal(EVP_PKEY_eq(keys[0], keys[1]), 0);
	assert_int_not_equal(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(b)), 0);
	for (int i = 0; i < 2; i++)
		EVP_PKEY_free(keys[i]);
	X509_free(a);
	X509_free(b);
}

/* As --demo names it. */
static void a_listener_takes_it_from_a_descriptor_without_a_warning(void **state)
{
	struct io_place place;
	struct tls_expiry e;
	char options[128];
	(void)state;
	io_place_begin(&place);
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0 && server_make_certificate(fd));
	snprintf(options, sizeof(options),
		"certificates = ( { certificate = \"/proc/self/fd/%d\"; } );", fd);
	struct tls_setup *s = io_place_listener(&place, options, NULL);
	io_place_assert_silent(&place);
	assert_non_null(s);
	assert_true(tls_setup_expiry(s, 0, &e));
	assert_string_equal(e.name, "localhost");
	tls_setup_release(place.world, s);
	close(fd);
	io_place_end(&place);
}

static void what_cannot_be_written_is_no_certificate(void **state)
{
	(void)state;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_false(server_make_certificate(fd));
	close(fd);
	assert_false(server_make_certificate(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_for_this_host_and_for_30_days_and_signed_by_its_own_key),
		cmocka_unit_test(each_has_a_key_and_a_number_of_its_own),
		cmocka_unit_test(a_listener_takes_it_from_a_descriptor_without_a_warning),
		cmocka_unit_test(what_cannot_be_written_is_no_certificate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
