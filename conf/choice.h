/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * choice.h - the words that an option with a fixed set of values accepts, and their constants.
 *
 * X(constant, word). A set grows when the thing behind a word works, not before: until then the
 * word is refused with the list of those that are here.
 */
#ifndef SIPWEIR_CONF_CHOICE_H
#define SIPWEIR_CONF_CHOICE_H

/* Ascending: a line is written when its level is at most the configured one. */
#define CONF_LOG_LEVELS(X)             \
	X(CONF_LOG_ERROR, "error")     \
	X(CONF_LOG_WARNING, "warning") \
	X(CONF_LOG_NOTICE, "notice")   \
	X(CONF_LOG_INFO, "info")       \
	X(CONF_LOG_DEBUG, "debug")

#define CONF_LOG_FORMATS(X)         \
	X(CONF_FORMAT_JSON, "json") \
	X(CONF_FORMAT_TEXT, "text")

#define CONF_TRANSPORTS(X) X(CONF_TCP, "tcp")

/* PROXY headers from clients. */
#define CONF_PROXY_MODES(X)              \
	X(CONF_PROXY_OFF, "off")         \
	X(CONF_PROXY_REQUIRE, "require") \
	X(CONF_PROXY_OPTIONAL, "optional")

/* PROXY headers to servers. */
#define CONF_SEND_PROXY_MODES(X)      \
	X(CONF_SEND_PROXY_OFF, "off") \
	X(CONF_SEND_PROXY_V1, "v1")   \
	X(CONF_SEND_PROXY_V2, "v2")

#define CONF_ACTIONS(X)               \
	X(CONF_ACTION_RESET, "reset") \
	X(CONF_ACTION_CLOSE, "close")

#define CONF_WHEN_FULL(X)                  \
	X(CONF_WHEN_FULL_REFUSE, "refuse") \
	X(CONF_WHEN_FULL_ADMIT, "admit")

#define CONF_POLICIES(X) X(CONF_ROUND_ROBIN, "round-robin")

#define CONF_CONSTANT(constant, word) constant,
enum conf_log_level { CONF_LOG_LEVELS(CONF_CONSTANT) };
enum conf_log_format { CONF_LOG_FORMATS(CONF_CONSTANT) };
enum conf_transport { CONF_TRANSPORTS(CONF_CONSTANT) };
enum conf_proxy_mode { CONF_PROXY_MODES(CONF_CONSTANT) };
enum conf_send_proxy { CONF_SEND_PROXY_MODES(CONF_CONSTANT) };
enum conf_action { CONF_ACTIONS(CONF_CONSTANT) };
enum conf_when_full { CONF_WHEN_FULL(CONF_CONSTANT) };
enum conf_policy { CONF_POLICIES(CONF_CONSTANT) };
#undef CONF_CONSTANT

#endif
