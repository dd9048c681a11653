/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of ticket keys: what is a key, and what is said of what is none. */
#include "proxy/io/tls_ticket_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* base64 of 80 bytes that all are `byte`. */
static const char *key_of(uint8_t byte)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static char text[109];
	for (size_t i = 0; i < 108; i += 4) {
		text[i] = digits[byte >> 2];
		text[i + 1] = digits[(byte & 3) << 4 | byte >> 4];
		text[i + 2] = digits[(byte & 15) << 2 | byte >> 6];
		text[i + 3] = digits[byte & 63];
	}
	text[106] = digits[(byte & 15) << 2];
	text[107] = '=';
	return text;
}

static enum tls_ticket_fault read_text(const char *text, struct tls_ticket_keys *k, unsigned *line)
{
	return tls_ticket_keys_read(k, text, strlen(text), line);
}

static void assert_fault(const char *text, enum tls_ticket_fault expected, unsigned at)
{
	struct tls_ticket_keys k;
	unsigned line;
	assert_int_equal(read_text(text, &k, &line), expected);
	assert_int_equal(line, at);
	assert_true(strlen(tls_ticket_fault_text(expected)) > 10);
}

static void keys_are_read_in_their_order(void **state)
{
	struct tls_ticket_keys k;
	char text[1000];
	unsigned line;
	(void)state;
	int length = snprintf(text, sizeof(text), "# newest first\n%s\n\n", key_of(7));
	snprintf(text + length, sizeof(text) - (size_t)length, "%s\r\n#old", key_of(250));
	assert_int_equal(read_text(text, &k, &line), TLS_TICKET_OK);
	assert_int_equal(k.count, 2);
	assert_int_equal(k.keys[0].name[0], 7);
	assert_int_equal(k.keys[0].cipher[31], 7);
	assert_int_equal(k.keys[1].name[15], 250);
	assert_int_equal(k.keys[1].mac[0], 250);
}

static void a_key_may_be_broken_as_openssl_breaks_it(void **state)
{
	struct tls_ticket_keys k;
	char text[300];
	unsigned line;
	(void)state;
	snprintf(text, sizeof(text), "%.64s\n%s\n", key_of(9), key_of(9) + 64);
	assert_int_equal(read_text(text, &k, &line), TLS_TICKET_OK);
	assert_int_equal(k.count, 1);
	assert_int_equal(k.keys[0].cipher[31], 9);
}

static void name_mac_and_cipher_lie_as_haproxy_has_them(void **state)
{
	struct tls_ticket_keys k;
	unsigned line;
	(void)state;
	/* bytes 0 to 79 */
	assert_int_equal(
		read_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1"
			  "Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk8=",
			&k, &line),
		TLS_TICKET_OK);
	assert_int_equal(k.keys[0].name[0], 0);
	assert_int_equal(k.keys[0].mac[0], 16);
	assert_int_equal(k.keys[0].cipher[0], 48);
	assert_int_equal(k.keys[0].cipher[31], 79);
}

static void what_is_no_key_is_said_with_its_line(void **state)
{
	char text[3000];
	size_t length = 0;
	(void)state;
	assert_fault("", TLS_TICKET_NONE, 0);
	assert_fault("# nothing\n\n", TLS_TICKET_NONE, 2);
	assert_fault("\nsecret!\n", TLS_TICKET_NO_BASE64, 2);
	assert_fault("AAAA", TLS_TICKET_SIZE, 1);
	assert_fault("# 60 bytes\nAAAAAAAAAAAAAAAA\nBBBB\n", TLS_TICKET_SIZE, 2);
	assert_fault("EBESExQVFhcYGRobHB0eHw==\n", TLS_TICKET_SIZE, 1);
	snprintf(text, sizeof(text), "%.64s\n\n%s\n", key_of(9), key_of(9) + 64);
	assert_fault(text, TLS_TICKET_SIZE, 1);
	snprintf(text, sizeof(text), "%sA\n", key_of(9));
	assert_fault(text, TLS_TICKET_SIZE, 1);
	snprintf(text, sizeof(text), "%.106sB=\n", key_of(0)); /* bits behind the 80th byte */
	assert_fault(text, TLS_TICKET_SIZE, 1);
	snprintf(text, sizeof(text), "%.107s=\n%.107s=\n", key_of(9), key_of(9));
	assert_fault(text, TLS_TICKET_TWICE, 2);
	for (uint8_t i = 0; i <= TLS_TICKET_KEYS_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\n", key_of(i));
	assert_fault(text, TLS_TICKET_MANY, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read_in_their_order),
		cmocka_unit_test(a_key_may_be_broken_as_openssl_breaks_it),
		cmocka_unit_test(name_mac_and_cipher_lie_as_haproxy_has_them),
		cmocka_unit_test(what_is_no_key_is_said_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
