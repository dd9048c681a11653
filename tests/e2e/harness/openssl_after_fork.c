/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * openssl_after_fork.c - what Kamailio 5.6 needs before it can speak TLS with OpenSSL 3: preloaded by the tests alone.
 *
 * Kamailio keeps OpenSSL's heap in memory that its processes share, and calls OpenSSL before it forks. So all of them inherit
 * one and the same error queue and random generator, which OpenSSL believes to be one thread's own, and corrupt it ("freeing
 * already freed pointer", "unsupported algorithm"). Later versions of Kamailio forget those pointers in each child
 * (tls_threads_mode = 2), and make OpenSSL's locks work between processes; this does the same.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

enum { KEYS = 256 };

static void forget_thread_locals(void)
{
	for (unsigned key = 0; key < KEYS; key++)
		if (pthread_getspecific(key))
			pthread_setspecific(key, NULL);
}

__attribute__((constructor)) static void begin(void)
{
	pthread_atfork(NULL, NULL, forget_thread_locals);
}

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *given)
{
	int (*real)(pthread_rwlock_t *, const pthread_rwlockattr_t *);
	pthread_rwlockattr_t attributes;
	(void)given;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_rwlock_init");
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	int result = real(lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return result;
}
