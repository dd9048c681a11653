/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/inspect.h"
#include "proxy/core/session.h"
#include "proxy/io/expiry.h"
#include "proxy/io/inspect_fill.h"
#include "proxy/io/server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	COUNTS_PER_LISTENER = DIRECTIONS * COUNTERS_KINDS + REASON_COUNT +
			      COUNTERS_VERSIONS * HEADER_OUTCOMES +
			      TLS_VERSIONS * TLS_OUTCOMES * 2 + 2 * COUNTERS_STATUSES +
			      3 * REFUSAL_COUNT + SCANNERS,
};

/* What a limit is chosen from: how many sources hold up to so many connections. */
static const uint32_t spread_bounds[] = {
	1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, UINT32_MAX};
static const char *const spread_names[] = {
	"1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "4096", "+Inf"};

enum { SPREAD = sizeof(spread_bounds) / sizeof(spread_bounds[0]) };

enum { COUNTS_OF_PROCESS = INSPECT_RELOADS + 1 + SPREAD };

_Static_assert(INSPECT_NAME_MAX == (int)SHARED_NAME_MAX, "names are copied whole");
_Static_assert(INSPECT_SERVER_MAX == (int)BACKEND_NAME_MAX, "names are copied whole");
_Static_assert(NAME_OBJECT_MAX == (int)BACKEND_NAME_MAX, "names are copied whole");

/* Names of three digits that live as long as the process, for labels. */
static const char *status_text(unsigned status)
{
#define TEN(n) n "0", n "1", n "2", n "3", n "4", n "5", n "6", n "7", n "8", n "9"
#define HUNDRED(n)                                                                          \
	TEN(n "0"), TEN(n "1"), TEN(n "2"), TEN(n "3"), TEN(n "4"), TEN(n "5"), TEN(n "6"), \
		TEN(n "7"), TEN(n "8"), TEN(n "9")
	static const char texts[COUNTERS_STATUSES][4] = {
		HUNDRED("2"), HUNDRED("3"), HUNDRED("4"), HUNDRED("5"), HUNDRED("6")};
	return texts[status - COUNTERS_STATUS_MIN];
}

static const char *transport_name(enum conf_transport transport)
{
#define WORD(constant, word) [constant] = word,
	static const char *const names[] = {CONF_TRANSPORTS(WORD)};
#undef WORD
	return names[transport];
}

/* --- a listener --- */

static void fill_messages(
	struct filler *f, struct inspect_listener *l, const struct listener_counters *c)
{
	static const char *const directions[] = {"in", "out"};
	inspect_begin(f, &l->messages);
	for (unsigned d = 0; d < DIRECTIONS; d++) {
		for (unsigned k = 0; k < COUNTERS_KINDS; k++) {
			bool is_response = k == COUNTERS_RESPONSE;
			inspect_put(f, &l->messages,
				(struct inspect_count){
					{directions[d], is_response ? "response" : "request",
						is_response ? "" : frame_method_name(k)},
					counter_read(&c->messages[d][k])});
		}
	}
}

static void fill_closed(
	struct filler *f, struct inspect_listener *l, const struct listener_counters *c)
{
	inspect_begin(f, &l->closed);
	for (unsigned r = REASON_NONE + 1; r < REASON_COUNT; r++)
		inspect_put(f, &l->closed,
			(struct inspect_count){{reason_name(r)}, counter_read(&c->closed[r])});
}

static void fill_headers(
	struct filler *f, struct inspect_listener *l, const struct listener_counters *c)
{
	static const char *const versions[COUNTERS_VERSIONS] = {"none", "v1", "v2"};
	inspect_begin(f, &l->headers);
	for (unsigned v = 0; v < COUNTERS_VERSIONS; v++) {
		for (unsigned o = 0; o < HEADER_OUTCOMES; o++) {
			uint64_t value = counter_read(&c->headers[v][o]);
			if (value)
				inspect_put(f, &l->headers,
					(struct inspect_count){
						{versions[v], counters_header_name(o)}, value});
		}
	}
}

static void fill_handshakes(
	struct filler *f, struct inspect_listener *l, const struct listener_counters *c)
{
	static const char *const is_resumed[] = {"false", "true"};
	inspect_begin(f, &l->handshakes);
	for (unsigned v = 0; v < TLS_VERSIONS; v++) {
		for (unsigned o = 0; o < TLS_OUTCOMES; o++) {
			for (unsigned r = 0; r < 2; r++) {
				uint64_t value = counter_read(&c->handshakes[v][o][r]);
				if (value)
					inspect_put(f, &l->handshakes,
						(struct inspect_count){
							{counters_tls_version_name(v),
								counters_tls_outcome_name(o),
								is_resumed[r]},
							value});
			}
		}
	}
}

static void fill_answers(
	struct filler *f, struct inspect_listener *l, const struct listener_counters *c)
{
	inspect_begin(f, &l->answers);
	for (unsigned r = 0; r < REFUSAL_COUNT; r++) {
		uint64_t value = counter_read(&c->refusals[r]);
		if (value)
			inspect_put(f, &l->answers,
				(struct inspect_count){
					{status_text(refusal_status(r)), refusal_name(r)}, value});
	}
	for (unsigned s = 0; s < COUNTERS_STATUSES; s++) {
		uint64_t value = counter_read(&c->responded[s]);
		if (value)
			inspect_put(f, &l->answers,
				(struct inspect_count){
					{status_text(s + COUNTERS_STATUS_MIN), "respond"}, value});
	}
	for (unsigned s = 0; s < COUNTERS_STATUSES; s++) {
		uint64_t value = counter_read(&c->limited[s]);
		if (value)
			inspect_put(f, &l->answers,
				(struct inspect_count){
					{status_text(s + COUNTERS_STATUS_MIN), "limit"}, value});
	}
}

/* What has never been is left out. */
static void fill_faults(struct filler *f, struct inspect_list *to, const struct counter *counters)
{
	inspect_begin(f, to);
	for (unsigned r = 0; r < REFUSAL_COUNT; r++) {
		uint64_t value = counter_read(&counters[r]);
		if (value)
			inspect_put(f, to, (struct inspect_count){{refusal_name(r)}, value});
	}
}

static void fill_scanners(
	struct filler *f, struct inspect_listener *l, const struct listener_counters *c)
{
	inspect_begin(f, &l->scanners);
	for (unsigned i = SCANNER_NONE + 1; i < SCANNERS; i++)
		inspect_put(f, &l->scanners,
			(struct inspect_count){
				{request_scanner_name(i)}, counter_read(&c->scanners[i])});
}

static void fill_listener(struct filler *f, struct inspect_listener *to,
	const struct listener_settings *settings, const struct shared *sh)
{
	unsigned workers = sh->workers;
	const struct listener *l = settings->listener;
	struct listener_counters sum = {0};
	struct inspect_count *first = f->next;
	for (unsigned w = 0; w < workers; w++)
		counters_add_listener(&sum, &l->counters[w]);
	memcpy(to->name, l->name, sizeof(to->name));
	to->address = settings->address;
	to->transport = settings->conf ? transport_name(settings->conf->transport) : "";
	to->is_retired = settings->is_retired;
	to->accepted = counter_read(&sum.accepted);
	to->pings = counter_read(&sum.pings);
	to->queue = counter_read(&sum.queue);
	to->queue_limit = counter_read(&sum.queue_limit);
	inspect_fill_classes(f, to, l, sh);
	fill_messages(f, to, &sum);
	fill_closed(f, to, &sum);
	fill_headers(f, to, &sum);
	fill_handshakes(f, to, &sum);
	fill_answers(f, to, &sum);
	fill_faults(f, &to->sip_bad, sum.sip_bad);
	fill_faults(f, &to->sip_would_refuse, sum.sip_would);
	fill_scanners(f, to, &sum);
	assert(f->next <= first + COUNTS_PER_LISTENER + sh->class_count * COUNTS_PER_CLASS);
	(void)first;
}

/* --- how long --- */

static void fill_histogram(struct inspect_histogram *to, const struct histogram *from)
{
	_Static_assert(INSPECT_BUCKETS == (int)HISTOGRAM_BUCKETS, "all of them are shown");
	uint64_t count = 0;
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
		count += counter_read(&from->buckets[b]);
		to->bounds[b] = histogram_bound(b);
		to->counts[b] = count;
	}
	to->sum_ms = counter_read(&from->sum_ms);
}

/* Of all that have ever been: what was counted must not go back with a listener or server that a reload takes away. */
static void fill_admission(struct inspect_histogram *to, const struct shared *sh)
{
	struct histogram sum = {0};
	for (const struct listener *l = sh->listeners; l; l = l->next)
		for (unsigned w = 0; w < sh->workers; w++)
			histogram_add(&sum, &l->counters[w].admission);
	fill_histogram(to, &sum);
}

static void fill_connect(struct inspect_histogram *to, const struct pool *p, unsigned workers)
{
	struct histogram sum = {0};
	for (const struct backend *b = p->backends; b; b = b->next)
		for (unsigned w = 0; w < workers; w++)
			histogram_add(&sum, &b->counters[w].connect);
	fill_histogram(to, &sum);
}

/* --- a server --- */

static void add_connections(uint64_t *sum, const struct backend *b, unsigned workers)
{
	for (unsigned w = 0; w < workers; w++)
		*sum += counter_read(&b->counters[w].connections);
}

/* Those that are configured, and those that a reload has removed and somebody is still connected to. */
static bool is_shown(const struct pool_settings *p, const struct backend *b, unsigned workers)
{
	uint64_t connections = 0;
	add_connections(&connections, b, workers);
	return connections != 0 || (!p->is_retired && p->share && settings_server(p, b));
}

static void fill_server(struct filler *f, struct inspect_server *to,
	const struct pool_settings *settings, const struct backend *b, unsigned workers)
{
	const struct server_settings *server =
		settings->share ? settings_server(settings, b) : NULL;
	struct server_counters sum = {0};
	for (unsigned w = 0; w < workers; w++)
		counters_add_server(&sum, &b->counters[w]);
	memcpy(to->pool, settings->pool->name, sizeof(to->pool));
	memcpy(to->name, b->name, sizeof(to->name));
	to->address = server ? server->address : (struct addr_port){0};
	to->transport = server ? transport_name(server->conf->transport) : "";
	to->is_retired = !server || settings->is_retired;
	to->connections = counter_read(&sum.connections);
	inspect_fill_health(to, settings, b, server_now_ms());
	fill_histogram(&to->answer, &sum.answer);
	inspect_begin(f, &to->responses);
	for (unsigned s = 0; s < STATUS_SLOTS; s++)
		inspect_put(f, &to->responses,
			(struct inspect_count){
				{counters_status_name(s)}, counter_read(&sum.responses[s])});
}

static size_t count_servers(const struct shared *sh)
{
	size_t count = 0;
	for (const struct pool *p = sh->pools; p; p = p->next)
		for (const struct backend *b = p->backends; b; b = b->next)
			count++;
	return count;
}

/* --- everything --- */

static bool make_room(struct inspection *all, const struct shared *sh)
{
	size_t servers = count_servers(sh);
	size_t per_listener = COUNTS_PER_LISTENER + sh->class_count * COUNTS_PER_CLASS;
	size_t counts =
		COUNTS_OF_PROCESS + sh->listener_count * per_listener + servers * STATUS_SLOTS;
	all->listeners = calloc(sh->listener_count, sizeof(*all->listeners));
	all->pools = calloc(sh->pool_count, sizeof(*all->pools));
	all->servers = calloc(servers + 1, sizeof(*all->servers)); /* none is not a failure */
	all->counts = malloc(counts * sizeof(*all->counts));
	return all->listeners && all->pools && all->servers && all->counts &&
	       expiry_fill(all, sh->settings);
}

static void fill_reloads(struct filler *f, struct inspect_list *list, const struct inspector *i)
{
	static const char *const outcomes[INSPECT_RELOADS] = {"done", "failed"};
	inspect_begin(f, list);
	for (unsigned o = 0; o < INSPECT_RELOADS; o++)
		inspect_put(f, list,
			(struct inspect_count){{outcomes[o]}, atomic_load(&i->reloads[o])});
}

/* What every worker has. */
static uint64_t generation(const struct inspector *i)
{
	const struct settings *s = i->shared->settings;
	for (unsigned w = 0; w < i->shared->workers; w++)
		if (worker_generation(&i->workers[w]) < s->generation && s->is_reload)
			return s->reload - 1;
	return s->reload;
}

static uint64_t left_ms(const atomic_uint_fast64_t *ends_ms)
{
	uint64_t at_ms = atomic_load(ends_ms), now_ms = server_now_ms();
	return at_ms > now_ms ? at_ms - now_ms : 0;
}

static void fill_spread(struct filler *f, struct inspect_list *list, const struct limiter *l)
{
	uint32_t sources[SPREAD];
	limiter_spread(l, spread_bounds, sources, SPREAD);
	inspect_begin(f, list);
	for (unsigned i = 0; i < SPREAD; i++)
		inspect_put(f, list, (struct inspect_count){{spread_names[i]}, sources[i]});
}

static void fill_process(struct filler *f, struct inspection *all, const struct inspector *i)
{
	const struct shared *sh = i->shared;
	all->version = SIPWEIR_VERSION;
	inspect_begin(f, &all->build);
	inspect_put(f, &all->build, (struct inspect_count){{SIPWEIR_VERSION}, 1});
	fill_reloads(f, &all->reloads, i);
	all->memory_held = memory_held(&sh->memory);
	all->memory_total = sh->settings->conf->memory.total;
	all->sources = limiter_sources(sh->limiter);
	all->sources_capacity = limiter_capacity(sh->limiter);
	fill_spread(f, &all->sources_by_connections, sh->limiter);
	all->bans = bans_count(sh->bans, server_wall_s());
	all->refusing = atomic_load(&sh->refusing);
	all->tarpitted = atomic_load(&sh->tarpitted);
	all->log_dropped = log_dropped(i->log);
	all->uptime_ms = server_now_ms() - i->started_ms;
	all->generation = generation(i);
	all->workers = sh->workers;
	all->open = atomic_load(&sh->open);
	all->max_connections = sh->settings->max_connections;
	all->draining = inspect_is_draining(i);
	all->accept_left_ms = all->draining ? left_ms(&i->accept_ends_ms) : 0;
	all->drain_left_ms = left_ms(&i->leave_ends_ms);
	all->handshakes_placed = places_taken(&sh->handshakes);
	all->handshakes_waiting = places_waiting(&sh->handshakes);
	fill_admission(&all->admission, sh);
}

static void fill_listeners(struct filler *f, struct inspection *all, const struct shared *sh)
{
	const struct settings *settings = sh->settings;
	for (size_t i = 0; i < settings->listener_count; i++) {
		const struct listener_settings *l = &settings->listeners[i];
		if (!l->is_retired || listener_is_used(l->listener, sh->workers))
			fill_listener(f, &all->listeners[all->listener_count++], l, sh);
	}
}

static void fill_pool(struct inspect_pool *to, const struct pool_settings *p, unsigned workers)
{
	memcpy(to->name, p->pool->name, sizeof(to->name));
	for (unsigned w = 0; w < workers; w++)
		to->clients += counter_read(&p->pool->lanes[w].sessions);
	to->answers = p->conf && p->conf->respond ? p->conf->respond->status : 0;
	to->is_retired = p->is_retired;
	if (p->pool->backends)
		fill_connect(&to->connect, p->pool, workers);
}

static void fill_pools(struct filler *f, struct inspection *all, const struct shared *sh)
{
	const struct settings *settings = sh->settings;
	for (size_t i = 0; i < settings->pool_count; i++) {
		const struct pool_settings *p = &settings->pools[i];
		if (!p->is_retired || pool_is_used(p->pool, sh->workers))
			fill_pool(&all->pools[all->pool_count++], p, sh->workers);
		for (const struct backend *b = p->pool->backends; b; b = b->next)
			if (is_shown(p, b, sh->workers))
				fill_server(
					f, &all->servers[all->server_count++], p, b, sh->workers);
	}
}

static void fill(struct inspection *all, const struct inspector *i)
{
	struct filler f = {all->counts};
	fill_process(&f, all, i);
	fill_listeners(&f, all, i->shared);
	fill_pools(&f, all, i->shared);
}

struct inspection *inspect_take(const struct inspector *i)
{
	struct shared *sh = i->shared;
	struct inspection *all = calloc(1, sizeof(*all));
	if (!all)
		return NULL;
	pthread_mutex_lock(&sh->lock);
	bool has_room = make_room(all, sh);
	if (has_room)
		fill(all, i);
	pthread_mutex_unlock(&sh->lock);
	if (has_room)
		return all;
	inspect_free(all);
	return NULL;
}

void inspect_free(struct inspection *all)
{
	if (!all)
		return;
	free(all->listeners);
	free(all->pools);
	free(all->servers);
	free(all->certificates);
	free(all->counts);
	free(all);
}

bool inspect_is_healthy(const struct inspector *i)
{
	for (unsigned w = 0; w < i->shared->workers; w++)
		if (worker_still_ms(&i->workers[w]) > INSPECT_STUCK_MS)
			return false;
	return true;
}

bool inspect_is_ready(const struct inspector *i)
{
	return atomic_load(&i->is_serving) && inspect_is_healthy(i) && inspect_has_servers(i);
}

bool inspect_is_draining(const struct inspector *i)
{
	return atomic_load(&i->leave_ends_ms) != 0;
}
