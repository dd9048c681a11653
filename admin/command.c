/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/command.h"
#include "admin/json.h"
#include "admin/page.h"
#include "admin/status.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

enum { OVER_MIN_MS = 50, OVER_MAX_MS = 24 * 60 * 60 * 1000 };

/* What a command is run with. */
struct call {
	struct reply *reply;
	const struct request *request;
	const char *value; /* of its option; NULL: not given */
	const struct inspector *inspector;
};

struct command {
	const char *name;
	const char *option; /* that takes a value; NULL for none */
	const char *help;
	void (*run)(const struct call *c);
};

/* --- what is looked at --- */

static void run_status(const struct call *c)
{
	struct inspection *all = inspect_take(c->inspector);
	const struct status s = {
		.all = all,
		.is_healthy = inspect_is_healthy(c->inspector),
		.is_ready = inspect_is_ready(c->inspector),
	};
	if (all)
		c->reply->text =
			page_make(c->request->is_json ? status_write_json : status_write_text, &s,
				&c->reply->length);
	inspect_free(all);
}

static bool write_health(struct text *t, const void *is_ready)
{
	struct json j = {.text = t};
	json_open_object(&j, NULL);
	json_put_bool(&j, "healthy", true);
	json_put_bool(&j, "ready", *(const bool *)is_ready);
	json_close_object(&j);
	text_put_char(t, '\n');
	return !t->is_cut;
}

static void run_health(const struct call *c)
{
	bool is_ready = inspect_is_ready(c->inspector);
	if (!inspect_is_healthy(c->inspector))
		command_say(c->reply, REPLY_REFUSED, "a worker is stuck\n");
	else if (c->request->is_json)
		c->reply->text = page_make(write_health, &is_ready, &c->reply->length);
	else if (inspect_is_draining(c->inspector))
		command_say(c->reply, REPLY_OK, "healthy, draining\n");
	else
		command_say(
			c->reply, REPLY_OK, is_ready ? "healthy, ready\n" : "healthy, not ready\n");
}

/* --- what is done --- */

static void order(const struct call *c, enum server_action action, uint32_t over_ms)
{
	c->reply->status = REPLY_LATER;
	c->reply->order = (struct server_order){.action = action, .over_ms = over_ms};
}

static void run_reload(const struct call *c)
{
	order(c, SERVER_RELOAD, 0);
}

static void run_drain(const struct call *c)
{
	uint64_t over_ms = 0;
	if (c->value && (!conf_value_duration(c->value, &over_ms) || over_ms < OVER_MIN_MS ||
				over_ms > OVER_MAX_MS))
		command_say(c->reply, REPLY_USAGE,
			"drain --over expects a duration with a unit, 50ms to 1d, as in 10m\n");
	else
		order(c, SERVER_DRAIN, (uint32_t)over_ms);
}

static void run_undrain(const struct call *c)
{
	order(c, SERVER_UNDRAIN, 0);
}

/* --- which is which --- */

static const struct command commands[] = {
#define COMMAND(name, option, help) {#name, option, help, run_##name},
#include "admin/command.def"
#undef COMMAND
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find(const char *name)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void put_command(struct text *t, const struct command *c)
{
	text_put(t, "  ");
	text_put(t, c->name);
	size_t length = strlen(c->name);
	if (c->option) {
		static const char value[] = " DURATION]";
		text_put(t, " [");
		text_put(t, c->option);
		text_put(t, value);
		length += 2 + strlen(c->option) + sizeof(value) - 1;
	}
	for (; length < 26; length++)
		text_put_char(t, ' ');
	text_put(t, c->help);
	text_put_char(t, '\n');
}

/* `what` is said before the list. */
static bool write_usage(struct text *t, const void *what)
{
	text_put(t, what);
	text_put(t, "; the commands are\n");
	for (unsigned i = 0; i < COMMANDS; i++)
		put_command(t, &commands[i]);
	return !t->is_cut;
}

static void say_usage(struct reply *reply, const char *what)
{
	reply->status = REPLY_USAGE;
	reply->text = page_make(write_usage, what, &reply->length);
}

static bool takes_words(const struct command *c, const struct request *r)
{
	return r->count == 1 || (r->count == 3 && c->option && !strcmp(r->words[1], c->option));
}

void command_run(struct reply *reply, const struct request *r, const struct inspector *inspector)
{
	const struct command *c = find(r->words[0]);
	*reply = (struct reply){.status = REPLY_OK};
	if (!c)
		say_usage(reply, "there is no such command");
	else if (!takes_words(c, r))
		say_usage(reply, "it does not take these words");
	else
		c->run(&(struct call){reply, r, r->count == 3 ? r->words[2] : NULL, inspector});
}

/* --- what became of it --- */

static bool write_lines(struct text *t, const void *lines)
{
	struct json j = {.text = t};
	json_open_object(&j, NULL);
	json_put_bool(&j, "done", true);
	json_open_array(&j, "messages");
	for (const char *line = lines; *line;) {
		size_t length = strcspn(line, "\n");
		json_put_bytes(&j, NULL, line, length);
		line += length + (line[length] == '\n');
	}
	json_close_array(&j);
	json_close_object(&j);
	text_put_char(t, '\n');
	return !t->is_cut;
}

void command_answer(struct reply *reply, bool is_json, bool is_done, const char *text)
{
	command_say(reply, is_done ? REPLY_OK : REPLY_REFUSED, text);
	if (!is_json || !is_done)
		return;
	free(reply->text);
	reply->text = page_make(write_lines, text, &reply->length);
}

void command_say(struct reply *reply, enum reply_status status, const char *text)
{
	*reply = (struct reply){.status = status, .text = strdup(text), .length = strlen(text)};
}
