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

#define CONF_TRANSPORTS(X) \
	X(CONF_TCP, "tcp") \
	X(CONF_TLS, "tls")

/* Ascending. */
#define CONF_TLS_VERSIONS(X)   \
	X(CONF_TLS_1_0, "1.0") \
	X(CONF_TLS_1_1, "1.1") \
	X(CONF_TLS_1_2, "1.2") \
	X(CONF_TLS_1_3, "1.3")

/* Certificates of clients. */
#define CONF_VERIFY_CLIENT(X)               \
	X(CONF_VERIFY_OFF, "off")           \
	X(CONF_VERIFY_OPTIONAL, "optional") \
	X(CONF_VERIFY_REQUIRE, "require")

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

#define CONF_ACTIONS(X)                 \
	X(CONF_ACTION_RESET, "reset")   \
	X(CONF_ACTION_CLOSE, "close")   \
	X(CONF_ACTION_REFUSE, "refuse") \
	X(CONF_ACTION_TARPIT, "tarpit")

#define CONF_MODES(X)                   \
	X(CONF_MODE_ENFORCE, "enforce") \
	X(CONF_MODE_OBSERVE, "observe")

/* Past a rate of messages. */
#define CONF_OVERS(X)                 \
	X(CONF_OVER_DELAY, "delay")   \
	X(CONF_OVER_REFUSE, "refuse") \
	X(CONF_OVER_CLOSE, "close")

#define CONF_BAN_CLOSES(X)                              \
	X(CONF_BAN_CLOSES_NONE, "none")                 \
	X(CONF_BAN_CLOSES_UNREGISTERED, "unregistered") \
	X(CONF_BAN_CLOSES_ALL, "all")

#define CONF_ON_ERRORS(X)             \
	X(CONF_ON_ERROR_KEEP, "keep") \
	X(CONF_ON_ERROR_FAIL, "fail")

/* Requests of a connection that are judged beyond framing. */
#define CONF_SIP_CHECKS(X)           \
	X(CONF_CHECK_FIRST, "first") \
	X(CONF_CHECK_ALL, "all")

/* CRLF pings of clients. */
#define CONF_SIP_KEEPALIVES(X)             \
	X(CONF_KEEPALIVE_ANSWER, "answer") \
	X(CONF_KEEPALIVE_FORWARD, "forward")

/* A message without Content-Length. */
#define CONF_MISSING_LENGTHS(X)          \
	X(CONF_MISSING_REFUSE, "refuse") \
	X(CONF_MISSING_ZERO, "zero")

#define CONF_WHEN_FULL(X)                  \
	X(CONF_WHEN_FULL_REFUSE, "refuse") \
	X(CONF_WHEN_FULL_ADMIT, "admit")

/* When a load balancer may send traffic: see /readyz. */
#define CONF_READY_WHEN(X)               \
	X(CONF_READY_SERVING, "serving") \
	X(CONF_READY_BACKENDS, "backends")

#define CONF_POLICIES(X)                   \
	X(CONF_SOURCE_HASH, "source-hash") \
	X(CONF_ROUND_ROBIN, "round-robin") \
	X(CONF_LEAST_CONNECTIONS, "least-connections")

#define CONF_RETRY_ON(X)                 \
	X(CONF_RETRY_CONNECT, "connect") \
	X(CONF_RETRY_EARLY_CLOSE, "early-close")

#define CONF_ALL_DOWN(X)            \
	X(CONF_ALL_DOWN_TRY, "try") \
	X(CONF_ALL_DOWN_REFUSE, "refuse")

#define CONF_ON_LOSS(X)             \
	X(CONF_LOSS_CLOSE, "close") \
	X(CONF_LOSS_KEEP, "keep")

/* What the administrator wants of a server. */
#define CONF_SERVER_STATES(X)         \
	X(CONF_SERVER_UP, "up")       \
	X(CONF_SERVER_DRAIN, "drain") \
	X(CONF_SERVER_DOWN, "down")

#define CONF_HEALTH_METHODS(X)            \
	X(CONF_HEALTH_OPTIONS, "options") \
	X(CONF_HEALTH_CONNECT, "connect") \
	X(CONF_HEALTH_OFF, "off")

/* What a PROXY header of version 2 may say beyond addresses. */
#define CONF_PROXY_TLVS(X)                 \
	X(CONF_TLV_CRC32C, "crc32c")       \
	X(CONF_TLV_UNIQUE_ID, "unique_id") \
	X(CONF_TLV_AUTHORITY, "authority") \
	X(CONF_TLV_SSL, "ssl")             \
	X(CONF_TLV_ENDPOINT, "endpoint")

/* The address by which servers know who comes by a VPC endpoint. */
#define CONF_ENDPOINT_SOURCES(X)      \
	X(CONF_ENDPOINT_KEEP, "keep") \
	X(CONF_ENDPOINT_MAP, "map")

/* What a name in place of a server's address stands for. */
#define CONF_RESOLVES(X)                   \
	X(CONF_RESOLVE_ONE, "")            \
	X(CONF_RESOLVE_ADDRESS, "address") \
	X(CONF_RESOLVE_SRV, "srv")

/* Every set: S(name of the enum and of the unit in options.def, its words) */
#define CONF_CHOICES(S)                           \
	S(log_level, CONF_LOG_LEVELS)             \
	S(log_format, CONF_LOG_FORMATS)           \
	S(transport, CONF_TRANSPORTS)             \
	S(tls_version, CONF_TLS_VERSIONS)         \
	S(verify_client, CONF_VERIFY_CLIENT)      \
	S(proxy_mode, CONF_PROXY_MODES)           \
	S(send_proxy, CONF_SEND_PROXY_MODES)      \
	S(proxy_tlv, CONF_PROXY_TLVS)             \
	S(endpoint_source, CONF_ENDPOINT_SOURCES) \
	S(action, CONF_ACTIONS)                   \
	S(mode, CONF_MODES)                       \
	S(over, CONF_OVERS)                       \
	S(ban_closes, CONF_BAN_CLOSES)            \
	S(on_error, CONF_ON_ERRORS)               \
	S(sip_check, CONF_SIP_CHECKS)             \
	S(sip_keepalive, CONF_SIP_KEEPALIVES)     \
	S(missing_length, CONF_MISSING_LENGTHS)   \
	S(when_full, CONF_WHEN_FULL)              \
	S(policy, CONF_POLICIES)                  \
	S(retry_on, CONF_RETRY_ON)                \
	S(all_down, CONF_ALL_DOWN)                \
	S(on_loss, CONF_ON_LOSS)                  \
	S(server_state, CONF_SERVER_STATES)       \
	S(health_method, CONF_HEALTH_METHODS)     \
	S(resolve, CONF_RESOLVES)                 \
	S(ready_when, CONF_READY_WHEN)

/* enum conf_log_level { CONF_LOG_ERROR, ... }; and so on */
#define CONF_CHOICE_CONSTANT(constant, word) constant,
#define CONF_CHOICE_ENUM(name, words)	     enum conf_##name{words(CONF_CHOICE_CONSTANT)};
CONF_CHOICES(CONF_CHOICE_ENUM)

#endif
