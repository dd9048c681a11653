/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_fault.h - names for what goes wrong in TLS, and what OpenSSL's errors mean. Pure; any thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_FAULT_H
#define SIPWEIR_PROXY_IO_TLS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_fault {
	TLS_FAULT_NONE,
#define TLS_FAULT(constant, ...) TLS_FAULT_##constant,
#define TLS_ALERT(number, name)	 TLS_FAULT_ALERT_##number,
#include "proxy/io/tls_fault.def"
#undef TLS_FAULT
#undef TLS_ALERT
	TLS_FAULT_COUNT
};

/* The name in logs, and a sentence about a client, or with `is_server` about a server. Constants; NULL for none. */
const char *tls_fault_name(enum tls_fault fault);
const char *tls_fault_meaning(enum tls_fault fault, bool is_server);

bool tls_fault_is_alert(enum tls_fault fault);

/* What an error of OpenSSL's queue says about the peer. */
enum tls_fault tls_fault_of_error(unsigned long error);

/* What a result of certificate verification (X509_V_ERR_...) says; NONE for X509_V_OK. */
enum tls_fault tls_fault_of_verification(int result);

/* What somebody speaks who does not begin with a TLS record; NONE when the bytes may be one. */
enum tls_fault tls_fault_of_beginning(const uint8_t *bytes, size_t length);

#endif
