/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/kernel.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 };

/* A line, without its end; text NULL: there is none. */
struct line {
	const char *text;
	size_t length;
};

/* The first line from `text` on that begins with these words; *behind is what follows it. */
static struct line find_line(const char *text, const char *words, const char **behind)
{
	while (*text) {
		const struct line l = {text, strcspn(text, "\n")};
		text += l.length + (text[l.length] == '\n');
		*behind = text;
		if (l.length > strlen(words) && !strncmp(l.text, words, strlen(words)))
			return l;
	}
	return (struct line){0};
}

/* The next word of the line, which is that much shorter then; text NULL at its end. */
static struct line take_word(struct line *l)
{
	while (l->length && *l->text == ' ') {
		l->text++;
		l->length--;
	}
	struct line word = {l->text, 0};
	while (word.length < l->length && word.text[word.length] != ' ')
		word.length++;
	l->text += word.length;
	l->length -= word.length;
	return word.length ? word : (struct line){0};
}

static bool is_word(const struct line *word, const char *name)
{
	return word->text && word->length == strlen(name) &&
	       !strncmp(word->text, name, word->length);
}

/* False for anything but digits, and for more of them than there can be. */
static bool read_number(const struct line *word, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; word->text && i < word->length; i++) {
		char c = word->text[i];
		if (c < '0' || c > '9' || *value > UINT64_MAX / 10 - 1)
			return false;
		*value = *value * 10 + (uint64_t)(c - '0');
	}
	return word->text;
}

/* netstat: a line of names, and one of numbers in the same order. */
static bool find_in_columns(const char *text, const char *name, uint64_t *value)
{
	const char *behind = text;
	struct line names = find_line(text, "TcpExt: ", &behind);
	struct line numbers = find_line(behind, "TcpExt: ", &behind);
	for (;;) {
		struct line word = take_word(&names), number = take_word(&numbers);
		if (!word.text || !number.text)
			return false;
		if (is_word(&word, name))
			return read_number(&number, value);
	}
}

/* sockstat: each name before its number. */
static bool find_in_pairs(const char *text, const char *words, const char *name, uint64_t *value)
{
	struct line l = find_line(text, words, &text);
	struct line word = take_word(&l);
	while (word.text) {
		bool is_it = is_word(&word, name);
		word = take_word(&l);
		if (is_it)
			return read_number(&word, value);
	}
	return false;
}

static struct inspect_list one(struct kernel *k, enum kernel_count which, bool is_known)
{
	return (struct inspect_list){&k->counts[which], is_known};
}

static void read_sockets(struct kernel *k, const char *sockstat, const char *sockstat6)
{
	static const char *const states[] = {"inuse", "orphan", "tw", "alloc"};
	uint64_t inuse6;
	bool is_known = true;
	for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct inspect_count *c = &k->counts[KERNEL_INUSE + i];
		c->labels[0] = states[i];
		is_known &= find_in_pairs(sockstat, "TCP: ", states[i], &c->value);
	}
	/* The others are of both families as they are. */
	if (find_in_pairs(sockstat6, "TCP6: ", "inuse", &inuse6))
		k->counts[KERNEL_INUSE].value += inuse6;
	k->sockets = (struct inspect_list){&k->counts[KERNEL_INUSE], is_known ? 4 : 0};
}

void kernel_read(struct kernel *k, const char *netstat, const char *sockstat, const char *sockstat6)
{
	struct inspect_count *c = k->counts;
	*k = (struct kernel){0};
	k->listen_overflows = one(k, KERNEL_LISTEN_OVERFLOWS,
		find_in_columns(netstat, "ListenOverflows", &c[KERNEL_LISTEN_OVERFLOWS].value));
	k->listen_drops = one(k, KERNEL_LISTEN_DROPS,
		find_in_columns(netstat, "ListenDrops", &c[KERNEL_LISTEN_DROPS].value));
	k->mem_pages = one(k, KERNEL_MEM_PAGES,
		find_in_pairs(sockstat, "TCP: ", "mem", &c[KERNEL_MEM_PAGES].value));
	read_sockets(k, sockstat, sockstat6);
}

/* What does not fit is cut, and then not understood. */
static void read_file(char text[FILE_MAX], const char *path)
{
	size_t length = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && got > 0 && length < FILE_MAX - 1) {
		got = read(fd, text + length, FILE_MAX - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	}
	text[length] = '\0';
	if (fd >= 0)
		close(fd);
}

void kernel_look(struct kernel *k)
{
	char netstat[FILE_MAX], sockstat[FILE_MAX], sockstat6[FILE_MAX];
	read_file(netstat, "/proc/net/netstat");
	read_file(sockstat, "/proc/net/sockstat");
	read_file(sockstat6, "/proc/net/sockstat6");
	kernel_read(k, netstat, sockstat, sockstat6);
}
