/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/host.h"
#include "limits/addr.h"

#include <string.h>

enum { LABEL_MAX = 63 };

static bool is_label(const char *label, size_t length)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	return length && length <= LABEL_MAX && label[0] != '-' && label[length - 1] != '-' &&
	       strspn(label, allowed) >= length;
}

static bool is_name(const char *name)
{
	const char *label = name;
	for (;;) {
		size_t length = strcspn(label, ".");
		if (!is_label(label, length))
			return false;
		if (label[length] == '\0')
			return strspn(label, "0123456789") < length;
		label += length + 1;
	}
}

const char *conf_host_domain(const char *name)
{
	const char *protocol = name[0] == '_' ? strchr(name, '.') : NULL;
	const char *domain = protocol && protocol[1] == '_' ? strchr(protocol + 1, '.') : NULL;
	return domain ? domain + 1 : name;
}

bool conf_host_parse(struct conf_host *h, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	memset(h, 0, sizeof(*h));
	if (!length || length >= sizeof(h->name))
		return false;
	memcpy(h->name, text, length);
	h->is_service = conf_host_domain(h->name) != h->name;
	if (!is_name(h->name) || h->is_service == (colon != NULL))
		return false;
	return !colon || port_parse(&h->port, colon + 1);
}
