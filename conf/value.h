/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.h - durations, sizes, rates and multipliers as text, and back.
 *
 * Strict: digits, one unit, no blanks, no sign, no fraction. What is too large for the type is read
 * as its largest value, so that a range check refuses it. Nothing is allocated; any thread.
 */
#ifndef SIPWEIR_CONF_VALUE_H
#define SIPWEIR_CONF_VALUE_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONF_VALUE_TEXT_MAX = 64 }; /* any text written here, and its NUL */

/* "500ms", "30s", "5m", "1h", "1d" in milliseconds. False, *ms untouched, for anything else. */
bool conf_value_duration(const char *text, uint64_t *ms);

/* "16000", "64K", "1M", "1G" in bytes; a K is 1024. False, *bytes untouched, for anything else. */
bool conf_value_size(const char *text, uint64_t *bytes);

/* "3x". False, *times untouched, for anything else. */
bool conf_value_multiplier(const char *text, uint64_t *times);

/*
 * "20/s", "600/10m", "20/s burst 60": the period is a duration whose number may be missing. Without
 * a burst it is the count. False, *rate untouched, for anything else.
 */
bool conf_value_rate(const char *text, struct conf_rate *rate);

/* The shortest text that reads back as the same value; returns `out`. */
const char *conf_value_write_duration(char out[CONF_VALUE_TEXT_MAX], uint64_t ms);
const char *conf_value_write_size(char out[CONF_VALUE_TEXT_MAX], uint64_t bytes);
const char *conf_value_write_rate(char out[CONF_VALUE_TEXT_MAX], const struct conf_rate *rate);

/* NULL when the text is UTF-8 without control characters, else what it is not. */
const char *conf_value_text_fault(const char *text);

/* True for letters, digits, '.', '_' and '-' alone, at least one. */
bool conf_value_is_name(const char *text);

/*
 * The text as it may stand in a message: at most CONF_VALUE_TEXT_MAX - 1 bytes with "..." for the
 * rest, and '?' for what is not printable ASCII. Returns `out`.
 */
const char *conf_value_quote(char out[CONF_VALUE_TEXT_MAX], const char *text);

#endif
