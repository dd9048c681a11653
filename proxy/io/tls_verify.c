/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_verify.h"
#include "limits/addr.h"
#include "proxy/core/text.h"
#include "proxy/io/tls_stream.h"

#include <openssl/x509v3.h>
#include <string.h>

enum { NAMES_SHOWN = 8 };

/* It comes from the network: whatever is not plain is shown as "?". */
static void put_plain(struct text *t, const unsigned char *bytes, int length)
{
	for (int i = 0; i < length; i++)
		text_put_char(t, bytes[i] >= ' ' && bytes[i] < 127 && bytes[i] != '"'
					 ? (char)bytes[i]
					 : '?');
}

static void put_subject(struct text *t, const X509_NAME *name)
{
	char line[128];
	X509_NAME_oneline(name, line, sizeof(line));
	put_plain(t, (const unsigned char *)line, (int)strlen(line));
}

static void put_address(struct text *t, const ASN1_OCTET_STRING *bytes)
{
	struct addr a;
	char text[ADDR_TEXT_MAX];
	const unsigned char *data = ASN1_STRING_get0_data(bytes);
	if (ASN1_STRING_length(bytes) == 4)
		addr_set_ipv4(&a, data);
	else if (ASN1_STRING_length(bytes) == (int)sizeof(a.bytes))
		memcpy(a.bytes, data, sizeof(a.bytes));
	else
		return;
	addr_format(&a, text);
	text_put(t, text);
}

/* What it is for, as far as that could match; false for nothing at all. */
static bool put_names(struct text *t, const X509 *certificate)
{
	unsigned shown = 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < NAMES_SHOWN; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS && name->type != GEN_IPADD)
			continue;
		text_put(t, shown++ ? ", " : "");
		if (name->type == GEN_DNS)
			put_plain(t, ASN1_STRING_get0_data(name->d.dNSName),
				ASN1_STRING_length(name->d.dNSName));
		else
			put_address(t, name->d.iPAddress);
	}
	GENERAL_NAMES_free(names);
	return shown > 0;
}

static void put_expected(struct text *t, SSL *ssl)
{
	X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
	const char *host = X509_VERIFY_PARAM_get0_host(wanted, 0);
	char *address = host ? NULL : X509_VERIFY_PARAM_get1_ip_asc(wanted);
	struct addr a;
	char plain[ADDR_TEXT_MAX] = "?";
	if (address && addr_parse(&a, address)) /* OpenSSL writes all zeros of IPv6 */
		addr_format(&a, plain);
	text_put(t, host ? host : plain);
	OPENSSL_free(address);
}

static void put_mismatch(struct text *t, SSL *ssl, const X509 *certificate)
{
	text_put(t, "; expected ");
	put_expected(t, ssl);
	text_put(t, ", it has ");
	if (!put_names(t, certificate))
		put_subject(t, X509_get_subject_name(certificate));
}

static void put_who(struct text *t, const X509 *certificate)
{
	text_put(t, " (");
	put_subject(t, X509_get_subject_name(certificate));
	text_put(t, ", signed by ");
	put_subject(t, X509_get_issuer_name(certificate));
	text_put(t, ")");
}

int tls_verify_callback(int is_good, X509_STORE_CTX *store)
{
	if (is_good)
		return 1;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	int error = X509_STORE_CTX_get_error(store);
	enum tls_fault fault = tls_fault_of_verification(error);
	char detail[TLS_DETAIL_MAX];
	struct text t;
	text_init(&t, detail, sizeof(detail) - 1);
	text_put(&t, tls_fault_meaning(fault, !SSL_is_server(ssl)));
	if (fault == TLS_FAULT_CERTIFICATE_BAD) {
		text_put(&t, ": ");
		text_put(&t, X509_verify_cert_error_string(error));
	}
	if (certificate && fault == TLS_FAULT_NAME)
		put_mismatch(&t, ssl, certificate);
	else if (certificate)
		put_who(&t, certificate);
	detail[t.length] = '\0';
	tls_stream_refuse(ssl, fault, detail);
	return 0;
}
