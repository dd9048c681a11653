/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers shake hands while the main thread prepares the next setups and releases the ones before. For ThreadSanitizer. */
#include "tests/unit/io_tls_pair.h"
#include "tests/unit/io_tls_place.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RELOADS = 12 };

#define ALL                                                                                   \
	"certificates = ( { certificate = \"@/a.pem\"; }, { certificate = \"@/b.pem\"; } ); " \
	"client_ca = \"@/ca.pem\"; verify_client = \"require\";"

static struct io_place place;
static struct io_identity a, b, c, ca, phone;

struct lane {
	pthread_t thread;
	unsigned index;
	_Atomic(struct tls_setup *) next; /* to be taken between two turns */
	atomic_uint taken;		  /* how many were */
	atomic_bool is_over;
	unsigned calls;
};

static SSL_CTX *new_client(void)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_use_certificate(client, phone.certificate);
	SSL_CTX_use_PrivateKey(client, phone.key);
	return client;
}

/* Asserts are the main thread's: here a failure shows in the count. */
static bool call(struct tls *tls, const struct tls_setup *s, const struct lane *l, SSL_CTX *client)
{
	char name[] = "b.example.com";
	struct io_pair p;
	io_pair_accept(&p, tls, tls_setup_accept(s, l->index), client, 0);
	if (l->calls % 2)
		SSL_set_tlsext_host_name(p.peer.ssl, name);
	io_pair_run(&p);
	bool is_up = p.is_up && p.peer.is_up;
	io_pair_end(&p);
	return is_up;
}

static void *work(void *argument)
{
	struct lane *l = argument;
	struct tls *tls = malloc(sizeof(*tls));
	SSL_CTX *client = new_client();
	struct tls_setup *setup = NULL;
	tls_init(tls, 4);
	while (!atomic_load(&l->is_over)) {
		struct tls_setup *next = atomic_exchange(&l->next, NULL);
		if (next) {
			setup = next;
			atomic_fetch_add(&l->taken, 1);
		}
		if (setup)
			l->calls += call(tls, setup, l, client);
	}
	SSL_CTX_free(client);
	tls_fini(tls);
	free(tls);
	return NULL;
}

static void publish(struct lane *lanes, struct tls_setup *s, unsigned generation)
{
	for (unsigned i = 0; i < IO_PLACE_WORKERS; i++)
		atomic_store(&lanes[i].next, s);
	for (unsigned i = 0; i < IO_PLACE_WORKERS; i++)
		while (atomic_load(&lanes[i].taken) < generation)
			sched_yield();
}

static void setups_may_be_swapped_under_handshakes(void **state)
{
	static struct lane lanes[IO_PLACE_WORKERS];
	(void)state;
	struct tls_setup *s = io_place_listener(&place, ALL, NULL);
	assert_non_null(s);
	for (unsigned i = 0; i < IO_PLACE_WORKERS; i++) {
		lanes[i].index = i;
		assert_int_equal(pthread_create(&lanes[i].thread, NULL, work, &lanes[i]), 0);
	}
	publish(lanes, s, 1);
	for (unsigned i = 0; i < RELOADS; i++) {
		io_place_identity(&place, "b.pem", i % 2 ? &b : &c, 3, NULL);
		struct tls_setup *next = io_place_listener(&place, ALL, s);
		assert_ptr_not_equal(next, s);
		publish(lanes, next, i + 2);
		tls_setup_release(place.world, s);
		s = next;
	}
	for (unsigned i = 0; i < IO_PLACE_WORKERS; i++)
		atomic_store(&lanes[i].is_over, true);
	for (unsigned i = 0; i < IO_PLACE_WORKERS; i++) {
		pthread_join(lanes[i].thread, NULL);
		assert_true(lanes[i].calls > 0);
	}
	tls_setup_release(place.world, s);
}

static int begin(void **state)
{
	(void)state;
	io_place_begin(&place);
	ca = io_identity_new(&(struct io_identity_plan){.name = "CA", .is_ca = true});
	a = io_identity_new(&(struct io_identity_plan){.name = "a"});
	b = io_identity_new(
		&(struct io_identity_plan){.name = "b", .alternatives = "DNS:b.example.com"});
	c = io_identity_new(
		&(struct io_identity_plan){.name = "c", .alternatives = "DNS:b.example.com"});
	phone = io_identity_new(&(struct io_identity_plan){.name = "p", .issuer = &ca});
	io_place_identity(&place, "a.pem", &a, 3, NULL);
	io_place_identity(&place, "b.pem", &b, 3, NULL);
	io_place_identity(&place, "ca.pem", &ca, IO_WITH_CERTIFICATE, NULL);
	return 0;
}

static int end(void **state)
{
	struct io_identity *all[] = {&a, &b, &c, &ca, &phone};
	(void)state;
	for (size_t i = 0; i < 5; i++)
		io_identity_free(all[i]);
	io_place_end(&place);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setups_may_be_swapped_under_handshakes),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
