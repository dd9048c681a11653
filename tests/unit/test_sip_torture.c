/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_torture.c - the torture messages of RFC 4475 and RFC 5118, read from the folders torture
 * and torture6 of SIPWEIR_VECTORS and skipped without it. Each is treated as a gate treats the
 * first bytes of a connection: framed, judged, and then forwarded, answered, or refused without an
 * answer.
 *
 * Where the table is stricter than the RFC, on purpose:
 * - intmeth has a quoted NUL in a header field. Everything behind us that keeps strings in C is
 *   blind after it.
 * - inv2543 and other requests without a Content-Length have no end on a stream.
 * - insuf is answered 400 where RFC 4475 has it. Without From, To and Call-ID there is nothing to
 *   make it from.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip/answer.h"
#include "sip/message.h"
#include "tests/unit/sip_feed.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { FILE_ROOM = 8192, PATH_ROOM = 1024 };

/* Other outcomes than the status of an answer. */
enum { FORWARDED, REFUSED, INCOMPLETE };

struct expectation {
	const char *file;
	const char *reason; /* of a refusal, in logs */
	unsigned outcome;
	unsigned messages; /* framed in all */
};

static const struct expectation rfc_4475[] = {
	{"badinv01.dat", "syntax", 400, 1},
	{"badvers.dat", "version", 505, 0},
	{"clerr.dat", "none", INCOMPLETE, 0},
	{"cparam01.dat", "none", FORWARDED, 1},
	{"cparam02.dat", "none", FORWARDED, 1},
	{"dblreq.dat", "none", FORWARDED, 2},
	{"esc01.dat", "none", FORWARDED, 1},
	{"esc02.dat", "none", FORWARDED, 1},
	{"insuf.dat", "missing_from", REFUSED, 1},
	{"intmeth.dat", "control_character", REFUSED, 0},
	{"inv2543.dat", "missing_content_length", 400, 0},
	{"longreq.dat", "none", FORWARDED, 1},
	{"ltgtruri.dat", "start_line", 400, 0},
	{"lwsstart.dat", "start_line", 400, 0},
	{"mcl01.dat", "content_length", 400, 0},
	{"multi01.dat", "syntax", 400, 1},
	{"ncl.dat", "content_length", 400, 0},
	{"noreason.dat", "none", FORWARDED, 1},
	{"quotbal.dat", "syntax", 400, 1},
	{"regaut01.dat", "none", FORWARDED, 1},
	{"regescrt.dat", "none", FORWARDED, 1},
	{"scalarlg.dat", "cseq", REFUSED, 1},
	{"transports.dat", "none", FORWARDED, 1},
	{"trws.dat", "start_line", 400, 0},
	{"unkscm.dat", "uri_scheme", 416, 1},
	{"unksm2.dat", "none", FORWARDED, 1},
	{"unreason.dat", "none", FORWARDED, 1},
	{"wsinv.dat", "none", FORWARDED, 1},
};

static const struct expectation rfc_5118[] = {
	{"ipv4-mapped-ipv6", "none", FORWARDED, 1},
	{"ipv6-bad", "request_uri", 400, 1},
	{"ipv6-bug-abnf-3-colons", "none", FORWARDED, 1},
	{"ipv6-good", "none", FORWARDED, 1},
	{"ipv6-in-sdp", "none", FORWARDED, 1},
	{"mult-ip-in-sdp", "none", FORWARDED, 1},
	{"port-ambiguous", "none", FORWARDED, 1},
	{"port-unambiguous", "none", FORWARDED, 1},
};

struct vector {
	char bytes[FILE_ROOM];
	size_t length;
};

struct verdict {
	unsigned outcome;
	const char *reason;
};

static void open_path(char path[PATH_ROOM], const char *folder, const char *file)
{
	const char *vectors = getenv("SIPWEIR_VECTORS");

	snprintf(path, PATH_ROOM, "%s/%s/%s", vectors ? vectors : "", folder, file);
}

static bool has_folder(const char *folder)
{
	char path[PATH_ROOM];
	DIR *dir;

	if (!getenv("SIPWEIR_VECTORS"))
		return false;
	open_path(path, folder, "");
	dir = opendir(path);
	if (dir)
		closedir(dir);
	return dir;
}

static void read_vector(const char *folder, const char *file, struct vector *v)
{
	char path[PATH_ROOM];
	FILE *stream;

	open_path(path, folder, file);
	stream = fopen(path, "rb");
	if (!stream)
		fail_msg("%s cannot be read", path);
	v->length = fread(v->bytes, 1, sizeof v->bytes, stream);
	fclose(stream);
	assert_true(v->length < sizeof v->bytes);
}

/*
 * Three bodies of the RFC 5118 files were counted with line ends of one byte and are stored with
 * two. On a stream that is a fault of the file, not of what it is to show: count again. The numbers
 * have three digits before and after.
 */
static void count_body_again(struct vector *v)
{
	static const char name[] = "Content-Length: ";
	char *body = memmem(v->bytes, v->length, "\r\n\r\n", 4);
	char *value = memmem(v->bytes, v->length, name, strlen(name));
	char digits[24];

	assert_non_null(body);
	assert_non_null(value);
	snprintf(digits, sizeof digits, "%zu\r", v->length - (size_t)(body + 4 - v->bytes));
	value += strlen(name);
	if (strlen(digits) == 4)
		memcpy(value, digits, strlen(digits));
}

static struct verdict refuse(
	const uint8_t *message, size_t quotable, unsigned status, const char *reason)
{
	static uint8_t out[FILE_ROOM];
	struct answer a = {.status = status, .phrase = "Refused"};
	struct verdict v = {REFUSED, reason};

	if (status && answer_write(&a, message, quotable, out, sizeof out))
		v.outcome = status;
	return v;
}

/* The verdict on the first message of a stream. */
static struct verdict judge(const struct vector *v)
{
	static const char *const schemes[] = {"sip", "sips", "tel", NULL};
	static const struct frame_limits limits = {65536, 16384, 128, 64, false, false, 0};
	const struct message_rules rules = {schemes};
	const uint8_t *bytes = (const uint8_t *)v->bytes;
	struct framer f = {0};
	struct frame frame;
	enum frame_verdict framed = frame_next(&f, &limits, bytes, v->length, &frame);
	enum message_fault fault;

	if (framed == FRAME_BAD)
		return refuse(bytes, frame.checked, frame_fault_status(frame.fault),
			frame_fault_name(frame.fault));
	if (framed != FRAME_MESSAGE)
		return (struct verdict){INCOMPLETE, "none"};
	fault = message_check(bytes, &frame, &rules);
	if (!fault)
		return (struct verdict){FORWARDED, "none"};
	return refuse(
		bytes, frame.header_length, message_fault_status(fault), message_fault_name(fault));
}

static void assert_expectation(const struct expectation *e, const struct vector *v)
{
	struct verdict verdict = judge(v);
	struct fed fed = feed(NULL, v->bytes, v->length);

	if (verdict.outcome != e->outcome || strcmp(verdict.reason, e->reason) != 0 ||
		fed.messages != e->messages)
		fail_msg("%s: %u (%s), %u messages", e->file, verdict.outcome, verdict.reason,
			fed.messages);
}

static void treats_each_message_of_rfc_4475_as_its_table_says(void **state)
{
	(void)state;
	if (!has_folder("torture")) {
		print_message("SIPWEIR_VECTORS names no folder with torture messages\n");
		skip();
	}
	for (size_t i = 0; i < COUNT(rfc_4475); i++) {
		struct vector v;

		read_vector("torture", rfc_4475[i].file, &v);
		assert_expectation(&rfc_4475[i], &v);
	}
}

static void treats_each_message_of_rfc_5118_as_its_table_says(void **state)
{
	(void)state;
	if (!has_folder("torture6")) {
		print_message("SIPWEIR_VECTORS names no folder with torture messages\n");
		skip();
	}
	for (size_t i = 0; i < COUNT(rfc_5118); i++) {
		struct vector v;

		read_vector("torture6", rfc_5118[i].file, &v);
		count_body_again(&v);
		assert_expectation(&rfc_5118[i], &v);
	}
}

static int init(void **state)
{
	(void)state;
	message_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(treats_each_message_of_rfc_4475_as_its_table_says),
		cmocka_unit_test(treats_each_message_of_rfc_5118_as_its_table_says),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
