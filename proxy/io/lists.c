/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/lists.h"
#include "conf/check_limits.h"
#include "conf/file.h"
#include "conf/load.h"
#include "limits/bans.h"
#include "limits/siphash.h"
#include "proxy/io/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 };

struct list_copy {
	unsigned holders;
	char *path;
	struct netlist list;
	char kept[TEXT_MAX]; /* why it is an old one; "": it is not */
};

/* One file of one class. */
struct source {
	const struct conf *conf;
	const struct conf_class *class;
	const struct conf_class_file *file;
	char option[CONF_PATH_MAX];
};

static void release(struct list_copy *c)
{
	if (!c || --c->holders)
		return;
	netlist_free(&c->list);
	free(c->path);
	free(c);
}

static struct list_copy *new_copy(const char *path)
{
	struct list_copy *c = calloc(1, sizeof(*c));
	char *copy = strdup(path);
	if (!c || !copy) {
		free(c);
		free(copy);
		return NULL;
	}
	c->holders = 1;
	c->path = copy;
	return c;
}

/* --- reading --- */

/* Where it is wrong, for people: of the list itself, not of the configuration. */
static bool refuse(
	struct conf_errors *errors, const struct source *from, size_t line, const char *what)
{
	const struct conf_place place = {.file = from->file->path, .line = (unsigned)line};
	conf_errors_add(errors, &place, from->option, "%s", what);
	return false;
}

static bool read_list(struct netlist *list, const char *path, const struct source *from,
	struct conf_errors *errors)
{
	struct netlist_fault fault;
	char what[TEXT_MAX];
	size_t length;
	char *bytes = conf_file_read(path, LIST_BYTES_MAX, &length);
	if (!bytes) {
		snprintf(what, sizeof(what),
			"the list cannot be read: %s, expected a file of networks",
			strerror(errno));
		return refuse(errors, from, 0, what);
	}
	bool is_read = netlist_read(list, bytes, length, &fault);
	free(bytes);
	return is_read || refuse(errors, from, fault.line, fault.text);
}

static bool is_allowed(
	const struct netlist *list, const struct source *from, struct conf_errors *errors)
{
	const struct conf_place place = {.file = from->file->path};
	return !from->class->deny || conf_check_denied(from->conf, list->networks, list->count,
					     &place, from->option, errors);
}

static bool load(struct list_copy *c, const struct source *from, struct conf_errors *errors)
{
	if (!read_list(&c->list, from->file->path, from, errors))
		return false;
	if (is_allowed(&c->list, from, errors))
		return true;
	netlist_free(&c->list);
	return false;
}

/* --- the last good copy --- */

static void name_of_copy(char out[TEXT_MAX], const struct source *from)
{
	static const uint8_t no_key[16];
	const char *path = from->file->path;
	snprintf(out, TEXT_MAX, "list-%016llx",
		(unsigned long long)siphash13(no_key, path, strlen(path)));
}

static void write_copy(FILE *out, const void *context)
{
	const struct list_copy *c = context;
	fprintf(out, "# the last good copy of %s\n", c->path);
	for (size_t i = 0; i < c->list.count; i++) {
		char text[NETWORK_TEXT_MAX];
		ban_network_format(&c->list.networks[i], text);
		fprintf(out, "%s\n", text);
	}
}

static bool is_same(const struct netlist *a, const struct netlist *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->networks, b->networks, a->count * sizeof(*a->networks)));
}

static struct list_copy *find(const struct lists *lists, const char *path)
{
	for (size_t i = 0; lists && i < lists->count; i++)
		if (!strcmp(lists->copies[i]->path, path))
			return lists->copies[i];
	return NULL;
}

/* For the next start. That it cannot be written is a warning: the list itself is fine. */
static void save(const struct list_copy *c, const struct source *from,
	const struct list_copy *before, struct conf_errors *errors)
{
	char name[TEXT_MAX];
	if (!*from->conf->state_dir || (before && is_same(&before->list, &c->list)))
		return;
	name_of_copy(name, from);
	if (!state_file_write(from->conf->state_dir, name, write_copy, c))
		conf_errors_warn(errors, &from->conf->at.state_dir, "state_dir",
			"the last good copy of \"%s\" cannot be kept there: %s", c->path,
			strerror(errno));
}

static bool load_saved(struct list_copy *c, const struct source *from)
{
	struct conf_errors ignored = {0};
	char name[TEXT_MAX], path[2 * TEXT_MAX + 4096];
	if (!*from->conf->state_dir)
		return false;
	name_of_copy(name, from);
	snprintf(path, sizeof(path), "%s/%s", from->conf->state_dir, name);
	bool is_read =
		read_list(&c->list, path, from, &ignored) && is_allowed(&c->list, from, &ignored);
	conf_errors_fini(&ignored);
	return is_read;
}

/* A copy of its own, so that it can say why. NULL: there is none, or no memory. */
static struct list_copy *keep(
	const struct source *from, const struct list_copy *before, const char *why)
{
	struct list_copy *c = new_copy(from->file->path);
	bool is_found = c && !before && load_saved(c, from);
	if (c && before) {
		c->list.networks = malloc((before->list.count + 1) * sizeof(struct network));
		is_found = c->list.networks != NULL;
		c->list.count = is_found ? before->list.count : 0;
		if (c->list.count)
			memcpy(c->list.networks, before->list.networks,
				c->list.count * sizeof(struct network));
	}
	if (!is_found) {
		release(c);
		return NULL;
	}
	snprintf(c->kept, sizeof(c->kept), "%s; its last good copy, with %zu networks, stays", why,
		c->list.count);
	return c;
}

/* NULL: said. */
static struct list_copy *load_new(const struct source *from, const struct list_copy *before,
	struct conf_errors *said, struct conf_errors *errors)
{
	struct list_copy *c = new_copy(from->file->path);
	if (c && load(c, from, said)) {
		save(c, from, before, errors);
		return c;
	}
	if (!c)
		conf_errors_add(said, &from->file->at.path, from->option, "out of memory");
	release(c);
	return NULL;
}

static struct list_copy *load_or_keep(
	const struct source *from, const struct list_copy *before, struct conf_errors *errors)
{
	struct conf_errors own = {0};
	struct list_copy *c = load_new(from, before, &own, errors);
	if (!c && own.errors.kept_count)
		c = keep(from, before, own.errors.kept[0].text);
	conf_errors_fini(&own);
	if (c)
		return c;
	conf_errors_add(errors, &from->file->at.path, from->option,
		"there is no good copy of it to go on with, expected a list that can be read, or "
		"one in "
		"state_dir from an earlier run");
	return load_new(from, before, errors, errors); /* for the sake of what is wrong with it */
}

/* --- all of them --- */

static size_t count_files(const struct conf *conf)
{
	size_t count = 0;
	for (size_t i = 0; i < conf->limits.class_count; i++)
		count += conf->limits.classes[i].file_count;
	return count;
}

static bool load_class(struct lists *l, const struct conf *conf, size_t index,
	const struct lists *previous, struct conf_errors *errors)
{
	const struct conf_class *class = &conf->limits.classes[index];
	char path[CONF_PATH_MAX], files[CONF_PATH_MAX];
	bool is_whole = true;
	conf_path_element(path, "limits.classes", class->name, index);
	conf_path_member(files, path, "files");
	for (size_t n = 0; n < class->file_count; n++) {
		struct source from = {.conf = conf, .class = class, .file = &class->files[n]};
		conf_path_element(from.option, files, NULL, n);
		const struct list_copy *before = find(previous, from.file->path);
		struct list_copy *c = from.file->on_error == CONF_ON_ERROR_KEEP
					      ? load_or_keep(&from, before, errors)
					      : load_new(&from, before, errors, errors);
		if (c)
			l->copies[l->count++] = c;
		is_whole &= c != NULL;
	}
	return is_whole;
}

static bool apply(const struct lists *l, struct settings *settings)
{
	struct class_lists given = {.count = l->count};
	given.lists = calloc(l->count + 1, sizeof(const struct netlist *));
	for (size_t i = 0; given.lists && i < l->count; i++)
		given.lists[i] = &l->copies[i]->list;
	bool is_done = given.lists && settings_list(settings, &given);
	free(given.lists);
	return is_done;
}

bool lists_load(struct lists *l, struct settings *settings, const struct lists *previous,
	struct conf_errors *errors)
{
	const struct conf *conf = settings->conf;
	size_t count = count_files(conf);
	bool is_whole = true;
	if (!count)
		return true;
	l->copies = calloc(count, sizeof(struct list_copy *));
	for (size_t i = 0; l->copies && i < conf->limits.class_count; i++)
		is_whole &= load_class(l, conf, i, previous, errors);
	if (l->copies && (!is_whole || apply(l, settings)))
		return is_whole;
	conf_errors_add(errors, &conf->limits.place, "limits.classes", "out of memory");
	return false;
}

bool lists_again(struct lists *l, struct settings *settings, const struct lists *previous)
{
	if (!previous->count)
		return true;
	l->copies = calloc(previous->count, sizeof(struct list_copy *));
	for (; l->copies && l->count < previous->count; l->count++) {
		l->copies[l->count] = previous->copies[l->count];
		l->copies[l->count]->holders++;
	}
	return l->copies && apply(l, settings);
}

void lists_free(struct lists *l)
{
	for (size_t i = 0; i < l->count; i++)
		release(l->copies[i]);
	free(l->copies);
	*l = (struct lists){0};
}

size_t lists_changed(const struct lists *l, const struct lists *before)
{
	size_t changed = 0;
	for (size_t i = 0; i < l->count; i++) {
		const struct list_copy *old = find(before, l->copies[i]->path);
		changed += !old || !is_same(&old->list, &l->copies[i]->list);
	}
	return changed;
}

const char *lists_kept(const struct lists *l, size_t index)
{
	return index < l->count && *l->copies[index]->kept ? l->copies[index]->kept : NULL;
}
