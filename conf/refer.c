/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/refer.h"

#include <stdio.h>
#include <string.h>

/* What can be meant. name_of(): NULL for one whose name was refused. */
struct kind {
	const char *word;
	size_t (*count)(const struct conf *c);
	const char *(*name_of)(const struct conf *c, size_t i);
};

static size_t count_pools(const struct conf *c)
{
	return c->pool_count;
}

static const char *pool_name(const struct conf *c, size_t i)
{
	const struct conf_pool *p = &c->pools[i];
	return conf_place_is_set(&p->at.name) ? p->name : NULL;
}

static size_t count_classes(const struct conf *c)
{
	return c->limits.class_count;
}

static const char *class_name(const struct conf *c, size_t i)
{
	const struct conf_class *class = &c->limits.classes[i];
	return conf_place_is_set(&class->at.name) ? class->name : NULL;
}

static size_t count_listeners(const struct conf *c)
{
	return c->listener_count;
}

static const char *listener_name(const struct conf *c, size_t i)
{
	const struct conf_listener *l = &c->listeners[i];
	return conf_place_is_set(&l->at.name) ? l->name : NULL;
}

static void write_names(const struct conf *c, const struct kind *k, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < k->count(c) && length < size; i++) {
		const char *name = k->name_of(c, i);

		if (name)
			length += (size_t)snprintf(
				out + length, size - length, "%s\"%s\"", length ? ", " : "", name);
	}
	if (length >= size)
		memcpy(out + size - 4, "...", 4);
}

enum found { FOUND, FOUND_NOT, FOUND_PERHAPS };

static enum found find(const struct conf *c, const struct kind *k, const char *name, size_t *index)
{
	enum found found = FOUND_NOT;

	for (size_t i = 0; i < k->count(c); i++) {
		const char *other = k->name_of(c, i);

		*index = i;
		if (!other)
			found = FOUND_PERHAPS;
		else if (strcmp(other, name) == 0)
			return FOUND;
	}
	return found;
}

static bool refer(const struct conf *c, const struct kind *k, const struct conf_reference *r,
	size_t *index, struct conf_errors *errors)
{
	enum found found = find(c, k, r->name, index);
	char names[256];

	if (found != FOUND_NOT)
		return found == FOUND;
	write_names(c, k, names, sizeof(names));
	if (*names)
		conf_errors_add(errors, r->at, r->path, "there is no %s \"%s\", expected one of %s",
			k->word, r->name, names);
	else
		conf_errors_add(errors, r->at, r->path,
			"there is no %s \"%s\", nor any other, expected one to be made", k->word,
			r->name);
	return false;
}

bool conf_refer_pool(const struct conf *c, const struct conf_reference *r, size_t *index,
	struct conf_errors *errors)
{
	static const struct kind pools = {"pool", count_pools, pool_name};
	/* Without a pool there is an error already. */
	return c->pool_count && refer(c, &pools, r, index, errors);
}

bool conf_refer_class(const struct conf *c, const struct conf_reference *r, size_t *index,
	struct conf_errors *errors)
{
	static const struct kind classes = {"class", count_classes, class_name};
	return refer(c, &classes, r, index, errors);
}

static const struct kind listeners = {"listener", count_listeners, listener_name};

bool conf_refer_listener(const struct conf *c, const struct conf_reference *r, size_t *index,
	struct conf_errors *errors)
{
	return c->listener_count && refer(c, &listeners, r, index, errors);
}

bool conf_refer_may_be_listener(const struct conf *c, const char *name)
{
	size_t index;
	return !c->listener_count || find(c, &listeners, name, &index) != FOUND_NOT;
}
