/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_fault.h"
#include "proxy/core/proxy_header.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22 };

static const struct {
	const char *name, *of_client, *of_server;
} faults[TLS_FAULT_COUNT] = {
#define TLS_FAULT(constant, name, of_client, of_server) \
	[TLS_FAULT_##constant] = {name, of_client, of_server},
#define TLS_ALERT(number, name)        \
	[TLS_FAULT_ALERT_##number] = { \
		name, "the client ended it with that", "the server ended it with that"},
#include "proxy/io/tls_fault.def"
#undef TLS_FAULT
#undef TLS_ALERT
};

static const struct {
	int number;
	enum tls_fault fault;
} alerts[] = {
#define TLS_FAULT(...)
#define TLS_ALERT(number, name) {number, TLS_FAULT_ALERT_##number},
#include "proxy/io/tls_fault.def"
#undef TLS_FAULT
#undef TLS_ALERT
};

const char *tls_fault_name(enum tls_fault fault)
{
	return faults[fault].name;
}

const char *tls_fault_meaning(enum tls_fault fault, bool is_server)
{
	return is_server ? faults[fault].of_server : faults[fault].of_client;
}

bool tls_fault_is_alert(enum tls_fault fault)
{
	return fault >= TLS_FAULT_ALERT_0 && fault < TLS_FAULT_COUNT;
}

static enum tls_fault fault_of_alert(int number)
{
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (alerts[i].number == number)
			return alerts[i].fault;
	return TLS_FAULT_ALERT_255;
}

static enum tls_fault fault_of_reason(int reason)
{
	switch (reason) {
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return TLS_FAULT_PLAIN_HTTP;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_UNKNOWN_PROTOCOL:
		return TLS_FAULT_NOT_TLS;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_VERSION_TOO_HIGH:
	case SSL_R_INAPPROPRIATE_FALLBACK:
	case SSL_R_WRONG_SSL_VERSION:
		return TLS_FAULT_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_WRONG_CIPHER_RETURNED:
	case SSL_R_UNKNOWN_CIPHER_RETURNED:
	case SSL_R_NO_CIPHERS_SPECIFIED:
		return TLS_FAULT_CIPHER;
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_WRONG_CURVE:
	case SSL_R_UNSUPPORTED_ELLIPTIC_CURVE:
		return TLS_FAULT_GROUP;
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_WRONG_SIGNATURE_TYPE:
		return TLS_FAULT_SIGNATURE;
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_DECRYPTION_FAILED:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
		return TLS_FAULT_RECORD;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return TLS_FAULT_CERTIFICATE_MISSING;
	case SSL_R_EE_KEY_TOO_SMALL:
	case SSL_R_CA_KEY_TOO_SMALL:
	case SSL_R_CA_MD_TOO_WEAK:
	case SSL_R_DH_KEY_TOO_SMALL:
		return TLS_FAULT_CERTIFICATE_WEAK;
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return TLS_FAULT_CERTIFICATE_BAD;
	case SSL_R_TOO_MANY_WARN_ALERTS:
	case SSL_R_RECORD_TOO_SMALL: /* too many empty ones */
		return TLS_FAULT_FLOOD;
	case SSL_R_BAD_WRITE_RETRY:
	case SSL_R_BAD_LENGTH:
		return TLS_FAULT_INTERNAL;
	default:
		return TLS_FAULT_PROTOCOL;
	}
}

enum tls_fault tls_fault_of_error(unsigned long error)
{
	int reason = ERR_GET_REASON(error);
	if (ERR_GET_LIB(error) != ERR_LIB_SSL || reason == ERR_R_MALLOC_FAILURE ||
		reason == ERR_R_INTERNAL_ERROR)
		return TLS_FAULT_INTERNAL;
	if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
		return fault_of_alert(reason - SSL_AD_REASON_OFFSET);
	return fault_of_reason(reason);
}

enum tls_fault tls_fault_of_verification(int result)
{
	switch (result) {
	case X509_V_OK:
		return TLS_FAULT_NONE;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_FAULT_CERTIFICATE_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_FAULT_CERTIFICATE_EARLY;
	case X509_V_ERR_CERT_REVOKED:
		return TLS_FAULT_CERTIFICATE_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		return TLS_FAULT_UNKNOWN_CA;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return TLS_FAULT_SELF_SIGNED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_FAULT_NAME;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return TLS_FAULT_CERTIFICATE_WEAK;
	case X509_V_ERR_INVALID_PURPOSE:
		return TLS_FAULT_CERTIFICATE_PURPOSE;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
		return TLS_FAULT_CRL_MISSING;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return TLS_FAULT_CRL_EXPIRED;
	default:
		return TLS_FAULT_CERTIFICATE_BAD;
	}
}

static bool begins(const uint8_t *bytes, size_t length, const char *with)
{
	size_t size = strlen(with);
	return length >= size && memcmp(bytes, with, size) == 0;
}

static bool begins_with_any(
	const uint8_t *bytes, size_t length, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (begins(bytes, length, words[i]))
			return true;
	return false;
}

/* OPTIONS and CONNECT are both; a blank and a slash behind the method make it HTTP. */
enum tls_fault tls_fault_of_beginning(const uint8_t *bytes, size_t length)
{
	static const char *const http[] = {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ",
		"OPTIONS /", "OPTIONS *", "PATCH ", "TRACE ", "HTTP/"};
	static const char *const sip[] = {"SIP/", "INVITE ", "REGISTER ", "OPTIONS ", "SUBSCRIBE ",
		"NOTIFY ", "PUBLISH ", "MESSAGE ", "ACK ", "BYE ", "CANCEL ", "PRACK ", "INFO ",
		"REFER ", "UPDATE ", "\r\n"};
	bool is_old_hello = length >= 3 && bytes[0] & 0x80 && bytes[2] == 1; /* of SSLv2 */
	if (!length || bytes[0] == RECORD_HANDSHAKE || bytes[0] == RECORD_ALERT || is_old_hello)
		return TLS_FAULT_NONE;
	if (length >= 5 && proxy_header_is_prefix(bytes, length))
		return TLS_FAULT_PROXY_HEADER;
	if (begins_with_any(bytes, length, http, sizeof(http) / sizeof(http[0])))
		return TLS_FAULT_PLAIN_HTTP;
	if (begins_with_any(bytes, length, sip, sizeof(sip) / sizeof(sip[0])))
		return TLS_FAULT_PLAIN_SIP;
	return TLS_FAULT_NOT_TLS;
}
