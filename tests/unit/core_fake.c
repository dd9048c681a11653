/* SPDX-License-Identifier: BSD-2-Clause */
/* core_fake.c - see core_fake.h. */
#include "tests/unit/core_fake.h"
#include "proxy/core/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	START_MS = 1000000,
	CONNECTIONS = 64,
	SOURCES = 4096,
	PASSES = 20000, /* more without an end is a core that spins */
	SCRATCH_USED = 4096,
	STEP_US = 100,
	FORGOTTEN_MS = 24 * 3600 * 1000, /* after so long nothing is remembered */
	TAG_KEY = 4711,
	TURNS = 2, /* that must end before the host may say so */
};

/* --- the host --- */

static struct fake_worker *worker_of(struct host *h)
{
	return (struct fake_worker *)(void *)h;
}

static enum fake_connect next_connect(struct fake *f)
{
	return f->script_at < f->script_length ? f->script[f->script_at++] : f->otherwise;
}

static struct stream *host_connect(struct host *h, const struct connection_plan *plan, int *failure)
{
	struct fake_worker *w = worker_of(h);
	enum fake_connect how = next_connect(w->fake);
	if (how == FAKE_REFUSED) {
		*failure = w->fake->refusal;
		return NULL;
	}
	struct fake_stream *fs = fake_stream_new(w->fake);
	fs->worker = w;
	fs->to = *plan->to;
	fs->is_pending = how == FAKE_PENDING;
	fs->is_failing = how == FAKE_FAILS ? ECONNREFUSED : 0;
	fs->is_for_tls = plan->tls != NULL;
	if (how == FAKE_FAILS && plan->tls)
		fake_fail_tls(fs, "unknown_ca", "signed by nobody");
	fs->preface_length = plan->preface_length;
	if (plan->preface_length)
		memcpy(fs->preface, plan->preface, plan->preface_length);
	w->fake->server_count++;
	return &fs->stream;
}

static bool host_local_address(struct host *h, const struct stream *s, struct addr_port *local)
{
	(void)s;
	return !worker_of(h)->fake->knows_no_local_address &&
	       addr_port_parse(local, "192.0.2.98:5061");
}

struct tls_setup {
	int nothing;
};

static struct tls_setup setup;

static struct stream *host_secure(struct host *h, struct stream *raw, struct tls_setup *tls,
	const uint8_t *ahead, size_t length)
{
	assert_ptr_equal(tls, &setup);
	if (!worker_of(h)->fake->has_no_memory_for_tls)
		return fake_secure(raw, ahead, length);
	raw->ops->close(raw, STREAM_CLOSE_FIN);
	return NULL;
}

static void host_describe_security(
	struct host *h, const struct stream *s, struct stream_security *out)
{
	(void)h;
	fake_describe(s, out);
}

static bool host_has_ended(struct host *h, const struct stream *s)
{
	(void)h;
	return fake_has_ended(s);
}

static uint64_t host_clock_us(struct host *h)
{
	const struct fake *f = worker_of(h)->fake;
	return f->now_ms * 1000 + f->spent_us;
}

static void host_report(struct host *h, const struct record *r)
{
	struct fake *f = worker_of(h)->fake;
	f->records = realloc(f->records, (f->record_count + 1) * sizeof(*r));
	assert_non_null(f->records);
	f->records[f->record_count++] = *r;
}

static void host_ask_turns(struct host *h)
{
	struct fake_worker *w = worker_of(h);
	assert_false(w->turns_asked); /* the host answers one at a time */
	w->turns_asked = true;
	w->turns_left = TURNS;
}

static void host_probe(struct host *h, struct stream *s, bool is_urgent)
{
	(void)h;
	fake_probe(s, is_urgent);
}

static void host_wake(struct host *h, unsigned worker)
{
	struct fake *f = worker_of(h)->fake;
	assert_in_range(worker, 0, f->shared.workers - 1);
	f->workers[worker]->wakes++;
	f->workers[worker]->is_woken = true;
}

/* --- beginning and end --- */

static struct fake_worker *worker_new(struct fake *f, unsigned index)
{
	struct fake_worker *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->fake = f;
	w->host = (struct host){
		.connect = host_connect,
		.secure = host_secure,
		.describe_security = host_describe_security,
		.has_ended = host_has_ended,
		.clock_us = host_clock_us,
		.local_address = host_local_address,
		.report = host_report,
		.ask_turns = host_ask_turns,
		.probe = host_probe,
		.wake = host_wake,
	};
	assert_true(core_init(&w->core, &f->shared, &w->host, index, f->now_ms));
	return w;
}

static struct conf *load(const char *conf_text)
{
	struct conf_errors errors = {0};
	struct conf *conf = conf_load_text(conf_text, "test", &errors);
	if (!conf)
		conf_errors_print(&errors.errors, "", stderr);
	conf_errors_fini(&errors);
	assert_non_null(conf);
	return conf;
}

struct fake *fake_new(const char *conf_text, unsigned workers)
{
	static bool has_message;
	if (!has_message)
		message_init();
	has_message = true;

	struct fake *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->last_stream = &f->streams;
	f->now_ms = START_MS;
	f->step_us = STEP_US;
	f->refusal = ECONNREFUSED;
	f->conf = load(conf_text);
	/* Some tests make hundreds of these; nobody here asks for more sources unless by name. */
	if (f->conf->limits.tracked_sources > SOURCES)
		f->conf->limits.tracked_sources = SOURCES;
	const struct shared_setup size = {
		.limits = &f->conf->limits,
		.capacity = f->conf->max_connections ? f->conf->max_connections : CONNECTIONS,
		.workers = workers,
	};
	assert_true(shared_init(&f->shared, &size));
	f->shared.tag_key = TAG_KEY; /* what is spread by chance is spread alike in each run */
	f->settings = settings_new(&f->shared, f->conf, NULL);
	assert_non_null(f->settings);
	for (size_t i = 0; i < f->conf->listener_count; i++)
		if (f->conf->listeners[i].transport == CONF_TLS)
			settings_listener(f->settings, i)->tls = &setup;
	for (size_t i = 0; i < f->conf->pool_count; i++)
		settings_pool(f->settings, i)->tls = &setup;
	settings_publish(&f->shared, f->settings);
	for (unsigned i = 0; i < workers; i++)
		f->workers[i] = worker_new(f, i);
	return f;
}

void fake_reload(struct fake *f, const char *conf_text)
{
	struct settings *old = f->settings;
	f->conf = load(conf_text);
	f->settings = settings_new(&f->shared, f->conf, old);
	assert_non_null(f->settings);
	settings_publish(&f->shared, f->settings);
	for (unsigned i = 0; i < f->shared.workers; i++)
		core_adopt(&f->workers[i]->core, f->settings);
	settings_free(old);
	fake_run(f);
}

struct listener *fake_listener(const struct fake *f, size_t index)
{
	return settings_listener(f->settings, index)->listener;
}

static void assert_core_empty(struct core *c)
{
	check_end_all(c);
	assert_true(list_is_empty(&c->queues));
	assert_true(list_is_empty(&c->checks));
	assert_int_equal(c->sessions.taken, 0);
	assert_int_equal(c->links.taken, 0);
	assert_true(list_is_empty(&c->unproven));
	assert_true(list_is_empty(&c->proven));
	assert_true(list_is_empty(&c->recheck));
	assert_true(list_is_empty(&c->rechecking));
	assert_true(list_is_empty(&c->starved));
	assert_true(list_is_empty(&c->closed));
	assert_true(list_is_empty(&c->handshakes.waiting));
	assert_true(list_is_empty(&c->handshakes.ready));
	assert_true(list_is_empty(&c->handshakes.placed));
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		assert_true(list_is_empty(&c->wheel.slots[i]));
}

static void assert_backend_empty(const struct fake *f, const struct backend *b)
{
	assert_int_equal(b->open, 0);
	assert_int_equal(places_taken(&b->connecting), 0);
	assert_int_equal(places_waiting(&b->connecting), 0);
	for (unsigned w = 0; w < f->shared.workers; w++) {
		assert_int_equal(b->connecting.lanes[w].held, 0);
		assert_int_equal(counter_read(&b->counters[w].connections), 0);
		assert_true(list_is_empty(&b->lanes[w].links));
		assert_true(list_is_empty(&b->lanes[w].condemned));
		assert_true(list_is_empty(&b->lanes[w].queue));
		assert_false(list_has(&b->lanes[w].waiting));
	}
}

static void assert_backends_empty(const struct fake *f)
{
	for (const struct pool *p = f->shared.pools; p; p = p->next) {
		assert_false(pool_is_used(p, f->shared.workers));
		for (const struct backend *b = p->backends; b; b = b->next)
			assert_backend_empty(f, b);
	}
}

void fake_assert_empty(const struct fake *f)
{
	for (unsigned i = 0; i < f->shared.workers; i++)
		assert_core_empty(&f->workers[i]->core);
	assert_backends_empty(f);
	assert_int_equal(limiter_slots(f->shared.limiter), 0);
	/* Rates and points of sources without connections are remembered for a while. */
	limiter_reclaim(f->shared.limiter, 1000, (f->now_ms + FORGOTTEN_MS) * 1000,
		2 * limiter_capacity(f->shared.limiter));
	assert_int_equal(limiter_sources(f->shared.limiter), 0);
	assert_int_equal(limiter_subnets(f->shared.limiter), 0);
	assert_int_equal(f->shared.refusing, 0);
	assert_int_equal(f->shared.tarpitted, 0);
	for (size_t i = 0; i < f->shared.class_count; i++)
		assert_int_equal(f->shared.classes[i]->total.open, 0);
	assert_int_equal(f->shared.open, 0);
	assert_int_equal(places_taken(&f->shared.handshakes), 0);
	assert_int_equal(places_waiting(&f->shared.handshakes), 0);
	for (unsigned i = 0; i < f->shared.workers; i++)
		assert_int_equal(f->shared.handshakes.lanes[i].held, 0);
	for (const struct listener *l = f->shared.listeners; l; l = l->next) {
		assert_int_equal(l->open, 0);
		assert_int_equal(l->unnamed, 0);
		for (unsigned w = 0; w < f->shared.workers; w++) {
			assert_true(list_is_empty(&l->lanes[w].unnamed));
			assert_true(l->lanes[w].oldest_ms == UINT64_MAX);
		}
	}
	assert_int_equal(memory_held(&f->shared.memory), 0);
	for (const struct fake_stream *fs = f->streams; fs; fs = fs->next)
		assert_true(fs->is_closed);
}

static void free_streams(struct fake *f)
{
	for (struct fake_stream *fs = f->streams, *next; fs; fs = next) {
		next = fs->next;
		free(fs->input);
		free(fs->pieces);
		free(fs->written);
		free(fs);
	}
}

void fake_end(struct fake *f)
{
	fake_run(f);
	fake_assert_empty(f);
	for (unsigned i = 0; i < f->shared.workers; i++) {
		core_fini(&f->workers[i]->core);
		free(f->workers[i]);
	}
	settings_free(f->settings);
	shared_fini(&f->shared);
	free_streams(f);
	free(f->records);
	free(f);
}

void fake_stop(struct fake *f)
{
	for (unsigned i = 0; i < f->shared.workers; i++)
		while (core_sweep(&f->workers[i]->core, REASON_SHUTDOWN, 3))
			core_end_turn(&f->workers[i]->core);
	fake_end(f);
}

void fake_connects(struct fake *f, const enum fake_connect *how, unsigned count)
{
	assert_in_range(count, 1, FAKE_SCRIPT);
	memcpy(f->script, how, count * sizeof(*how));
	f->script_length = count;
	f->script_at = 0;
	f->otherwise = how[count - 1];
}

/* --- time --- */

/* As a level-triggered loop would tell it, with the end of a paused stream told once. */
static bool is_readable(const struct fake_stream *fs)
{
	bool is_inside =
		fs->is_under_tls && !fs->was_read; /* all there is, as far as can be told */
	size_t from = is_inside ? fs->inside : fs->taken;
	return from < fs->input_length || fs->is_ended || fs->is_failing;
}

static unsigned readiness_of(const struct fake_stream *fs)
{
	unsigned is_ready = 0;
	if (!fs->has_wanted || fs->is_closed)
		return 0;
	if (fs->wanted & STREAM_READABLE && is_readable(fs))
		is_ready |= STREAM_READABLE;
	if (fs->wanted & STREAM_WRITABLE && (fs->is_failing || (fs->room && !fs->is_pending)))
		is_ready |= STREAM_WRITABLE;
	if (!is_ready && !(fs->wanted & STREAM_READABLE) && fs->is_failing && !fs->has_gone)
		is_ready = STREAM_GONE;
	return is_ready;
}

/* What the core has not copied is not there any more at the next event. */
static void spoil_scratch(struct core *c)
{
	memset(c->scratch, 0xee, SCRATCH_USED);
	memset(c->answer, 0xee, SCRATCH_USED);
}

static bool deliver(struct fake *f)
{
	bool had_any = false;
	for (struct fake_stream *fs = f->streams; fs; fs = fs->next) {
		unsigned readiness = readiness_of(fs);
		if (!readiness)
			continue;
		had_any = true;
		fs->has_gone |= readiness == STREAM_GONE;
		struct stream *told = fs->is_under_tls ? &fs->secured : &fs->stream;
		told->on_ready(told, readiness);
		spoil_scratch(&fs->worker->core);
	}
	return had_any;
}

static bool end_turns(struct fake *f)
{
	bool had_any = false;
	for (unsigned i = 0; i < f->shared.workers; i++) {
		struct fake_worker *w = f->workers[i];
		w->is_woken = false;
		core_clock(&w->core, f->now_ms);
		core_tend(&w->core);
		core_end_turn(&w->core);
		had_any |= core_has_work(&w->core);
		if (!w->turns_asked || f->holds_turns)
			continue;
		had_any = true;
		if (w->turns_left-- == 0)
			fake_turns_done(f, i);
	}
	for (unsigned i = 0; i < f->shared.workers; i++)
		had_any |= f->workers[i]->is_woken;
	return had_any;
}

bool fake_turn(struct fake *f)
{
	bool had_turns = end_turns(f);
	return deliver(f) | had_turns;
}

void fake_run(struct fake *f)
{
	for (unsigned pass = 0; pass < PASSES; pass++)
		if (!fake_turn(f))
			return;
	fail_msg("the core spins: events go on without an end");
}

void fake_pass(struct fake *f, uint64_t ms)
{
	while (ms) {
		uint64_t step = ms < WHEEL_TICK_MS ? ms : WHEEL_TICK_MS;
		f->now_ms += step;
		ms -= step;
		for (unsigned i = 0; i < f->shared.workers; i++)
			core_clock(&f->workers[i]->core, f->now_ms);
		fake_run(f);
	}
}

void fake_turns_done(struct fake *f, unsigned worker)
{
	struct fake_worker *w = f->workers[worker];
	assert_true(w->turns_asked);
	w->turns_asked = false;
	core_turns_done(&w->core);
	spoil_scratch(&w->core);
	core_end_turn(&w->core);
}
