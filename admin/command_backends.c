/* SPDX-License-Identifier: BSD-2-Clause */
/* command_backends.c - what can be asked about servers, and told to them. */
#include "admin/backends.h"
#include "admin/call.h"

#include <string.h>

void run_backends(const struct call *c)
{
	struct inspection *all = inspect_take(c->inspector);
	if (all)
		call_page(c, backends_write_text, backends_write_json, all);
	inspect_free(all);
}

/* False: it is no word for a state. */
static bool read_state(const char *word, enum conf_server_state *state)
{
#define WORD(constant, text) {constant, text},
	static const struct {
		enum conf_server_state state;
		const char *word;
	} states[] = {CONF_SERVER_STATES(WORD)};
#undef WORD
	for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		*state = states[i].state;
		if (!strcmp(states[i].word, word))
			return true;
	}
	return false;
}

void run_backend(const struct call *c)
{
	struct server_order *o = &c->reply->order;
	enum conf_server_state state;
	uint32_t over_ms;
	size_t pool = strcspn(c->subject, "/"), length = strlen(c->subject);
	if (!read_state(c->verb, &state) || !c->subject[pool] || pool >= SERVER_NAME_MAX ||
		length - pool > SERVER_NAME_MAX) {
		command_say(c->reply, REPLY_USAGE,
			"backend expects POOL/SERVER as sipweirctl backends lists them, and up, "
			"drain or down\n");
		return;
	}
	if (!call_over(c, &over_ms))
		return;
	call_order(c, SERVER_BACKEND, over_ms);
	memcpy(o->backend.pool, c->subject, pool);
	memcpy(o->backend.server, c->subject + pool + 1, length - pool);
	o->backend.state = state;
}
