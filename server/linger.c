#include "server/linger.h"

#include "model/base/check.h"
#include "server/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 1500, LOOK_MS = 100, READS_A_ROUND = 16, READ_BYTES = 64 * 1024 };

static void lock(struct rk_linger *linger)
{
	RK_ASSERT(pthread_mutex_lock(&linger->lock) == 0);
}

static void unlock(struct rk_linger *linger)
{
	RK_ASSERT(pthread_mutex_unlock(&linger->lock) == 0);
}

/* Under the lock. */
static void close_at(struct rk_linger *linger, uint32_t at)
{
	/* a poll under way would keep a closed socket open for the client */
	(void)shutdown(linger->sockets[at].socket, SHUT_RDWR);
	(void)close(linger->sockets[at].socket);
	linger->n--;
	memmove(&linger->sockets[at], &linger->sockets[at + 1], (linger->n - at) * sizeof(linger->sockets[0]));
}

/* Reads some of what is there; false once the client has closed, or is lost. */
static bool discard(int socket)
{
	static char waste[READ_BYTES]; /* one thread reads */
	for (int i = 0; i < READS_A_ROUND; i++) {
		ssize_t n = recv(socket, waste, sizeof(waste), MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
	}
	return true;
}

/* Under the lock, which is held for reads that do not wait only. */
static void look(struct rk_linger *linger, uint64_t now_ns)
{
	for (uint32_t i = linger->n; i-- > 0;)
		if (linger->sockets[i].until_ns <= now_ns || !discard(linger->sockets[i].socket))
			close_at(linger, i);
}

/* Waits until there is something to read, or time has passed. */
static void wait(struct rk_linger *linger)
{
	struct pollfd polled[RK_LINGER_SOCKETS + 1] = {{.fd = linger->wake, .events = POLLIN}};
	lock(linger);
	uint32_t n = linger->n;
	for (uint32_t i = 0; i < n; i++)
		polled[i + 1] = (struct pollfd){.fd = linger->sockets[i].socket, .events = POLLIN};
	unlock(linger);
	(void)poll(polled, n + 1, n > 0 ? LOOK_MS : -1);
	uint64_t rings;
	if (polled[0].revents != 0)
		RK_ASSERT(read(linger->wake, &rings, sizeof(rings)) == (ssize_t)sizeof(rings) || errno == EAGAIN);
}

static void *run(void *context)
{
	struct rk_linger *linger = context;
	bool stopping = false;
	(void)pthread_setname_np(pthread_self(), "rk-linger");
	while (!stopping) {
		wait(linger);
		lock(linger);
		look(linger, rk_clock_ns());
		stopping = linger->stopping;
		unlock(linger);
	}
	return NULL;
}

static void ring(struct rk_linger *linger)
{
	uint64_t one = 1;
	RK_ASSERT(write(linger->wake, &one, sizeof(one)) == (ssize_t)sizeof(one) || errno == EAGAIN);
}

enum rk_status rk_linger_start(struct rk_linger *ret_linger, struct rk_error *reterr)
{
	*ret_linger = (struct rk_linger){0};
	RK_ASSERT(pthread_mutex_init(&ret_linger->lock, NULL) == 0);
	ret_linger->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ret_linger->wake < 0)
		return rk_error_set(reterr, RK_IO, "cannot make an eventfd: %s", strerror(errno));
	int error = pthread_create(&ret_linger->thread, NULL, run, ret_linger);
	if (error != 0) {
		(void)close(ret_linger->wake);
		return rk_error_set(reterr, RK_IO, "cannot start the lingering thread: %s", strerror(error));
	}
	ret_linger->has_thread = true;
	return RK_OK;
}

void rk_linger_stop(struct rk_linger *linger)
{
	if (!linger->has_thread)
		return;
	lock(linger);
	linger->stopping = true;
	unlock(linger);
	ring(linger);
	RK_ASSERT(pthread_join(linger->thread, NULL) == 0);
	linger->has_thread = false;
	while (rk_linger_drop_oldest(linger))
		;
	(void)close(linger->wake);
	(void)pthread_mutex_destroy(&linger->lock);
}

void rk_linger_add(struct rk_linger *linger, int socket)
{
	lock(linger);
	if (linger->n == RK_LINGER_SOCKETS)
		close_at(linger, 0);
	linger->sockets[linger->n].socket = socket;
	linger->sockets[linger->n++].until_ns = rk_clock_ns() + LINGER_MS * RK_NS_PER_MS;
	unlock(linger);
	ring(linger);
}

uint32_t rk_linger_count(struct rk_linger *linger)
{
	lock(linger);
	uint32_t n = linger->n;
	unlock(linger);
	return n;
}

bool rk_linger_drop_oldest(struct rk_linger *linger)
{
	lock(linger);
	bool has_one = linger->n > 0;
	if (has_one)
		close_at(linger, 0);
	unlock(linger);
	return has_one;
}
