/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/reload.h"
#include "conf/change.h"
#include "proxy/io/descriptors.h"
#include "proxy/io/expiry.h"
#include "proxy/io/names.h"
#include "proxy/io/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DESCRIPTION_MAX = RECORD_MESSAGE_MAX, /* one line of the log */
	NAMES_MS = 5000,		      /* that it waits for names that are new */
};

bool reload_is_pending(const struct server *s)
{
	return s->old_plan || s->reload_conf;
}

/* --- saying what became of it --- */

/* Text of its own for whoever gave the order; NULL when memory is short. */
static char *print_messages(const char *head, const struct conf_errors *errors)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return NULL;
	fputs(head, out);
	conf_errors_print(&errors->errors, "", out);
	conf_errors_print(&errors->warnings, "warning: ", out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void answer(const struct server_order *order, bool is_done, const char *text)
{
	orders_answer(order, is_done, text ? text : "the host has no memory to say what\n");
}

static void tell_warnings(struct server *s, const struct conf_errors *errors)
{
	for (size_t i = 0; i < errors->warnings.kept_count; i++)
		notice_say(s, RECORD_RELOAD, CONF_LOG_WARNING, "%s", errors->warnings.kept[i].text);
}

static void fail(struct server *s, const struct server_order *order, const char *reason,
	const struct conf_errors *errors)
{
	char message[RECORD_MESSAGE_MAX];
	const struct conf_messages *all = &errors->errors;
	const char *first = all->kept_count ? all->kept[0].text : "the host has no memory for it";
	if (all->count > 1)
		snprintf(message, sizeof(message), "%s (and %zu more)", first, all->count - 1);
	else
		snprintf(message, sizeof(message), "%s", first);
	atomic_fetch_add(&s->inspector.reloads[INSPECT_RELOAD_FAILED], 1);
	notice_reload_failed(s, reason, message);
	server_tell_state(s, SERVER_READY);
	char *text = print_messages("nothing has changed:\n", errors);
	answer(order, false, text);
	free(text);
}

/* --- its steps --- */

static void give_to_workers(struct server *s, struct plan *next)
{
	settings_publish(&s->shared, next->settings);
	s->old_plan = s->plan;
	s->plan = next;
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_give_plan(&s->workers[i], next);
}

static void publish(struct server *s, struct plan *next)
{
	log_commit(s->log);
	plan_commit(next, s->plan);
	if (s->program->commit)
		s->program->commit(s->program->owner, true);
	give_to_workers(s, next);
	names_adopt(s);
}

bool reload_names(struct server *s)
{
	struct plan *next = plan_again(&s->world, s->plan);
	if (next)
		give_to_workers(s, next);
	return next != NULL;
}

/* Nothing changes yet. NULL: what was prepared is gone again. */
static struct plan *prepare(struct server *s, struct conf *conf, struct conf_errors *errors)
{
	const struct server_program *program = s->program;
	if (!descriptors_suffice(conf, &s->shared, errors))
		return NULL;
	struct plan *next = plan_new(&s->world, conf, s->plan, errors);
	if (!next)
		return NULL;
	if (!plan_secure(next, s->plan, errors)) {
		plan_abandon(next, s->plan);
		return NULL;
	}
	if (log_prepare(s->log, &conf->log, errors)) {
		if (!program->prepare || program->prepare(program->owner, conf, errors))
			return next;
		log_abandon(s->log);
	}
	plan_abandon(next, s->plan);
	return NULL;
}

static void describe(char out[DESCRIPTION_MAX], const struct conf *from, const struct conf *to)
{
	char changes[DESCRIPTION_MAX - 96]; /* room for what is said around them */
	if (conf_change_list(from, to, changes, sizeof(changes)))
		snprintf(out, DESCRIPTION_MAX, "changed: %s\n", changes);
	else
		snprintf(out, DESCRIPTION_MAX, "no option has changed\n");
}

/* Lists are files of their own: who has edited one alone wants to hear of it. */
static void describe_lists(char description[DESCRIPTION_MAX], size_t changed)
{
	size_t length = strcspn(description, "\n");
	if (changed)
		snprintf(description + length, DESCRIPTION_MAX - length,
			"; lists of networks that have changed: %zu\n", changed);
}

/* What the new file says, with what only a restart changes as it was. NULL: said in `errors`. */
static struct conf *load(
	struct server *s, char description[DESCRIPTION_MAX], struct conf_errors *errors)
{
	const struct conf *running = s->plan->settings->conf;
	struct conf *conf = s->program->load(s->program->owner, errors);
	if (!conf)
		return NULL;
	describe(description, running, conf);
	if (conf_change_keep(running, conf, errors))
		return conf;
	conf_free(conf);
	return NULL;
}

/* Nobody can be told about other settings, or there are none. */
static bool is_in_vain(struct server *s)
{
	bool is_leaving = s->program->load;
	if (s->program->load && s->leaving != LEAVING_NOW)
		return false;
	notice_reload_failed(s, "leaving",
		is_leaving ? "it is closing its connections to stop"
			   : "it was started without a file to read");
	orders_answer(&s->reload_order, false,
		is_leaving ? "nothing has changed: sipweir is stopping\n"
			   : "nothing has changed: there is no file to read\n");
	return true;
}

/* False: said. */
static bool replace(struct server *s, struct conf *conf, struct conf_errors *errors)
{
	names_warn(s, conf, errors);
	struct plan *next = prepare(s, conf, errors);
	if (!next) {
		fail(s, &s->reload_order, "prepare", errors);
		return false;
	}
	describe_lists(s->reload_description, lists_changed(&next->lists, &s->plan->lists));
	s->reload_text = print_messages(s->reload_description, errors);
	tell_warnings(s, errors);
	publish(s, next);
	return true;
}

static void carry_out(struct server *s)
{
	struct conf *conf = s->reload_conf;
	s->reload_conf = NULL;
	if (is_in_vain(s) || !replace(s, conf, &s->reload_errors)) {
		conf_free(conf);
		names_adopt(s); /* nobody asks for what it has named */
	}
	conf_errors_fini(&s->reload_errors);
}

void reload_begin(struct server *s, const struct server_order *order)
{
	if (reload_is_pending(s)) {
		s->reload_again = true;
		return;
	}
	s->reload_order = order ? *order : (struct server_order){0};
	if (is_in_vain(s))
		return;
	server_tell_state(s, SERVER_RELOADING);
	s->reload_conf = load(s, s->reload_description, &s->reload_errors);
	if (!s->reload_conf) {
		fail(s, &s->reload_order, "configuration", &s->reload_errors);
		conf_errors_fini(&s->reload_errors);
		return;
	}
	s->reload_until_ms = server_now_ms() + NAMES_MS;
	if (names_expect(s, s->reload_conf))
		carry_out(s);
}

/* One with another name is new to whoever reads the log, although its sockets are those of the old one. */
static bool was_listening(const struct plan *old, const struct plan *next, size_t index)
{
	const char *name = next->settings->conf->listeners[index].name;
	for (size_t i = 0; i < old->socket_count; i++)
		if (old->sockets[i] == next->sockets[index] &&
			!strcmp(old->settings->conf->listeners[i].name, name))
			return true;
	return false;
}

static void finish(struct server *s)
{
	if (!s->plan->settings->is_reload) {
		plan_free(s->old_plan, s->plan);
		s->old_plan = NULL;
		return;
	}
	const char *text = s->reload_text ? s->reload_text : "done\n";
	atomic_fetch_add(&s->inspector.reloads[INSPECT_RELOAD_DONE], 1);
	notice_say(s, RECORD_RELOAD, CONF_LOG_NOTICE, "%.*s", (int)strcspn(text, "\n"), text);
	for (size_t i = 0; i < s->plan->socket_count; i++)
		if (!was_listening(s->old_plan, s->plan, i))
			notice_listening(s, i);
	notice_lists(s);
	expiry_tell(s);
	plan_free(s->old_plan, s->plan);
	s->old_plan = NULL;
	server_tell_state(s, SERVER_READY);
	answer(&s->reload_order, true, s->reload_text);
	free(s->reload_text);
	s->reload_text = NULL;
}

static bool has_every_worker(const struct server *s)
{
	for (unsigned i = 0; i < s->worker_count; i++)
		if (worker_generation(&s->workers[i]) < s->plan->settings->generation &&
			!worker_has_ended(&s->workers[i]))
			return false;
	return true;
}

int reload_wait_ms(const struct server *s)
{
	uint64_t now_ms = server_now_ms();
	if (!s->reload_conf)
		return -1;
	if (names_are_tried(s) || s->leaving == LEAVING_NOW || now_ms >= s->reload_until_ms)
		return 0;
	return (int)(s->reload_until_ms - now_ms);
}

void reload_go_on(struct server *s)
{
	if (reload_wait_ms(s) == 0)
		carry_out(s);
	else if (s->old_plan && has_every_worker(s))
		finish(s);
	if (s->reload_again && !reload_is_pending(s)) {
		s->reload_again = false;
		reload_begin(s, NULL);
	}
}

void reload_log(struct server *s)
{
	static struct conf_errors errors;
	if (log_prepare(s->log, &s->plan->settings->conf->log, &errors))
		log_commit(s->log);
	else
		notice_say(s, RECORD_FAILED, CONF_LOG_ERROR, "%s", errors.errors.kept[0].text);
	conf_errors_fini(&errors);
}

void reload_fini(struct server *s)
{
	if (s->reload_conf || (s->old_plan && s->plan->settings->is_reload))
		answer(&s->reload_order, false, "sipweir is stopping\n");
	conf_free(s->reload_conf);
	s->reload_conf = NULL;
	conf_errors_fini(&s->reload_errors);
	plan_free(s->old_plan, s->plan);
	s->old_plan = NULL;
	free(s->reload_text);
	s->reload_text = NULL;
}
