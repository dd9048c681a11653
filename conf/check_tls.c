/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_tls.c - the tls groups of listeners and of pools.
 */
#include "conf/check_tls.h"
#include "conf/load.h"
#include "conf/option.h"
#include "conf/value.h"

#include <string.h>

#define CERTIFICATES                                                \
	"certificates = ( { certificate = \"/etc/sipweir/a.pem\"; " \
	"private_key = \"/etc/sipweir/a.key\"; } );"

/* Whether a path or a string has been read and says something, and whether it has been read and is "". */
static bool is_given(const struct conf_place *at, const char *text)
{
	return conf_place_is_set(at) && *text;
}

static bool is_left_out(const struct conf_place *at, const char *text)
{
	return conf_place_is_set(at) && !*text;
}

static void check_version(
	const struct conf_listener_tls *t, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];
	size_t count;
	const char *const *words = conf_option_words(CONF_UNIT_tls_version, &count);

	if (!conf_place_is_set(&t->at.min_version) || t->min_version >= CONF_TLS_1_2)
		return;
	conf_path_member(path, parent, "min_version");
	conf_errors_warn(e, &t->at.min_version, path,
		"TLS \"%s\" is no longer safe (RFC 8996), expected \"1.2\" unless there are "
		"devices that speak nothing newer",
		words[t->min_version]);
}

static void check_client_ca(
	const struct conf_listener_tls *t, const char *parent, struct conf_errors *e)
{
	bool is_known = conf_place_is_set(&t->at.verify_client);
	bool is_off = t->verify_client == CONF_VERIFY_OFF;
	char path[CONF_PATH_MAX];

	if (is_known && !is_off && is_left_out(&t->at.client_ca, t->client_ca)) {
		conf_path_member(path, parent, "verify_client");
		conf_errors_add(e, &t->at.verify_client, path,
			"nobody is trusted to sign the certificates of clients, expected client_ca "
			"as well, or \"off\"");
	}
	if (is_known && is_off && is_given(&t->at.client_ca, t->client_ca)) {
		conf_path_member(path, parent, "client_ca");
		conf_errors_warn(e, &t->at.client_ca, path,
			"it means nothing while verify_client is \"off\", expected none");
	}
	if (is_given(&t->at.client_crl, t->client_crl) &&
		is_left_out(&t->at.client_ca, t->client_ca)) {
		conf_path_member(path, parent, "client_crl");
		conf_errors_add(e, &t->at.client_crl, path,
			"it revokes what nobody has signed, expected client_ca as well");
	}
}

void conf_check_listener_tls(
	const struct conf_listener *l, const char *parent, struct conf_errors *e)
{
	const struct conf_listener_tls *t = l->tls;
	bool is_known = conf_place_is_set(&l->at.transport);
	char tls[CONF_PATH_MAX], path[CONF_PATH_MAX];

	conf_path_member(tls, parent, "tls");
	if (!t) {
		if (is_known && l->transport == CONF_TLS)
			conf_errors_add(e, &l->at.transport, tls,
				"missing and needed for transport \"tls\", expected tls: "
				"{ " CERTIFICATES " }");
		return;
	}
	if (!conf_place_is_set(&t->place))
		return;
	if (is_known && l->transport != CONF_TLS)
		conf_errors_warn(e, &t->place, tls,
			"it means nothing while transport is not \"tls\", expected none");
	if (is_known && l->transport == CONF_TLS && !t->certificates) {
		conf_path_member(path, tls, "certificates");
		conf_errors_add(
			e, &t->place, path, "there is none, expected at least one: " CERTIFICATES);
	}
	check_version(t, tls, e);
	check_client_ca(t, tls, e);
}

/* A list that was refused has elements that nobody knows. */
static bool may_speak_tls(const struct conf_pool *p)
{
	for (size_t i = 0; i < p->server_count; i++) {
		const struct conf_server *s = &p->servers[i];

		if (!conf_place_is_set(&s->at.transport) || s->transport == CONF_TLS)
			return true;
	}
	return p->servers && p->server_count == 0;
}

static void check_server_name(
	const struct conf_pool_tls *t, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];
	struct addr address;

	if (!is_given(&t->at.server_name, t->server_name))
		return;
	if (conf_value_is_name(t->server_name) && !addr_parse(&address, t->server_name))
		return;
	conf_path_member(path, parent, "server_name");
	conf_errors_add(e, &t->at.server_name, path,
		"\"%s\" is no host name, expected one such as \"sip.example.com\", or \"\" for "
		"certificates of the address of the server",
		conf_value_quote(quoted, t->server_name));
}

void conf_check_pool_tls(const struct conf_pool *p, const char *parent, struct conf_errors *e)
{
	const struct conf_pool_tls *t = p->tls;
	char tls[CONF_PATH_MAX], path[CONF_PATH_MAX];

	if (!t || !conf_place_is_set(&t->place))
		return;
	conf_path_member(tls, parent, "tls");
	if (!may_speak_tls(p))
		conf_errors_warn(e, &t->place, tls,
			"it means nothing without a server of transport \"tls\", expected none");
	if (conf_place_is_set(&t->at.verify) && !t->verify) {
		conf_path_member(path, tls, "verify");
		conf_errors_warn(e, &t->at.verify, path,
			"without it anybody on the way may pretend to be a server and read "
			"everything, expected true, and ca for certificates that you have signed");
	}
	check_server_name(t, tls, e);
	if (is_given(&t->at.private_key, t->private_key) &&
		is_left_out(&t->at.certificate, t->certificate)) {
		conf_path_member(path, tls, "private_key");
		conf_errors_add(e, &t->at.private_key, path,
			"it is the key of no certificate, expected certificate as well");
	}
}
