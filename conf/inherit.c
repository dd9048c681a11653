/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/inherit.h"
#include "conf/option.h"

#include <string.h>

static const struct conf_option *find(const struct conf_scope *scope, const char *name)
{
	for (size_t i = 0; i < scope->option_count; i++)
		if (strcmp(scope->options[i].name, name) == 0)
			return &scope->options[i];
	return NULL;
}

/* Those of one group. */
static void inherit(
	void *to, enum conf_scope_id to_scope, const void *from, enum conf_scope_id from_scope)
{
	const struct conf_scope *scope = conf_scope_get(to_scope);
	for (size_t i = 0; i < scope->option_count; i++) {
		const struct conf_option *o = &scope->options[i];
		const struct conf_option *parent = find(conf_scope_get(from_scope), o->name);
		struct conf_place *at = (void *)((char *)to + o->at);
		if (!parent || !at->is_default || !conf_place_is_set(at))
			continue;
		memcpy((char *)to + o->field, (const char *)from + parent->field,
			conf_option_size(o));
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
