/*
 * The accept thread of one listener: takes connections and hands each socket to its HTTP daemon. Over the limit, or out
 * of descriptors, a connection gets a prepared 503 and is closed; the thread never spins.
 */
#ifndef RK_SERVER_ACCEPT_H
#define RK_SERVER_ACCEPT_H

#include "server/canned.h"
#include "server/linger.h"
#include "server/listen.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

struct rk_acceptor_options {
	/* Takes the socket over and returns true, or leaves it alone and returns false: over the limit. */
	bool (*admit)(void *context, int socket, const struct sockaddr *peer, socklen_t peer_size);
	/* Told of each connection that got the 503. */
	void (*refused)(void *context);
	void *context;
	struct rk_linger *linger; /* takes refused sockets, so that the 503 arrives */
};

struct rk_acceptor {
	/* private */
	struct rk_acceptor_options options;
	struct rk_listen *listen;
	struct rk_canned refusal;
	int wake;  /* eventfd: rang when the thread shall end */
	int spare; /* descriptor kept for refusing when there are no others; -1: none */
	pthread_t thread;
	bool has_thread;
};

/* Starts the thread. A listener that is off needs none. */
RK_NODISCARD enum rk_status rk_acceptor_start(struct rk_acceptor *ret_acceptor, struct rk_listen *listen,
					      const struct rk_acceptor_options *options, struct rk_error *reterr);

/* Takes in what the kernel has already accepted, closes the listening socket, ends the thread. Twice is fine. */
void rk_acceptor_stop(struct rk_acceptor *acceptor);

#endif
