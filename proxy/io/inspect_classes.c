/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect_classes.c - what listeners count by class. */
#include "proxy/io/inspect_fill.h"

#include "proxy/core/session.h"

#include <string.h>

/* Of all workers; false: it has never applied there. */
static bool sum_class(
	const struct listener *l, size_t slot, unsigned workers, struct class_counters *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; l->classes[slot] && w < workers; w++)
		counters_add_class(sum, &l->classes[slot][w]);
	return l->classes[slot] != NULL;
}

static void fill_connections(struct filler *f, struct inspect_listener *l, const char *class,
	const struct class_counters *c)
{
	for (unsigned s = 0; s < COUNTERS_STATES; s++)
		inspect_put(f, &l->connections,
			(struct inspect_count){
				{class, session_state_name(s)}, counter_read(&c->connections[s])});
}

/* Of those that are in no class, also what has never been: so that it can be seen to begin. */
static void fill_refused(struct filler *f, struct inspect_listener *l, const char *class,
	const struct class_counters *c)
{
#define WORD(constant, word) [constant] = word,
	static const char *const actions[] = {CONF_ACTIONS(WORD)};
#undef WORD
	_Static_assert(sizeof(actions) / sizeof(actions[0]) == COUNTERS_ACTIONS,
		"each action is counted apart");
	bool is_whole = !strcmp(class, CLASS_NONE_NAME);
	for (unsigned r = 0; r < REASON_COUNT; r++) {
		for (unsigned a = 0; a < COUNTERS_ACTIONS && reason_report(r) == REPORT_LIMIT;
			a++) {
			uint64_t value = counter_read(&c->refused[r][a]);
			if (value || (is_whole && a == CONF_ACTION_RESET))
				inspect_put(f, &l->refused,
					(struct inspect_count){
						{class, reason_name(r), actions[a]}, value});
		}
	}
}

static void fill_would_refuse(struct filler *f, struct inspect_listener *l, const char *class,
	const struct class_counters *c)
{
	for (unsigned r = 0; r < REASON_COUNT; r++) {
		uint64_t value = counter_read(&c->would_refuse[r]);
		if (value)
			inspect_put(f, &l->would_refuse,
				(struct inspect_count){{class, reason_name(r)}, value});
	}
}

static void fill_delayed(struct filler *f, struct inspect_listener *l, const char *class,
	const struct class_counters *c)
{
	inspect_put(f, &l->delayed, (struct inspect_count){{class}, counter_read(&c->delayed)});
}

static void fill_classes(struct filler *f, struct inspect_list *list, struct inspect_listener *to,
	const struct listener *l, const struct shared *sh,
	void (*fill)(struct filler *f, struct inspect_listener *l, const char *class,
		const struct class_counters *c))
{
	struct class_counters sum;
	inspect_begin(f, list);
	for (size_t i = 0; i < sh->class_count; i++)
		if (sum_class(l, i, sh->workers, &sum))
			fill(f, to, sh->classes[i]->name, &sum);
}

void inspect_fill_classes(struct filler *f, struct inspect_listener *to, const struct listener *l,
	const struct shared *sh)
{
	fill_classes(f, &to->connections, to, l, sh, fill_connections);
	fill_classes(f, &to->refused, to, l, sh, fill_refused);
	fill_classes(f, &to->would_refuse, to, l, sh, fill_would_refuse);
	fill_classes(f, &to->delayed, to, l, sh, fill_delayed);
}
