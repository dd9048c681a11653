/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/command.h"
#include "admin/address.h"
#include "admin/call.h"
#include "admin/json.h"
#include "admin/page.h"
#include "admin/sources.h"
#include "admin/status.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	OVER_MIN_MS = 50,
	OVER_MAX_MS = 24 * 60 * 60 * 1000,
	TOP = 20,
	TOP_MAX = 100000,
	HELP_COLUMN = 26,
};

struct command {
	const char *name;
	const char *words; /* that it takes, as people read it; NULL for none */
	const char *help;
	void (*run)(const struct call *c);
};

const char *call_value(const struct call *c, const char *option)
{
	for (unsigned i = 0; i < CALL_OPTIONS_MAX && c->given[i].option; i++)
		if (!strcmp(c->given[i].option, option))
			return c->given[i].value;
	return NULL;
}

void call_page(const struct call *c, page_write *text, page_write *json, const void *subject)
{
	c->reply->text = page_make(c->request->is_json ? json : text, subject, &c->reply->length);
}

/* False: said. */
static bool read_address(const struct call *c, const char *text, struct address *a)
{
	if (text && address_parse(a, text))
		return true;
	command_say(c->reply, REPLY_USAGE,
		"expected an address such as 192.0.2.1 or 2001:db8::1, a network where one may be "
		"meant, or vpce-ID/ADDRESS for what comes through a VPC endpoint\n");
	return false;
}

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
		call_page(c, status_write_text, status_write_json, &s);
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

static bool read_sort(const char *word, enum inspect_sort *sort)
{
	static const char *const words[] = {
		[INSPECT_BY_CONNECTIONS] = "connections",
		[INSPECT_BY_REFUSED] = "refused",
		[INSPECT_BY_POINTS] = "penalty",
	};
	*sort = INSPECT_BY_CONNECTIONS;
	for (unsigned i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		*sort = (enum inspect_sort)i;
		if (!strcmp(word, words[i]))
			return true;
	}
	return !word;
}

static bool read_top(const char *word, size_t *top)
{
	char *end;
	*top = TOP;
	if (!word)
		return true;
	*top = strtoul(word, &end, 10);
	return *word >= '1' && *word <= '9' && !*end && *top <= TOP_MAX;
}

static void show_one_source(const struct call *c, const char *text)
{
	struct address a;
	size_t count;
	if (!read_address(c, text, &a))
		return;
	struct inspect_source *all =
		inspect_source(c->inspector, &a.network.addr, a.endpoint, &count);
	if (all && count) {
		const struct inspect_sources one = {.views = &all[0].source, .count = 1, .all = 1};
		call_page(c, sources_write_text, sources_write_json, &one);
	}
	free(all);
}

static void run_sources(const struct call *c)
{
	struct inspect_sources found;
	enum inspect_sort sort;
	size_t top;
	if (c->subject || !read_sort(call_value(c, "--sort"), &sort) ||
		!read_top(call_value(c, "--top"), &top)) {
		command_say(c->reply, REPLY_USAGE,
			"sources expects --top with a number, 1 to 100000, and --sort with "
			"connections, "
			"refused or penalty\n");
	} else if (call_value(c, "--source")) {
		show_one_source(c, call_value(c, "--source"));
	} else if (inspect_sources(c->inspector, top, sort, &found)) {
		call_page(c, sources_write_text, sources_write_json, &found);
		free(found.views);
	}
}

static void run_limits(const struct call *c)
{
	struct source_limits found;
	struct address a;
	if (!read_address(c, c->subject, &a))
		return;
	struct inspect_source *all =
		inspect_source(c->inspector, &a.network.addr, a.endpoint, &found.count);
	found.sources = all;
	if (all)
		call_page(c, source_limits_write_text, source_limits_write_json, &found);
	free(all);
}

static void run_bans(const struct call *c)
{
	struct ban *bans;
	struct ban_list list = {.now_s = (int64_t)time(NULL)};
	if (!inspect_bans(c->inspector, &bans, &list.count))
		return;
	list.bans = bans;
	call_page(c, bans_write_text, bans_write_json, &list);
	free(bans);
}

/* --- what is done --- */

void call_order(const struct call *c, enum server_action action, uint32_t over_ms)
{
	c->reply->status = REPLY_LATER;
	c->reply->order = (struct server_order){.action = action, .over_ms = over_ms};
}

static void run_reload(const struct call *c)
{
	call_order(c, SERVER_RELOAD, 0);
}

bool call_over(const struct call *c, uint32_t *over_ms)
{
	const char *over = call_value(c, "--over");
	uint64_t ms = 0;
	if (over && (!conf_value_duration(over, &ms) || ms < OVER_MIN_MS || ms > OVER_MAX_MS)) {
		command_say(c->reply, REPLY_USAGE,
			"--over expects a duration with a unit, 50ms to 1d, as in 10m\n");
		return false;
	}
	*over_ms = (uint32_t)ms;
	return true;
}

static void run_drain(const struct call *c)
{
	uint32_t over_ms;
	if (call_over(c, &over_ms))
		call_order(c, SERVER_DRAIN, over_ms);
}

static void run_undrain(const struct call *c)
{
	call_order(c, SERVER_UNDRAIN, 0);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* False: said. Without a duration it stays until it is lifted. */
static bool read_ban(const struct call *c, const struct address *a, struct ban *ban)
{
	const char *duration = call_value(c, "--for"), *reason = call_value(c, "--reason");
	uint64_t ms = 0;
	*ban = (struct ban){.network = a->network, .until_s = BAN_FOREVER, .is_by_hand = true};
	if (!a->is_network)
		ban->network = inspect_network(c->inspector, &a->network.addr);
	memcpy(ban->endpoint, a->endpoint, sizeof(ban->endpoint));
	if (duration && (!conf_value_duration(duration, &ms) || ms < 1000)) {
		command_say(c->reply, REPLY_USAGE,
			"ban --for expects a duration with a unit, at least 1s, as in 10m\n");
		return false;
	}
	if (reason && (strlen(reason) >= sizeof(ban->reason) || !is_printable(reason))) {
		command_say(c->reply, REPLY_USAGE,
			"ban --reason expects at most 63 printable characters\n");
		return false;
	}
	if (duration)
		ban->until_s = (int64_t)time(NULL) + (int64_t)(ms / 1000);
	if (reason)
		memcpy(ban->reason, reason, strlen(reason) + 1);
	return true;
}

static void run_ban(const struct call *c)
{
	struct address a;
	struct ban ban;
	if (!read_address(c, c->subject, &a) || !read_ban(c, &a, &ban))
		return;
	call_order(c, SERVER_BAN, 0);
	c->reply->order.ban = ban;
}

static void order_about_source(const struct call *c, enum server_action action)
{
	struct address a;
	if (!read_address(c, c->subject, &a))
		return;
	call_order(c, action, 0);
	c->reply->order.ban.network =
		a.is_network ? a.network : inspect_network(c->inspector, &a.network.addr);
	memcpy(c->reply->order.ban.endpoint, a.endpoint, sizeof(a.endpoint));
}

static void run_unban(const struct call *c)
{
	order_about_source(c, SERVER_UNBAN);
}

static void run_forget(const struct call *c)
{
	order_about_source(c, SERVER_FORGET);
}

/* --- which is which --- */

static const struct command commands[] = {
#define COMMAND(name, words, help) {#name, words, help, run_##name},
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
	size_t length = strlen(c->name);
	text_put(t, "  ");
	text_put(t, c->name);
	if (c->words) {
		text_put_char(t, ' ');
		text_put(t, c->words);
		length += 1 + strlen(c->words);
	}
	if (length >= HELP_COLUMN) {
		text_put(t, "\n  ");
		length = 0;
	}
	for (; length < HELP_COLUMN; length++)
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

/* An option that stands in the words of the command as "[--option". */
static bool has_option(const struct command *c, const char *option)
{
	const char *found = c->words ? strstr(c->words, option) : NULL;
	size_t length = strlen(option);
	return found && length > 2 && !strncmp(option, "--", 2) && found > c->words &&
	       found[-1] == '[' && found[length] == ' ';
}

/* How many words it takes that are no options: they stand before the first of those. */
static unsigned count_subjects(const struct command *c)
{
	unsigned count = 0;
	for (const char *w = c->words; w && *w && *w != '['; w += strspn(w, " ")) {
		w += strcspn(w, " ");
		count++;
	}
	return count;
}

/* Options with their values, and the other words that the command has, in any order. */
static bool take_words(const struct command *c, const struct request *r, struct call *call)
{
	unsigned options = 0, subjects = 0;
	for (unsigned i = 1; i < r->count; i++) {
		if (has_option(c, r->words[i]) && i + 1 < r->count && options < CALL_OPTIONS_MAX &&
			!call_value(call, r->words[i])) {
			call->given[options++] = (struct given){r->words[i], r->words[i + 1]};
			i++;
		} else if (subjects < count_subjects(c) && r->words[i][0] != '-') {
			*(subjects++ ? &call->verb : &call->subject) = r->words[i];
		} else {
			return false;
		}
	}
	return subjects == count_subjects(c);
}

void command_run(struct reply *reply, const struct request *r, const struct inspector *inspector)
{
	const struct command *c = find(r->words[0]);
	struct call call = {.reply = reply, .request = r, .inspector = inspector};
	*reply = (struct reply){.status = REPLY_OK};
	if (!c)
		say_usage(reply, "there is no such command");
	else if (!take_words(c, r, &call))
		say_usage(reply, "it does not take these words");
	else
		c->run(&call);
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
