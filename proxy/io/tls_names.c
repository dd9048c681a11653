/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 255 };

static int compare(const void *a, const void *b)
{
	const struct tls_name *first = a, *second = b;
	int order = strcmp(first->name, second->name);
	if (order)
		return order;
	return first->certificate < second->certificate ? -1 : 1;
}

void tls_names_init(struct tls_names *n, struct tls_name *names, size_t count)
{
	*n = (struct tls_names){.names = names, .count = count};
	if (count)
		qsort(names, count, sizeof(*names), compare);
}

void tls_names_fini(struct tls_names *n)
{
	free(n->names);
	*n = (struct tls_names){0};
}

static struct tls_names_found find(const struct tls_names *n, const char *name)
{
	size_t low = 0, high = n->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(n->names[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (end < n->count && !strcmp(n->names[end].name, name))
		end++;
	return (struct tls_names_found){.first = n->names + low, .count = end - low};
}

struct tls_names_found tls_names_find(const struct tls_names *n, const char *name)
{
	char lower[NAME_MAX_LENGTH + 2];
	size_t length = strlen(name);
	if (length && name[length - 1] == '.')
		length--;
	if (!length || length > NAME_MAX_LENGTH)
		return (struct tls_names_found){0};
	for (size_t i = 0; i < length; i++)
		lower[i + 1] = (char)tolower((unsigned char)name[i]);
	lower[length + 1] = '\0';

	struct tls_names_found found = find(n, lower + 1);
	char *dot = strchr(lower + 1, '.');
	if (found.count || !dot || dot == lower + 1)
		return found;
	dot[-1] = '*';
	return find(n, dot - 1);
}

bool tls_names_are_same(struct tls_names_found a, struct tls_names_found b)
{
	if (a.count != b.count)
		return false;
	for (size_t i = 0; i < a.count; i++)
		if (a.first[i].certificate != b.first[i].certificate)
			return false;
	return true;
}
