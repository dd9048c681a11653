/* SPDX-License-Identifier: BSD-2-Clause */
/* backends.h - the servers of all pools, as people and programs read them. */
#ifndef SIPWEIR_ADMIN_BACKENDS_H
#define SIPWEIR_ADMIN_BACKENDS_H

#include "admin/json.h"
#include "admin/page.h"
#include "proxy/inspect.h"

/* Of a struct inspection. */
page_write backends_write_text, backends_write_json;

/* One server as a member of an array. */
void backends_put_json(struct json *j, const struct inspect_server *s);

#endif
