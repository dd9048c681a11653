/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_conf_load.c - any text as a configuration: it is refused with at least one error, or every
 * number in the structure lies within the bounds of its row, it does not differ from itself, and what it
 * differs in from another can be told.
 */
#include "conf/change.h"
#include "conf/conf.h"
#include "conf/option.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The value as the number that min and max speak of. */
static uint64_t number_of(const char *base, const struct conf_option *o)
{
	const char *field = base + o->field;
	uint64_t large = 0;
	uint32_t number = 0;
	const char *text;
	struct addr_port address;
	bool flag;

	switch (o->type) {
	case CONF_TYPE_BOOL:
		memcpy(&flag, field, sizeof(flag));
		return flag;
	case CONF_TYPE_SIZE_64:
		memcpy(&large, field, sizeof(large));
		return large;
	case CONF_TYPE_STRING:
	case CONF_TYPE_TARGET:
	case CONF_TYPE_PATH:
	case CONF_TYPE_NAME:
		memcpy(&text, field, sizeof(text));
		return strlen(text);
	case CONF_TYPE_ADDRESS:
		memcpy(&address, field, sizeof(address));
		return address.port;
	case CONF_TYPE_HOST:
		memcpy(&address, field, sizeof(address));
		memcpy(&text, base + o->count, sizeof(text));
		return text ? o->min : address.port;
	case CONF_TYPE_NETWORKS:
	case CONF_TYPE_STRINGS:
		memcpy(&large, base + o->count, sizeof(large));
		return large;
	default: /* the count of a rate is its first field */
		memcpy(&number, field, sizeof(number));
		return number;
	}
}

static void check_option(const char *base, const struct conf_option *o)
{
	uint64_t number = number_of(base, o);
	struct conf_place at;

	memcpy(&at, base + o->at, sizeof(at));
	require(at.file && at.line > 0);
	require((number >= o->min && number <= o->max) || (number == 0 && conf_option_has_zero(o)));
}

static void check_group(const char *base, enum conf_scope_id id)
{
	const struct conf_scope *scope = conf_scope_get(id);

	for (size_t i = 0; i < scope->option_count; i++)
		check_option(base, &scope->options[i]);
	for (size_t i = 0; i < scope->section_count; i++) {
		const struct conf_section *s = &scope->sections[i];
		const char *inner = base + s->field;
		size_t count = 1, size = conf_scope_get(s->scope)->size;

		if (s->kind != CONF_KIND_GROUP)
			memcpy(&inner, base + s->field, sizeof(inner));
		if (s->kind == CONF_KIND_GROUPS) {
			memcpy(&count, base + s->count, sizeof(count));
			require(count >= s->min && count <= s->max);
		}
		for (size_t k = 0; inner && k < count; k++)
			check_group(inner + k * size, s->scope);
	}
}

/* Somebody is in it, at listeners that exist, and it has a value for what it does not name. */
static void check_class(const struct conf *c, const struct conf_class *k)
{
	require(k->networks_count || k->file_count || k->endpoints_count ||
		k->certificate_names_count || k->listeners_count);
	require(!k->total_connections || k->reserved <= k->total_connections);
	require(!k->at.connections.is_default || k->connections == c->limits.connections);
	require(!k->subnet.at.connections.is_default ||
		k->subnet.connections == c->limits.subnet.connections);
	require(!k->timeouts.at.idle_ms.is_default || k->timeouts.idle_ms == c->timeouts.idle_ms);
	for (size_t i = 0; i < k->listeners_count; i++) {
		size_t l = 0;

		while (l < c->listener_count && strcmp(c->listeners[l].name, k->listeners[i]) != 0)
			l++;
		require(l < c->listener_count);
	}
}

static void check_limits(const struct conf *c)
{
	const struct conf_limits *l = &c->limits;
	uint64_t reserved = 0;

	require(l->subnet.ipv4_prefix <= l->ipv4_prefix && l->subnet.ipv6_prefix <= l->ipv6_prefix);
	require(l->penalty.ban_for_ms <= l->penalty.ban_max_ms);
	for (size_t i = 0; i < l->class_count; i++) {
		check_class(c, &l->classes[i]);
		reserved += l->classes[i].reserved;
		for (size_t k = 0; k < i; k++)
			require(strcmp(l->classes[i].name, l->classes[k].name) != 0);
	}
	require(!reserved || !c->max_connections || reserved < c->max_connections);
}

static void check_whole(const struct conf *c)
{
	require(c->listener_count > 0 && c->pool_count > 0);
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		require(l->pool_index < c->pool_count);
		require(strcmp(c->pools[l->pool_index].name, l->pool) == 0);
		require(l->proxy_protocol == CONF_PROXY_OFF || l->trusted_count > 0);
		require(l->transport != CONF_TLS || (l->tls && l->tls->certificate_count > 0));
		require(!l->tls || l->tls->verify_client == CONF_VERIFY_OFF || *l->tls->client_ca);
	}
	for (size_t i = 0; i < c->pool_count; i++) {
		const struct conf_pool *p = &c->pools[i];

		require((p->server_count > 0) != (p->respond != NULL));
		require(p->max_message > 0 && p->max_message <= c->sip.max_message);
	}
	check_limits(c);
	require(c->sip.max_header_bytes <= c->sip.max_message);
	require(c->memory.per_connection >= 4 * (uint64_t)c->sip.max_message);
	require(c->memory.total >= c->memory.per_connection);
}

static const char another[] =
	"listeners = ( { name = \"l\"; address = \"127.0.0.1:5060\"; pool = \"p\"; } );\n"
	"pools = ( { name = \"p\"; respond: { }; } ); user = \"sipweir\";\n";

static void on_restart(void *context, const struct conf_change *c)
{
	(void)context;
	require(c->effect != CONF_EFFECT_RESTART);
}

static void check_changes(struct conf *c)
{
	struct conf_errors errors = {0};
	struct conf *other = conf_load_text(another, "another", &errors);
	char text[100];

	require(conf_change_list(c, c, text, sizeof(text)) == 0 && !*text);
	if (other) {
		/* Groups that have come in one direction have gone in the other; options differ in both. */
		require(conf_change_list(c, other, text, sizeof(text)) ==
			conf_change_list(other, c, text, sizeof(text)));
		require(strlen(text) < sizeof(text));
		if (conf_change_keep(other, c, &errors))
			conf_change_each(other, c, on_restart, NULL);
	}
	conf_free(other);
	conf_errors_fini(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = {0};
	struct conf *c;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	c = conf_load_text(text, "fuzz", &errors);
	free(text);
	require(!c == conf_errors_any(&errors));
	if (c) {
		check_group((const char *)c, CONF_SCOPE_GLOBAL);
		check_whole(c);
		check_changes(c);
	}
	conf_free(c);
	conf_errors_fini(&errors);
	return 0;
}
