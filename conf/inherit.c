/* SPDX-License-Identifier: BSD-2-Clause */
/* inherit.c - a walk over the table: a row that is inherited finds the row of its name one level up. */
#include "conf/inherit.h"
#include "conf/option.h"

#include <assert.h>
#include <string.h>

static const struct conf_option *find_option(enum conf_scope_id id, const char *name)
{
	const struct conf_scope *scope = conf_scope_get(id);
	size_t i = 0;

	while (i < scope->option_count && strcmp(scope->options[i].name, name) != 0)
		i++;
	assert(i < scope->option_count);
	return &scope->options[i];
}

/* Those of one group. */
static void inherit(
	void *to, enum conf_scope_id to_id, const void *from, enum conf_scope_id from_id)
{
	const struct conf_scope *scope = conf_scope_get(to_id);

	for (size_t i = 0; i < scope->option_count; i++) {
		const struct conf_option *o = &scope->options[i], *source;
		struct conf_place *at = (void *)((char *)to + o->at);
		const struct conf_place *source_at;

		if (!o->is_inherited || !at->is_default)
			continue;
		source = find_option(from_id, o->name);
		source_at = (const void *)((const char *)from + source->at);
		memcpy((char *)to + o->field, (const char *)from + source->field,
			conf_option_size(o));
		if (!conf_place_is_set(source_at))
			*at = *source_at;
	}
}

void conf_inherit(struct conf *c)
{
	for (size_t i = 0; i < c->limits.class_count; i++) {
		struct conf_class *class = &c->limits.classes[i];

		inherit(class, CONF_SCOPE_CLASS, &c->limits, CONF_SCOPE_LIMITS);
		inherit(&class->subnet, CONF_SCOPE_CLASS_SUBNET, &c->limits.subnet,
			CONF_SCOPE_SUBNET);
		inherit(&class->timeouts, CONF_SCOPE_CLASS_TIMEOUTS, &c->timeouts,
			CONF_SCOPE_TIMEOUTS);
	}
}
