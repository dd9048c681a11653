/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own counts: found by their names wherever they stand, and left out where they are not what is known. */
#include "admin/kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char netstat[] =
	"TcpExt: SyncookiesSent EmbryonicRsts ListenOverflows ListenDrops TCPHPHits\n"
	"TcpExt: 1 2 34 18446744073709551 5\n"
	"IpExt: InNoRoutes ListenOverflows\n"
	"IpExt: 6 7\n";

static const char sockstat[] = "sockets: used 13\n"
			       "TCP: inuse 11 orphan 12 tw 202 alloc 14 mem 199\n"
			       "UDP: inuse 90 mem 91\n";

static const char sockstat6[] = "TCP6: inuse 100\nUDP6: inuse 9\n";

static void counts_are_found_by_their_names(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} sockets[] = {{"inuse", 111}, {"orphan", 12}, {"tw", 202}, {"alloc", 14}};
	struct kernel k;
	(void)state;
	kernel_read(&k, netstat, sockstat, sockstat6);
	assert_int_equal(k.listen_overflows.count, 1);
	assert_int_equal(k.listen_overflows.counts[0].value, 34);
	assert_int_equal(k.listen_drops.counts[0].value, 18446744073709551u);
	assert_int_equal(k.mem_pages.counts[0].value, 199);
	assert_int_equal(k.sockets.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(k.sockets.counts[i].labels[0], sockets[i].name);
		assert_int_equal(k.sockets.counts[i].value, sockets[i].value);
	}
}

static void without_ipv6_the_rest_counts(void **state)
{
	struct kernel k;
	(void)state;
	kernel_read(&k, netstat, sockstat, "");
	assert_int_equal(k.sockets.count, 4);
	assert_int_equal(k.sockets.counts[0].value, 11);
}

static void what_is_missing_or_broken_is_left_out(void **state)
{
	static const char *const broken[] = {
		"",
		"\n",
		"TcpExt: ListenOverflows ListenDrops\n",
		"TcpExt: ListenOverflows ListenDrops\nTcpExt: \n",
		"TcpExt: ListenOverflows ListenDrops\nTcpExt: x 1x\n",
		"TcpExt: A ListenOverflows ListenDrops\nTcpExt: 1\n",
		"TcpExt: ListenOverflows ListenDrops\nTcpExt: -1 99999999999999999999\n",
		"TCP: inuse\n",
		"TCP: inuse 1 orphan 2 tw x alloc 4 mem\n",
		"TCP: mem -5 inuse 1\n",
	};
	struct kernel k;
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		kernel_read(&k, broken[i], broken[i], broken[i]);
		assert_int_equal(k.listen_overflows.count, 0);
		assert_int_equal(k.listen_drops.count, 0);
		assert_int_equal(k.mem_pages.count, 0);
		assert_int_equal(k.sockets.count, 0);
	}
}

/* Wherever the file was cut: no number is another one than it was, but for the one that the cut itself is in. */
static void a_cut_file_gives_no_wrong_number(void **state)
{
	struct kernel k;
	char cut[sizeof(netstat)];
	const char *at = strstr(netstat, "34 ");
	(void)state;
	for (size_t length = 0; length < sizeof(netstat); length++) {
		memcpy(cut, netstat, length);
		cut[length] = '\0';
		kernel_read(&k, cut, "", "");
		bool is_there = netstat + length >= at + 2;
		if (netstat + length != at + 1)
			assert_int_equal(k.listen_overflows.count, is_there);
		if (is_there)
			assert_int_equal(k.listen_overflows.counts[0].value, 34);
	}
}

static void this_host_tells_what_it_can(void **state)
{
	struct kernel k;
	FILE *file = fopen("/proc/net/sockstat", "r");
	(void)state;
	kernel_look(&k);
	assert_int_equal(k.sockets.count, file ? 4 : 0);
	if (file)
		fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_found_by_their_names),
		cmocka_unit_test(without_ipv6_the_rest_counts),
		cmocka_unit_test(what_is_missing_or_broken_is_left_out),
		cmocka_unit_test(a_cut_file_gives_no_wrong_number),
		cmocka_unit_test(this_host_tells_what_it_can),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
