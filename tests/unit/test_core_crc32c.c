/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core_crc32c.c - the table against the definition. */
#include "proxy/core/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Bit by bit, as the definition has it. */
static uint32_t crc_model(const uint8_t *bytes, size_t length)
{
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void computes_crc32c_as_its_definition_does(void **state)
{
	uint8_t bytes[256];
	(void)state;
	assert_int_equal(crc32c_extend(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_extend(0, NULL, 0), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13); /* each byte once */
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		assert_int_equal(crc32c_extend(0, bytes, length), crc_model(bytes, length));
		uint32_t head = crc32c_extend(0, bytes, length);
		assert_int_equal(crc32c_extend(head, bytes + length, sizeof(bytes) - length),
			crc_model(bytes, sizeof(bytes)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(computes_crc32c_as_its_definition_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
