/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/ban_keeper.h"
#include "conf/file.h"
#include "proxy/io/notice.h"
#include "proxy/io/state_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INTERVAL_MS = 1000, ENDED_MAX = 64, FILE_MAX = 256 << 20, PATH_LENGTH_MAX = 4096 };

static const char file_name[] = "bans";

static const char *folder(const struct server *s)
{
	return s->plan->settings->conf->state_dir;
}

/* --- the file --- */

struct ban_list {
	const struct ban *bans;
	size_t count;
};

static void write_bans(FILE *out, const void *context)
{
	const struct ban_list *l = context;
	char line[BAN_LINE_MAX];
	for (size_t i = 0; i < l->count; i++) {
		size_t length = bans_write_line(&l->bans[i], line);
		fwrite(line, 1, length, out);
	}
}

void ban_keeper_save(struct server *s)
{
	uint64_t changes = bans_changes(s->shared.bans);
	struct ban *bans;
	struct ban_list l = {0};
	if (!*folder(s) || changes == s->bans_saved ||
		!bans_list(s->shared.bans, server_wall_s(), &bans, &l.count))
		return;
	l.bans = bans;
	bool is_written = state_file_write(folder(s), file_name, write_bans, &l);
	if (!is_written && !s->is_saving_failed)
		notice_say(s, RECORD_FAILED, CONF_LOG_ERROR,
			"the bans cannot be kept in state_dir \"%s\": %s", folder(s),
			strerror(errno));
	s->is_saving_failed = !is_written;
	s->bans_saved = changes;
	free(bans);
}

static void load_lines(struct server *s, const char *bytes, size_t length, const struct conf *conf,
	struct conf_errors *errors)
{
	int64_t now_s = server_wall_s();
	struct ban ban;
	unsigned line = 0;
	for (const char *at = bytes, *end = bytes + length, *next; at < end; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		next = newline ? newline + 1 : end;
		line++;
		if (!bans_read_line(&ban, at, (size_t)((newline ? newline : end) - at)))
			conf_errors_warn(errors, &conf->at.state_dir, "state_dir",
				"line %u of %s/%s is no ban, and is left out", line,
				conf->state_dir, file_name);
		else if (ban.until_s > now_s)
			bans_put(s->shared.bans, &ban, now_s);
	}
}

/* The workers tell the time of a ban by it. */
static void set_clock(struct server *s)
{
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	int64_t wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
	atomic_store(&s->shared.wall_offset_ms, wall_ms - (int64_t)server_now_ms());
}

void ban_keeper_load(struct server *s, struct conf_errors *errors)
{
	const struct conf *conf = s->plan->settings->conf;
	char path[PATH_LENGTH_MAX];
	size_t length;
	set_clock(s); /* before a worker asks */
	if (!*conf->state_dir)
		return;
	snprintf(path, sizeof(path), "%s/%s", conf->state_dir, file_name);
	char *bytes = conf_file_read(path, FILE_MAX, &length);
	if (bytes)
		load_lines(s, bytes, length, conf, errors);
	else if (errno != ENOENT)
		conf_errors_warn(errors, &conf->at.state_dir, "state_dir",
			"the bans in %s cannot be read: %s", path, strerror(errno));
	free(bytes);
	s->bans_saved = bans_changes(s->shared.bans);
}

/* --- records --- */

static void describe(struct record *r, const struct ban *ban)
{
	r->source.addr = ban->network.addr;
	r->prefix = ban->network.prefix;
	r->has |= RECORD_HAS_SOURCE | RECORD_HAS_NETWORK;
	memcpy(r->endpoint, ban->endpoint,
		sizeof(r->endpoint) < sizeof(ban->endpoint) ? sizeof(r->endpoint) - 1
							    : sizeof(ban->endpoint));
}

static void tell_end(struct server *s, const struct ban *ban, const char *why)
{
	struct record r;
	record_init(&r, RECORD_BAN_END);
	describe(&r, ban);
	r.reason = why;
	snprintf(r.message, sizeof(r.message), "it has kept out %u connections", ban->refused);
	notice_tell(s, &r);
}

static void tell_begin(struct server *s, const struct ban *ban, int64_t now_s)
{
	struct record r;
	record_init(&r, RECORD_BAN_START);
	describe(&r, ban);
	r.reason = "by_hand";
	if (ban->until_s != BAN_FOREVER) {
		r.has |= RECORD_HAS_DURATION;
		r.duration_ms = (uint64_t)(ban->until_s - now_s) * 1000;
	}
	snprintf(r.message, sizeof(r.message), "%s", ban->reason);
	notice_tell(s, &r);
}

/* --- time --- */

int ban_keeper_go_on(struct server *s)
{
	static struct ban ended[ENDED_MAX];
	uint64_t now_ms = server_now_ms();
	if (now_ms < s->bans_at_ms)
		return (int)(s->bans_at_ms - now_ms);
	set_clock(s);
	unsigned count = bans_expire(s->shared.bans, server_wall_s(), ended, ENDED_MAX);
	for (unsigned i = 0; i < count; i++)
		tell_end(s, &ended[i], "over");
	ban_keeper_save(s);
	s->bans_at_ms = now_ms + (count == ENDED_MAX ? 1 : INTERVAL_MS);
	return (int)(s->bans_at_ms - now_ms);
}

/* --- orders --- */

static void order_ban(struct server *s, const struct server_order *order)
{
	char text[NETWORK_TEXT_MAX + 64], network[NETWORK_TEXT_MAX];
	int64_t now_s = server_wall_s();
	struct ban ban = order->ban;
	ban.is_by_hand = true;
	if (!bans_put(s->shared.bans, &ban, now_s)) {
		orders_answer(order, false,
			"limits.penalty.max_bans are in force already; lift some with unban\n");
		return;
	}
	atomic_fetch_add(&s->shared.banned, 1);
	tell_begin(s, &ban, now_s);
	ban_network_format(&ban.network, network);
	snprintf(text, sizeof(text), "%s is banned\n", network);
	orders_answer(order, true, text);
}

static void forget(struct server *s, const struct server_order *order)
{
	const struct limit_source source = {
		.addr = order->ban.network.addr,
		.endpoint = order->ban.endpoint,
		.endpoint_length = strlen(order->ban.endpoint),
	};
	limiter_forget(s->shared.limiter, &source);
}

static void order_unban(struct server *s, const struct server_order *order)
{
	char text[64];
	const struct ban *ban = &order->ban;
	unsigned lifted = bans_lift(s->shared.bans, &ban->network, ban->endpoint,
		strlen(ban->endpoint), server_wall_s());
	forget(s, order);
	if (!lifted) {
		orders_answer(order, false, "there is no ban in that network\n");
		return;
	}
	tell_end(s, ban, "lifted");
	snprintf(text, sizeof(text), "%u lifted\n", lifted);
	orders_answer(order, true, text);
}

void ban_keeper_order(struct server *s, const struct server_order *order)
{
	switch (order->action) {
	case SERVER_BAN:
		order_ban(s, order);
		break;
	case SERVER_UNBAN:
		order_unban(s, order);
		break;
	default:
		forget(s, order);
		orders_answer(order, true, "forgotten\n");
		break;
	}
}
