/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_row.h - a configuration made for one row of the table, and what the row's value is in it. */
#ifndef SIPWEIR_TESTS_CONF_ROW_H
#define SIPWEIR_TESTS_CONF_ROW_H

#include "conf/conf.h"
#include "conf/option.h"

#include <stdint.h>

/* The option that a text is made for, and what it is set to; NULL leaves it out. */
struct conf_subject {
	enum conf_scope_id scope;
	const struct conf_option *option;
	const char *value;
};

/* A text, loaded row by row without the rules between options. */
struct conf_loaded {
	char *text;
	struct conf_arena *arena;
	struct conf_errors errors;
	struct conf conf;
};

/* Write the least configuration that holds the subject, and load it; owed to conf_row_unload(). */
void conf_row_load(struct conf_loaded *l, const struct conf_subject *s);
void conf_row_unload(struct conf_loaded *l);

/* The structure that the subject's field is in. */
char *conf_row_base(struct conf_loaded *l, const struct conf_subject *s);

/* The value as the number that min and max speak of. */
uint64_t conf_row_number(struct conf_loaded *l, const struct conf_subject *s);

/* The text that sets the option to this number; the caller frees it. */
char *conf_row_text(const struct conf_option *o, uint64_t number);

#endif
