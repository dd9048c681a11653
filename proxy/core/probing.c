/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/probing.h"
#include "proxy/core/session.h"

enum {
	INTERVAL_S = 10, /* between two probings of a source */
	MARK_S =
		3, /* how long its mark is good for those who come by it: workers tick ten times a second */
	SILENT_MS = 1000, /* who has just been heard is no ghost */
	PROBE_MS = 8000,  /* more than the three seconds after which a dead one is gone */
	SWEEP_MS = 500,
};

static uint32_t seconds(const struct core *c)
{
	return (uint32_t)(c->now_ms / 1000) + 1; /* never 0 */
}

void probing_ask(struct core *c, const struct limit_source *source)
{
	if (limiter_mark(c->shared->limiter, source, seconds(c), INTERVAL_S))
		atomic_fetch_add_explicit(&c->shared->probes, 1, memory_order_release);
}

static bool is_suspect(const struct session *s)
{
	uint32_t marked_s = limiter_marked_s(&s->token);
	return marked_s && seconds(s->core) - marked_s <= MARK_S &&
	       s->core->now_ms - s->active_ms >= SILENT_MS;
}

static void set_urgency(struct session *s, bool is_urgent)
{
	s->probed_ms = is_urgent ? s->core->now_ms : 0;
	s->core->host->probe(s->core->host, s->client, is_urgent);
}

static void visit(struct session *s, const struct sweep *sweep)
{
	struct probing *p = &s->core->probing;
	(void)sweep;
	if (!s->probed_ms && is_suspect(s)) {
		set_urgency(s, true);
		verdict_probing(s);
	} else if (s->probed_ms && s->core->now_ms - s->probed_ms >= PROBE_MS) {
		set_urgency(s, false);
	}
	uint64_t end_ms = s->probed_ms + PROBE_MS;
	if (s->probed_ms && (!p->end_next_ms || end_ms < p->end_next_ms))
		p->end_next_ms = end_ms;
}

static bool is_due(const struct core *c, unsigned wanted)
{
	const struct probing *p = &c->probing;
	bool has_to_end = p->end_next_ms && c->now_ms >= p->end_next_ms;
	return !sweep_is_running(&p->sweep) && c->now_ms >= p->next_ms &&
	       (wanted != p->seen || has_to_end);
}

void probing_tend(struct core *c)
{
	struct probing *p = &c->probing;
	unsigned wanted = atomic_load_explicit(&c->shared->probes, memory_order_acquire);
	if (is_due(c, wanted)) {
		p->seen = wanted;
		p->next_ms = c->now_ms + SWEEP_MS;
		p->end_next_ms = 0; /* whoever is still probed says so again */
		sweep_begin(&p->sweep, c, visit);
	}
	sweep_go_on(&p->sweep, c);
}
