/*
 * Sockets that have had their last answer, but whose client may still be sending: closing them at once would make the
 * kernel reset the connection and destroy the answer on its way. A thread reads and throws away what comes, until the
 * client closes or its time is up.
 */
#ifndef RK_SERVER_LINGER_H
#define RK_SERVER_LINGER_H

#include "model/base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { RK_LINGER_SOCKETS = 64 };

struct rk_linger {
	/* private */
	pthread_mutex_t lock;
	struct {
		int socket;
		uint64_t until_ns;
	} sockets[RK_LINGER_SOCKETS]; /* oldest first */
	uint32_t n;
	int wake; /* eventfd: rang when a socket came, or the thread shall end */
	bool stopping, has_thread;
	pthread_t thread;
};

RK_NODISCARD enum rk_status rk_linger_start(struct rk_linger *ret_linger, struct rk_error *reterr);

/* Closes what is left. Twice is fine. */
void rk_linger_stop(struct rk_linger *linger);

/* Takes the socket over. When there are too many, the oldest is closed. */
void rk_linger_add(struct rk_linger *linger, int socket);

/* Sockets that linger now. */
uint32_t rk_linger_count(struct rk_linger *linger);

/* Closes the oldest, to free a descriptor; false: there is none. */
bool rk_linger_drop_oldest(struct rk_linger *linger);

#endif
