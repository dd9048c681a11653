/* SPDX-License-Identifier: BSD-2-Clause */
/* manual.c - writes sipweir.conf(5) from the option table, so that the manual cannot say what the program does not do. */
#include "conf/option.h"

#include <stdio.h>

static const char head[] =
	".TH SIPWEIR.CONF 5 \"\" \"sipweir " SIPWEIR_VERSION "\"\n"
	".SH NAME\n"
	"sipweir.conf \\- configuration of sipweir\n"
	".SH DESCRIPTION\n"
	"One file in libconfig syntax, by default\n"
	".IR /etc/sipweir/sipweir.conf .\n"
	"Durations are strings with a unit (\"500ms\", \"30s\", \"5m\", \"1h\", \"1d\"), sizes too "
	"(\"16000\", \"64K\", \"1M\"),\n"
	"rates are \"20/s\", \"600/10m\" or \"20/s burst 60\".\n"
	"Unknown names, wrong types, values out of range, duplicates and references to what does "
	"not exist are errors;\n"
	".B sipweir \\-\\-check\n"
	"tells all of them, each with its line and cure.\n"
	"A reload (SIGHUP) brings changes into effect, without closing a connection, or refuses "
	"the "
	"whole file and changes nothing;\n"
	"the few options that only a restart changes are marked so.\n";

static const char tail[] =
	".SH EXAMPLE\n"
	".nf\n"
	"listeners = (\n"
	"  { name = \"nlb\\-sip\"; address = \"0.0.0.0:5060\"; proxy_protocol = \"require\";\n"
	"    trusted = [ \"10.0.0.0/16\" ]; pool = \"kamailio\"; }\n"
	");\n"
	"limits: { connections = 64; };\n"
	"pools = (\n"
	"  { name = \"kamailio\"; proxy_protocol = \"v2\";\n"
	"    servers = ( { name = \"k1\"; address = \"10.0.1.10:5060\"; } ); }\n"
	");\n"
	".fi\n"
	".SH SEE ALSO\n"
	".BR sipweir (8)\n";

/* roff reads a minus as a hyphen, a backslash as an escape, and a dot or an apostrophe at the start of a line as a request. */
static void print_escaped(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void print_option(const char *path, const struct conf_option *o)
{
	char expected[CONF_EXPECTED_MAX];
	fputs(".TP\n.B ", stdout);
	print_escaped(path);
	print_escaped(o->name);
	fputs("\n", stdout);
	print_escaped(o->help);
	fputs("\n.br\n", stdout);
	print_escaped(o->default_text ? "Takes " : "Must be given: ");
	print_escaped(conf_option_expected(o, expected));
	if (o->is_inherited) {
		fputs("; inherited unless given", stdout);
	} else if (o->default_text && *o->default_text) {
		fputs("; default ", stdout);
		print_escaped(o->default_text);
	}
	fputs(o->effect == CONF_EFFECT_RESTART ? ". Changed by a restart alone.\n" : ".\n", stdout);
}

static void print_scope(const char *path, const struct conf_scope *scope)
{
	for (size_t i = 0; i < scope->option_count; i++)
		print_option(path, &scope->options[i]);
	for (size_t i = 0; i < scope->section_count; i++) {
		const struct conf_section *s = &scope->sections[i];
		char group[120], inner[128];
		snprintf(group, sizeof(group), "%s%s%s", path, s->name,
			s->kind == CONF_KIND_GROUPS ? "[]" : "");
		snprintf(inner, sizeof(inner), "%s.", group);
		fputs(*path ? ".SS " : ".SH ", stdout);
		print_escaped(group);
		fputs("\n", stdout);
		print_escaped(s->help);
		fputs("\n", stdout);
		print_scope(inner, conf_scope_get(s->scope));
	}
}

int main(void)
{
	fputs(head, stdout);
	fputs(".SH OPTIONS\n", stdout);
	print_scope("", conf_scope_get(CONF_SCOPE_GLOBAL));
	fputs(tail, stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
