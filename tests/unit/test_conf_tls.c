/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_tls.c - the tls groups: what they hold, and the exact text about what does not fit. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A listener on its own line, with what is said about TLS behind it. */
#define LISTENER(transport, text)                                                               \
	CASE_POOL "listeners = ( { name = \"l\"; address = \"127.0.0.1:5061\"; pool = \"p\";\n" \
		  "transport = \"" transport "\"; " text " } );"
#define CERTIFICATE "certificates = ( { certificate = \"/c.pem\"; } ); "
#define TLS(text)   LISTENER("tls", "tls: { " CERTIFICATE text " };")
#define SAMPLE                                                                    \
	"certificates = ( { certificate = \"/etc/sipweir/a.pem\"; private_key = " \
	"\"/etc/sipweir/a.key\"; } );"

#define POOL(transport, text)                                                            \
	CASE_LISTENER "pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = " \
		      "\"10.0.0.1:5061\"; transport = \"" transport "\"; } );\n" text " } );"

static void a_tls_listener_is_read_with_its_certificates(void **state)
{
	static const char text[] = LISTENER("tls",
		"tls: { certificates = (\n"
		"{ certificate = \"/a.pem\"; private_key = \"/a.key\"; },\n"
		"{ certificate = \"/b.pem\"; } );\n"
		"min_version = \"1.3\"; ciphers = \"HIGH\"; ciphersuites = \"X\";\n"
		"ticket_keys = \"/t\"; client_ca = \"/ca\"; client_crl = \"/crl\";\n"
		"verify_client = \"optional\"; };");
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(text, "f", &errors);
	const struct conf_listener_tls *t;

	(void)state;
	assert_non_null(c);
	assert_int_equal(errors.warnings.count, 0);
	t = c->listeners[0].tls;
	assert_int_equal(c->listeners[0].transport, CONF_TLS);
	assert_int_equal(t->certificate_count, 2);
	assert_string_equal(t->certificates[0].private_key, "/a.key");
	assert_string_equal(t->certificates[1].certificate, "/b.pem");
	assert_string_equal(t->certificates[1].private_key, "");
	assert_int_equal(t->certificates[1].at.certificate.line, 5);
	assert_int_equal(t->min_version, CONF_TLS_1_3);
	assert_string_equal(t->ciphers, "HIGH");
	assert_string_equal(t->ciphersuites, "X");
	assert_string_equal(t->ticket_keys, "/t");
	assert_string_equal(t->client_ca, "/ca");
	assert_string_equal(t->client_crl, "/crl");
	assert_int_equal(t->verify_client, CONF_VERIFY_OPTIONAL);
	conf_free(c);
	conf_errors_fini(&errors);
}

static void tls_groups_have_their_defaults(void **state)
{
	static const char text[] =
		"listeners = ( { name = \"l\"; address = \"127.0.0.1:5061\"; pool = \"p\";\n"
		"transport = \"tls\"; tls: { " CERTIFICATE "}; } );\n"
		"pools = ( { name = \"p\"; tls: { }; servers = ( { name = \"s\"; address = "
		"\"10.0.0.1:5061\"; transport = \"tls\"; } ); } );";
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(text, "f", &errors);
	const struct conf_listener_tls *in;
	const struct conf_pool_tls *out;

	(void)state;
	assert_non_null(c);
	assert_int_equal(errors.warnings.count, 0);
	in = c->listeners[0].tls;
	assert_int_equal(in->min_version, CONF_TLS_1_2);
	assert_string_equal(in->ciphers, "");
	assert_string_equal(in->ciphersuites, "");
	assert_string_equal(in->ticket_keys, "");
	assert_string_equal(in->client_ca, "");
	assert_string_equal(in->client_crl, "");
	assert_int_equal(in->verify_client, CONF_VERIFY_OFF);
	out = c->pools[0].tls;
	assert_true(out->verify);
	assert_string_equal(out->ca, "");
	assert_string_equal(out->server_name, "");
	assert_string_equal(out->certificate, "");
	assert_string_equal(out->private_key, "");
	conf_free(c);
	conf_errors_fini(&errors);
}

static void a_tls_listener_has_a_certificate(void **state)
{
	static const struct conf_case cases[] = {
		{TLS(""), "", ""},
		{LISTENER("tls", ""),
			"f:3: listeners.l.tls: missing and needed for transport \"tls\", expected "
			"tls: { " SAMPLE " }\n",
			""},
		{LISTENER("tls", "\ntls: { };"),
			"f:4: listeners.l.tls.certificates: there is none, expected at least "
			"one: " SAMPLE "\n",
			""},
		{LISTENER("tls", "\ntls: { certificates = ( ); };"),
			"f:4: listeners.l.tls.certificates: there is none, expected at least "
			"one: " SAMPLE "\n",
			""},
		{LISTENER("tcp", "\ntls: { " CERTIFICATE "};"), "",
			"f:4: listeners.l.tls: it means nothing while transport is not \"tls\", "
			"expected none\n"},
		/* What was refused itself is not held against others. */
		{LISTENER("tls", "tls = true;"),
			"f:3: listeners.l.tls: it is true or false, expected a group { }\n", ""},
		{LISTENER("tls", "tls: { certificates = \"/c.pem\"; };"),
			"f:3: listeners.l.tls.certificates: it is a string, expected a list of "
			"groups: ( { }, { } )\n",
			""},
		{LISTENER("dtls", "tls: { };"),
			"f:3: listeners.l.transport: \"dtls\" is not known, expected \"tcp\" or "
			"\"tls\"\n",
			""},
		{LISTENER("tls", "tls: { certificates = ( { private_key = \"/c.key\"; } ); };"),
			"f:3: listeners.l.tls.certificates[0].certificate: missing, expected an "
			"absolute path of up to 4095 bytes\n",
			""},
		{LISTENER("tls", "tls: { certificates = ( { certificate = \"c.pem\"; } ); };"),
			"f:3: listeners.l.tls.certificates[0].certificate: \"c.pem\" is no "
			"absolute "
			"path, expected an absolute path of up to 4095 bytes\n",
			""},
		{LISTENER("tls", "tls: { certificates = ( { certificate = \"/c.pem\"; },\n"
				 "{ certificate = \"\"; } ); };"),
			"f:4: listeners.l.tls.certificates[1].certificate: it is 0 bytes long, "
			"expected an absolute path of up to 4095 bytes\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void certificates_of_clients_need_somebody_who_signed_them(void **state)
{
#define NEEDS_CA                                                                                 \
	"nobody is trusted to sign the certificates of clients, expected client_ca as well, or " \
	"\"off\"\n"
	static const struct conf_case cases[] = {
		{TLS("client_ca = \"/ca\"; verify_client = \"require\";"), "", ""},
		{TLS("client_ca = \"/ca\"; client_crl = \"/crl\"; verify_client = \"optional\";"),
			"", ""},
		{TLS("\nverify_client = \"require\";"),
			"f:4: listeners.l.tls.verify_client: " NEEDS_CA, ""},
		{TLS("\nverify_client = \"optional\";"),
			"f:4: listeners.l.tls.verify_client: " NEEDS_CA, ""},
		{TLS("\nclient_crl = \"/crl\";"),
			"f:4: listeners.l.tls.client_crl: it revokes what nobody has signed, "
			"expected client_ca as well\n",
			""},
		{TLS("\nclient_ca = \"/ca\";"), "",
			"f:4: listeners.l.tls.client_ca: it means nothing while verify_client is "
			"\"off\", expected none\n"},
		{TLS("client_ca = 5; client_crl = \"/crl\"; verify_client = \"require\";"),
			"f:3: listeners.l.tls.client_ca: 5 is a bare number, expected an absolute "
			"path of up to 4095 bytes, or \"\"\n",
			""},
		{TLS("client_ca = \"/ca\"; verify_client = \"on\";"),
			"f:3: listeners.l.tls.verify_client: \"on\" is not known, expected "
			"\"off\", "
			"\"optional\" or \"require\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void old_versions_of_tls_are_warned_of(void **state)
{
#define UNSAFE(version)                                                                        \
	"f:4: listeners.l.tls.min_version: TLS \"" version "\" is no longer safe (RFC 8996), " \
	"expected \"1.2\" unless there are devices that speak nothing newer\n"
	static const struct conf_case cases[] = {
		{TLS("\nmin_version = \"1.0\";"), "", UNSAFE("1.0")},
		{TLS("\nmin_version = \"1.1\";"), "", UNSAFE("1.1")},
		{TLS("\nmin_version = \"1.2\";"), "", ""},
		{TLS("\nmin_version = \"1.3\";"), "", ""},
		{TLS("\nmin_version = 1.2;"),
			"f:4: listeners.l.tls.min_version: it is a number with a fraction, "
			"expected "
			"\"1.0\", \"1.1\", \"1.2\" or \"1.3\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void tls_to_servers_is_verified_and_complete(void **state)
{
#define NO_HOST(name)                                                                       \
	"f:3: pools.p.tls.server_name: \"" name "\" is no host name, expected one such as " \
	"\"sip.example.com\", or \"\" for certificates of the address of the server\n"
	static const struct conf_case cases[] = {
		{POOL("tls", ""), "", ""},
		{POOL("tls", "tls: { ca = \"/ca\"; server_name = \"sip.example.com\"; "
			     "certificate = \"/c\"; private_key = \"/k\"; };"),
			"", ""},
		{POOL("tls", "tls: { certificate = \"/c\"; };"), "", ""},
		{POOL("tls", "tls: { private_key = \"/k\"; };"),
			"f:3: pools.p.tls.private_key: it is the key of no certificate, expected "
			"certificate as well\n",
			""},
		{POOL("tls", "tls: { verify = false; };"), "",
			"f:3: pools.p.tls.verify: without it anybody on the way may pretend to be "
			"a "
			"server and read everything, expected true, and ca for certificates that "
			"you have signed\n"},
		{POOL("tcp", "tls: { };"), "",
			"f:3: pools.p.tls: it means nothing without a server of transport \"tls\", "
			"expected none\n"},
		{CASE_LISTENER "pools = ( { name = \"p\"; respond: { };\ntls: { }; } );", "",
			"f:3: pools.p.tls: it means nothing without a server of transport \"tls\", "
			"expected none\n"},
		{POOL("udp", "tls: { };"),
			"f:2: pools.p.servers.s.transport: \"udp\" is not known, expected \"tcp\" "
			"or "
			"\"tls\"\n",
			""},
		{POOL("tls", "tls: { server_name = \"*.example.com\"; };"),
			NO_HOST("*.example.com"), ""},
		{POOL("tls", "tls: { server_name = \"10.0.0.1\"; };"), NO_HOST("10.0.0.1"), ""},
		{POOL("tls", "tls: { server_name = \"::1\"; };"), NO_HOST("::1"), ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tls_listener_is_read_with_its_certificates),
		cmocka_unit_test(tls_groups_have_their_defaults),
		cmocka_unit_test(a_tls_listener_has_a_certificate),
		cmocka_unit_test(certificates_of_clients_need_somebody_who_signed_them),
		cmocka_unit_test(old_versions_of_tls_are_warned_of),
		cmocka_unit_test(tls_to_servers_is_verified_and_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
