/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail between threads: bounded, in order, and never left lying without a wake-up. */
#include "proxy/io/mailbox.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SENDERS = 4, LETTERS = 20000, PATIENCE_MS = 10000 };

static struct mailbox box;

static bool is_readable(int timeout_ms)
{
	struct pollfd p = {.fd = box.fd, .events = POLLIN};
	return poll(&p, 1, timeout_ms) == 1;
}

static int set_up(void **state)
{
	(void)state;
	return mailbox_init(&box) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	mailbox_fini(&box);
	return 0;
}

static void is_taken_in_the_order_of_posting(void **state)
{
	struct mail mail;
	(void)state;
	for (unsigned round = 0; round < 5; round++) { /* around the ring */
		for (unsigned i = 0; i < MAILBOX_SIZE - 100; i++)
			assert_true(
				mailbox_post(&box, (struct mail){.kind = MAIL_TURNS, .from = i}));
		for (unsigned i = 0; i < MAILBOX_SIZE - 100; i++) {
			assert_true(mailbox_take(&box, &mail));
			assert_int_equal(mail.from, i);
		}
		assert_false(mailbox_take(&box, &mail));
	}
}

static void a_full_box_refuses_and_keeps_what_it_has(void **state)
{
	struct mail mail;
	unsigned taken = 0;
	(void)state;
	for (unsigned i = 0; i < MAILBOX_SIZE; i++)
		assert_true(mailbox_post(&box, (struct mail){.from = i}));
	assert_false(mailbox_post(&box, (struct mail){.from = 7777}));
	while (mailbox_take(&box, &mail))
		assert_int_equal(mail.from, taken++);
	assert_int_equal(taken, MAILBOX_SIZE);
	assert_true(mailbox_post(&box, (struct mail){.from = 1}));
	assert_true(mailbox_take(&box, &mail));
}

static void mail_and_wakes_make_it_readable_until_it_is_cleared(void **state)
{
	struct mail mail;
	(void)state;
	assert_false(is_readable(0));
	mailbox_clear(&box);
	mailbox_post(&box, (struct mail){.kind = MAIL_LEAVE});
	assert_true(is_readable(0));
	mailbox_clear(&box);
	assert_false(is_readable(0));
	assert_true(mailbox_take(&box, &mail));
	assert_int_equal(mail.kind, MAIL_LEAVE);
	mailbox_wake(&box);
	mailbox_wake(&box);
	assert_true(is_readable(0));
	mailbox_clear(&box);
	assert_false(is_readable(0));
	assert_false(mailbox_take(&box, &mail));
}

/* --- threads --- */

static atomic_uint refused, done;

static void *send_letters(void *argument)
{
	unsigned sender = (unsigned)(size_t)argument;
	for (unsigned i = 0; i < LETTERS; i++)
		if (!mailbox_post(
			    &box, (struct mail){.kind = MAIL_TURNS, .from = sender << 24 | i}))
			atomic_fetch_add(&refused, 1);
	atomic_fetch_add(&done, 1);
	mailbox_wake(&box);
	return NULL;
}

/* The owner sleeps until the descriptor says so: a wake-up that is lost stops the test. */
static void nothing_is_lost_between_threads_and_each_senders_order_is_kept(void **state)
{
	pthread_t threads[SENDERS];
	int64_t last[SENDERS];
	unsigned taken = 0;
	bool is_over = false;
	(void)state;
	for (unsigned i = 0; i < SENDERS; i++) {
		last[i] = -1;
		assert_int_equal(
			pthread_create(&threads[i], NULL, send_letters, (void *)(size_t)i), 0);
	}
	while (!is_over) {
		struct mail mail;
		assert_true(is_readable(PATIENCE_MS));
		mailbox_clear(&box);
		is_over = atomic_load(&done) ==
			  SENDERS; /* after: its wake-up is cleared only with it */
		for (; mailbox_take(&box, &mail); taken++) {
			unsigned sender = mail.from >> 24;
			int64_t number = mail.from & 0xffffff;
			assert_in_range(sender, 0, SENDERS - 1);
			assert_true(number > last[sender]);
			last[sender] = number;
		}
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(taken + atomic_load(&refused), SENDERS * LETTERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			is_taken_in_the_order_of_posting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_full_box_refuses_and_keeps_what_it_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			mail_and_wakes_make_it_readable_until_it_is_cleared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			nothing_is_lost_between_threads_and_each_senders_order_is_kept, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
