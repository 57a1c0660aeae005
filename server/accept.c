#include "server/accept.h"

#include "model/base/check.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	BATCH = 64,    /* accepts between two looks at the wake descriptor */
	PAUSE_MS = 20, /* when the system has no memory or descriptors */
};

/* Any descriptor will do; this kind needs no file. */
static int open_spare(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static void refuse(struct rk_acceptor *acceptor, int socket)
{
	(void)rk_canned_send(&acceptor->refusal, socket);
	(void)shutdown(socket, SHUT_WR);
	acceptor->options.refused(acceptor->options.context);
}

/* No descriptor is left: the spare one makes room to take the connection and refuse it. */
static bool refuse_with_spare(struct rk_acceptor *acceptor)
{
	(void)rk_linger_drop_oldest(acceptor->options.linger);
	if (acceptor->spare < 0)
		acceptor->spare = open_spare();
	if (acceptor->spare < 0)
		return false;
	(void)close(acceptor->spare);
	int socket = accept4(acceptor->listen->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (socket >= 0) {
		refuse(acceptor, socket);
		(void)close(socket);
	}
	acceptor->spare = open_spare();
	return socket >= 0;
}

enum outcome { TOOK_ONE, NONE_LEFT, SHORT_OF_RESOURCES };

static enum outcome accept_one(struct rk_acceptor *acceptor)
{
	struct sockaddr_storage peer;
	socklen_t peer_size = sizeof(peer);
	int socket =
		accept4(acceptor->listen->socket, (struct sockaddr *)&peer, &peer_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (socket >= 0) {
		int on = 1;
		(void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not for Unix sockets */
		if (acceptor->options.admit(acceptor->options.context, socket, (struct sockaddr *)&peer, peer_size))
			return TOOK_ONE;
		refuse(acceptor, socket);
		rk_linger_add(acceptor->options.linger, socket);
		return TOOK_ONE;
	}
	switch (errno) {
	case EAGAIN:
		return NONE_LEFT;
	case EMFILE:
	case ENFILE:
		return refuse_with_spare(acceptor) ? TOOK_ONE : SHORT_OF_RESOURCES;
	case ENOBUFS:
	case ENOMEM:
		return SHORT_OF_RESOURCES;
	default: /* the connection died in the backlog, a signal, a network error that accept(2) passes on */
		return TOOK_ONE;
	}
}

/* Connections that begin from now on are dropped by the kernel as if the packet was lost, so that none can slip in
 * between the last accept and the close, where it would be reset. */
static void block_new_connections(const struct rk_listen *listen)
{
	struct sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog program = {.len = 1, .filter = drop_all};
	if (listen->kind == RK_ADDRESS_TCP)
		(void)setsockopt(listen->socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* What waits at an inherited socket waits for the next who listens there, and a filter would be in its way. */
static void sweep_and_close(struct rk_acceptor *acceptor)
{
	if (acceptor->listen->is_inherited) {
		rk_listen_close(acceptor->listen);
		return;
	}
	block_new_connections(acceptor->listen);
	while (accept_one(acceptor) == TOOK_ONE)
		;
	rk_listen_close(acceptor->listen);
}

static void *run(void *context)
{
	struct rk_acceptor *acceptor = context;
	bool is_short = false;
	(void)pthread_setname_np(pthread_self(), "rk-accept");
	for (;;) {
		/* short of something, the listening socket stays readable: do not look at it for a while */
		struct pollfd polled[] = {{.fd = acceptor->wake, .events = POLLIN},
					  {.fd = is_short ? -1 : acceptor->listen->socket, .events = POLLIN}};
		(void)poll(polled, 2, is_short ? PAUSE_MS : -1);
		if (polled[0].revents != 0)
			break;
		is_short = false;
		enum outcome outcome = TOOK_ONE;
		for (int i = 0; i < BATCH && outcome == TOOK_ONE; i++)
			outcome = accept_one(acceptor);
		is_short = outcome == SHORT_OF_RESOURCES;
	}
	sweep_and_close(acceptor);
	return NULL;
}

enum rk_status rk_acceptor_start(struct rk_acceptor *ret_acceptor, struct rk_listen *listen,
				 const struct rk_acceptor_options *options, struct rk_error *reterr)
{
	*ret_acceptor = (struct rk_acceptor){.options = *options, .listen = listen, .wake = -1, .spare = -1};
	if (listen->socket < 0)
		return RK_OK;
	rk_canned_write(&ret_acceptor->refusal, RK_PROBLEM_NOT_READY, "too many connections", RK_RETRY_AFTER_S);
	ret_acceptor->spare = open_spare();
	ret_acceptor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ret_acceptor->wake < 0)
		return rk_error_set(reterr, RK_IO, "cannot make an eventfd: %s", strerror(errno));
	int error = pthread_create(&ret_acceptor->thread, NULL, run, ret_acceptor);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start the accept thread: %s", strerror(error));
	ret_acceptor->has_thread = true;
	return RK_OK;
}

void rk_acceptor_stop(struct rk_acceptor *acceptor)
{
	if (!acceptor->has_thread)
		return;
	uint64_t one = 1;
	RK_ASSERT(write(acceptor->wake, &one, sizeof(one)) == (ssize_t)sizeof(one));
	RK_ASSERT(pthread_join(acceptor->thread, NULL) == 0);
	acceptor->has_thread = false;
	(void)close(acceptor->wake);
	if (acceptor->spare >= 0)
		(void)close(acceptor->spare);
}
