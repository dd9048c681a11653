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

static bool is_marked(const struct session *s)
{
	uint32_t marked_s = limiter_marked_s(&s->token);
	return marked_s && seconds(s->core) - marked_s <= MARK_S;
}

static void set_urgency(struct session *s, bool is_urgent)
{
	s->probed_ms = is_urgent ? s->core->now_ms : 0;
	s->core->host->probe(s->core->host, s->client, is_urgent);
}

static void look_again(struct probing *p, uint64_t at_ms)
{
	if (!p->again_ms || at_ms < p->again_ms)
		p->again_ms = at_ms;
}

static void visit(struct session *s, const struct sweep *sweep)
{
	struct probing *p = &s->core->probing;
	uint64_t now_ms = s->core->now_ms;
	(void)sweep;
	if (s->probed_ms && now_ms - s->probed_ms >= PROBE_MS)
		set_urgency(s, false);
	else if (s->probed_ms)
		look_again(p, s->probed_ms + PROBE_MS);
	else if (is_marked(s) && now_ms - s->active_ms < SILENT_MS)
		look_again(p, s->active_ms + SILENT_MS);
	else if (is_marked(s)) {
		set_urgency(s, true);
		verdict_probing(s);
		look_again(p, now_ms + PROBE_MS);
	}
}

static bool is_due(const struct core *c, unsigned wanted)
{
	const struct probing *p = &c->probing;
	bool has_to_look = p->again_ms && c->now_ms >= p->again_ms;
	return !sweep_is_running(&p->sweep) && c->now_ms >= p->next_ms &&
	       (wanted != p->seen || has_to_look);
}

void probing_tend(struct core *c)
{
	struct probing *p = &c->probing;
	unsigned wanted = atomic_load_explicit(&c->shared->probes, memory_order_acquire);
	if (is_due(c, wanted)) {
		p->seen = wanted;
		p->next_ms = c->now_ms + SWEEP_MS;
		p->again_ms = 0; /* whoever still needs it says so again */
		sweep_begin(&p->sweep, c, visit);
	}
	sweep_go_on(&p->sweep, c);
}
