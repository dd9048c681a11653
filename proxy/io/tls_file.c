/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- reading --- */

/* At start as at reload: as whoever the process has become. */
static void tell_forbidden(const char *name, const struct tls_option *o)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = getgrgid(getegid());
	conf_errors_add(o->errors, o->at, o->path,
		"user %s (%u) of group %s (%u) may not read \"%s\", expected a file that it may "
		"read, "
		"in folders that it may enter: chgrp %s FILE; chmod g+r FILE",
		user ? user->pw_name : "?", (unsigned)geteuid(), group ? group->gr_name : "?",
		(unsigned)getegid(), name, group ? group->gr_name : "GROUP");
}

static void tell_unreadable(const char *name, int error, const struct tls_option *o)
{
	if (error == EACCES || error == EPERM)
		tell_forbidden(name, o);
	else if (error == ENOENT || error == ENOTDIR)
		conf_errors_add(o->errors, o->at, o->path,
			"there is no file \"%s\", expected the path of one", name);
	else
		conf_errors_add(o->errors, o->at, o->path,
			"\"%s\" cannot be read: %s, expected a file", name, strerror(error));
}

static bool read_all(int fd, char *bytes, size_t size, size_t *length)
{
	ssize_t got;
	*length = 0;
	while (*length < size && (got = read(fd, bytes + *length, size - *length)) != 0) {
		if (got > 0)
			*length += (size_t)got;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* NULL, said, when it is none. */
static char *load(int fd, const char *name, size_t *length, const struct tls_option *o)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		conf_errors_add(o->errors, o->at, o->path,
			"\"%s\" is no file, expected a file in PEM format", name);
		return NULL;
	}
	if (st.st_size == 0 || st.st_size > TLS_FILE_MAX) {
		conf_errors_add(o->errors, o->at, o->path,
			"\"%s\" is %s, expected a file of up to 16 MB", name,
			st.st_size ? "too large" : "empty");
		return NULL;
	}
	char *bytes = malloc((size_t)st.st_size + 1);
	if (bytes && read_all(fd, bytes, (size_t)st.st_size, length))
		return bytes;
	tell_unreadable(name, bytes ? errno : ENOMEM, o);
	free(bytes);
	return NULL;
}

bool tls_file_read(struct tls_file *f, const char *name, const struct tls_option *option)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not stop us */
	*f = (struct tls_file){0};
	if (fd < 0) {
		tell_unreadable(name, errno, option);
		return false;
	}
	f->bytes = load(fd, name, &f->length, option);
	close(fd);
	if (!f->bytes)
		return false;
	f->bytes[f->length] = '\0';
	if (EVP_Digest(f->bytes, f->length, f->digest, NULL, EVP_sha256(), NULL) == 1)
		return true;
	tls_file_fini(f);
	tell_unreadable(name, ENOMEM, option);
	return false;
}

void tls_file_fini(struct tls_file *f)
{
	if (f->bytes)
		OPENSSL_cleanse(f->bytes, f->length);
	free(f->bytes);
	*f = (struct tls_file){0};
}

STACK_OF(X509) * tls_file_certificates(const struct tls_file *f, unsigned *bad)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(f->bytes, (int)f->length);
	X509 *one = NULL;
	ERR_clear_error();
	*bad = 0;
	while (all && bio && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!sk_X509_push(all, one))
			break;
	bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (all && bio && !one && is_end) {
		BIO_free(bio);
		ERR_clear_error();
		return all;
	}
	if (all && bio && !one)
		*bad = (unsigned)sk_X509_num(all) + 1;
	X509_free(one);
	BIO_free(bio);
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return NULL;
}

/* --- digests --- */

static void drop(struct tls_digest *d)
{
	EVP_MD_CTX_free(d->context);
	d->context = NULL;
}

void tls_digest_begin(struct tls_digest *d)
{
	d->context = EVP_MD_CTX_new();
	if (d->context && EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1)
		drop(d);
}

/* The length goes first, so that two parts are not taken for two others. */
void tls_digest_add(struct tls_digest *d, const void *bytes, size_t length)
{
	uint64_t size = length;
	if (d->context && (EVP_DigestUpdate(d->context, &size, sizeof(size)) != 1 ||
				  EVP_DigestUpdate(d->context, bytes, length) != 1))
		drop(d);
}

void tls_digest_add_text(struct tls_digest *d, const char *text)
{
	tls_digest_add(d, text, strlen(text));
}

bool tls_digest_end(struct tls_digest *d, uint8_t out[TLS_DIGEST])
{
	bool is_whole = d->context && EVP_DigestFinal_ex(d->context, out, NULL) == 1;
	drop(d);
	if (!is_whole)
		RAND_bytes(out, TLS_DIGEST);
	return is_whole;
}
