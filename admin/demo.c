/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/demo.h"
#include "proxy/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME "demo" /* in place of a file's, in messages */
#define HTTP "127.0.0.1:9090"

enum { TEXT_MAX = 1024 };

static int make_certificate(struct conf_errors *errors)
{
	static const struct conf_place place = {.file = NAME};
	int fd = memfd_create("sipweir demo", MFD_CLOEXEC);
	if (fd >= 0 && server_make_certificate(fd))
		return fd;
	conf_errors_add(errors, &place, "", "the host has no memory for a certificate");
	if (fd >= 0)
		close(fd);
	return -1;
}

struct conf *demo_load(int *certificate, struct conf_errors *errors)
{
	char text[TEXT_MAX];
	*certificate = make_certificate(errors);
	if (*certificate < 0)
		return NULL;
	snprintf(text, sizeof(text),
		"listeners = (\n"
		"  { name = \"demo\"; address = \"127.0.0.1:5060\"; pool = \"demo\"; },\n"
		"  { name = \"demo-tls\"; address = \"127.0.0.1:5061\"; pool = \"demo\";\n"
		"    transport = \"tls\";\n"
		"    tls: { certificates = ( { certificate = \"/proc/self/fd/%d\"; } ); }; }\n"
		");\n"
		"pools = ( { name = \"demo\"; respond: { status = 200; reason = \"OK\"; }; } );\n"
		"timeouts: { drain_delay = \"off\"; drain = \"off\"; };\n"
		"admin: { http = \"" HTTP "\"; control = \"\"; };\n",
		*certificate);
	struct conf *conf = conf_load_text(text, NAME, errors);
	if (conf)
		return conf;
	close(*certificate);
	*certificate = -1;
	return NULL;
}

/* In the quotes of a shell's printf. */
static void print_request(const char *transport, const char *address)
{
	printf("\"OPTIONS sip:demo@%s SIP/2.0\\r\\n"
	       "Via: SIP/2.0/%s 127.0.0.1;branch=z9hG4bKdemo\\r\\n"
	       "From: <sip:me@localhost>;tag=1\\r\\nTo: <sip:demo@localhost>\\r\\n"
	       "Call-ID: demo\\r\\nCSeq: 1 OPTIONS\\r\\nContent-Length: 0\\r\\n\\r\\n\"",
		address, transport);
}

/* A shell that has nothing else has this. */
static void print_tcp(const char *address)
{
	const char *colon = strrchr(address, ':');
	printf("sipweir " SIPWEIR_VERSION
	       " demo: SIP over TCP on %s; every request is answered 200 OK.\n"
	       "Its log is below. In another terminal, try:\n\n"
	       "  bash -c 'exec 3<>/dev/tcp/%.*s/%s; printf ",
		address, (int)(colon - address), address, colon + 1);
	print_request("TCP", address);
	printf(" >&3; head -n 1 <&3'\n\n");
}

/* s_client leaves when its input ends, whether or not the answer has come: so that waits a little. */
static void print_tls(const char *address)
{
	printf("SIP over TLS on %s, with a certificate made a moment ago, which nobody trusts:\n\n"
	       "  (printf ",
		address);
	print_request("TLS", address);
	printf("; sleep 1) | openssl s_client -quiet -no_ign_eof -connect %s 2>/dev/null | "
	       "head -n 1\n\n"
	       "Metrics: http://" HTTP "/metrics\n"
	       "Stop with Ctrl-C. A configuration to start from: sipweir --print-config\n",
		address);
}

void demo_print_what_to_try(void *owner, size_t listener, const char *address)
{
	(void)owner;
	if (listener == 0)
		print_tcp(address);
	else
		print_tls(address);
	fflush(stdout);
}
