/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/expiry.h"
#include "proxy/io/notice.h"
#include "proxy/io/tls_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_MS = 24 * 3600 * 1000, NAME_TOLD = 128, SPAN_MAX = 32 };

/* --- the log --- */

/* "13 days": the largest unit of which there are two. */
static const char *write_span(char out[SPAN_MAX], time_t seconds)
{
	static const struct {
		time_t seconds;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	const size_t last = sizeof(units) / sizeof(units[0]) - 1;
	size_t i = 0;
	while (i < last && seconds < 2 * units[i].seconds)
		i++;
	long long count = seconds / units[i].seconds;
	snprintf(out, SPAN_MAX, "%lld %s%s", count, units[i].name, count == 1 ? "" : "s");
	return out;
}

/* `r` says whose it is. */
static void tell_one(struct server *s, struct record *r, const struct tls_expiry *e, time_t now_s)
{
	char span[SPAN_MAX];
	if (e->at_s > now_s)
		snprintf(r->message, sizeof(r->message),
			"certificate %.*s, or one of its chain, expires in %s: replace its file, "
			"then reload",
			NAME_TOLD, e->name, write_span(span, e->at_s - now_s));
	else
		snprintf(r->message, sizeof(r->message),
			"certificate %.*s, or one of its chain, expired %s ago: replace its file, "
			"then reload",
			NAME_TOLD, e->name, write_span(span, now_s - e->at_s));
	notice_tell(s, r);
}

static void tell_setup(struct server *s, const struct tls_setup *setup, struct record *r)
{
	struct tls_expiry e;
	time_t now_s = time(NULL);
	for (size_t n = 0; tls_setup_expiry(setup, n, &e); n++)
		if (e.at_s - now_s < INSPECT_EXPIRING_S)
			tell_one(s, r, &e, now_s);
}

void expiry_tell(struct server *s)
{
	const struct settings *settings = s->plan->settings;
	for (size_t i = 0; i < settings->listener_count; i++) {
		const struct listener_settings *l = &settings->listeners[i];
		struct record r;
		record_init(&r, RECORD_TLS_EXPIRING);
		r.listener = l->listener->name;
		if (l->tls && !l->is_retired)
			tell_setup(s, l->tls, &r);
	}
	for (size_t i = 0; i < settings->pool_count; i++) {
		const struct pool_settings *p = &settings->pools[i];
		struct record r;
		record_init(&r, RECORD_TLS_EXPIRING);
		r.pool = p->pool->name;
		if (p->tls && !p->is_retired)
			tell_setup(s, p->tls, &r);
	}
	s->expiry_at_ms = server_now_ms() + DAY_MS;
}

int expiry_go_on(struct server *s)
{
	uint64_t now_ms = server_now_ms();
	if (now_ms < s->expiry_at_ms)
		return (int)(s->expiry_at_ms - now_ms);
	expiry_tell(s);
	return DAY_MS;
}

/* --- the numbers --- */

static size_t count(const struct settings *settings)
{
	struct tls_expiry e;
	size_t sum = 0;
	for (size_t i = 0; i < settings->listener_count; i++) {
		const struct listener_settings *l = &settings->listeners[i];
		for (size_t n = 0; l->tls && tls_setup_expiry(l->tls, n, &e); n++)
			sum++;
	}
	return sum;
}

/* Cut, and in ASCII: a label must be whole UTF-8, and a certificate may hold any bytes. */
static void copy_name(char out[INSPECT_HOST_MAX], const char *name)
{
	size_t i;
	for (i = 0; i < INSPECT_HOST_MAX - 1 && name[i]; i++)
		out[i] = name[i];
	out[i] = '\0';
	for (i = 0; out[i]; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
}

/* An RSA and an ECDSA certificate for one name are one line: two of the same labels would be refused. */
static void add(struct inspection *all, size_t first, const struct inspect_certificate *one)
{
	for (size_t i = first; i < all->certificate_count; i++) {
		struct inspect_certificate *other = &all->certificates[i];
		if (strcmp(other->name, one->name) != 0)
			continue;
		if (one->left_s < other->left_s)
			other->left_s = one->left_s;
		return;
	}
	all->certificates[all->certificate_count++] = *one;
}

static void fill_listener(struct inspection *all, const struct listener_settings *l, time_t now_s)
{
	struct tls_expiry e;
	size_t first = all->certificate_count;
	for (size_t n = 0; tls_setup_expiry(l->tls, n, &e); n++) {
		struct inspect_certificate one = {
			.left_s = e.at_s > now_s ? (uint64_t)(e.at_s - now_s) : 0};
		_Static_assert(sizeof(one.listener) == sizeof(l->listener->name), "copied whole");
		memcpy(one.listener, l->listener->name, sizeof(one.listener));
		copy_name(one.name, e.name);
		add(all, first, &one);
	}
}

bool expiry_fill(struct inspection *all, const struct settings *settings)
{
	time_t now_s = time(NULL);
	all->certificates = calloc(count(settings) + 1, sizeof(*all->certificates));
	if (!all->certificates)
		return false;
	for (size_t i = 0; i < settings->listener_count; i++) {
		const struct listener_settings *l = &settings->listeners[i];
		if (l->tls && !l->is_retired)
			fill_listener(all, l, now_s);
	}
	return true;
}
