/*
 * At most one question is open for each daemon: a daemon that does not answer is asked no second time, so that the one
 * place that it keeps beyond its limit on connections suffices.
 */
#include "server/watchdog.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RUNS_PER_BUDGET = 2 };

static bool ask(struct rk_http *http, int *ret_socket)
{
	static const char question[] = "GET /livez HTTP/1.1\r\nHost: watchdog\r\nConnection: close\r\n\r\n";
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	if (send(pair[0], question, sizeof(question) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(question) - 1) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		return false;
	}
	const struct sockaddr_un peer = {.sun_family = AF_UNIX};
	rk_http_admit_own(http, pair[1], (const struct sockaddr *)&peer, sizeof(peer.sun_family));
	*ret_socket = pair[0];
	return true;
}

/* Reads until the daemon closes; false if it has not by the instant. */
static bool hear(int *socket, uint64_t until_ns)
{
	char waste[1024];
	for (;;) {
		ssize_t n = recv(*socket, waste, sizeof(waste), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			(void)close(*socket);
			*socket = -1;
			return true;
		}
		uint64_t now_ns = rk_clock_ns();
		if (n < 0 && now_ns >= until_ns)
			return false;
		struct pollfd polled = {.fd = *socket, .events = POLLIN};
		if (n < 0)
			(void)poll(&polled, 1, (int)((until_ns - now_ns) / RK_NS_PER_MS + 1));
	}
}

static bool daemons_move(struct rk_watchdog *watchdog)
{
	struct rk_http *daemons[RK_WATCHDOG_DAEMONS] = {watchdog->server->data, watchdog->server->admin};
	uint64_t until_ns = rk_clock_ns() + watchdog->period_ns / 4;
	bool all_move = true;
	for (int i = 0; i < RK_WATCHDOG_DAEMONS; i++) {
		if (daemons[i] == NULL)
			continue;
		if (watchdog->asked[i] < 0 && !ask(daemons[i], &watchdog->asked[i]))
			continue; /* no descriptor is left: that is no standstill */
		if (!hear(&watchdog->asked[i], until_ns)) {
			all_move = false;
			rk_log_with(RK_LOG_ERROR, "standstill", "an I/O thread does not answer",
				    rk_log_text("port", i == 0 ? "data" : "admin"));
		}
	}
	return all_move;
}

static bool workers_move(struct rk_watchdog *watchdog)
{
	struct rk_server *server = watchdog->server;
	uint64_t most_ns = RUNS_PER_BUDGET * server->settings.budget_ms * RK_NS_PER_MS + watchdog->period_ns / 2;
	if (rk_queue_longest_run_ns(&server->queue, rk_clock_ns()) <= most_ns)
		return true;
	rk_log(RK_LOG_ERROR, "standstill", "a worker does not come to the end of a request");
	return false;
}

static void *run(void *context)
{
	struct rk_watchdog *watchdog = context;
	(void)pthread_setname_np(pthread_self(), "rk-watchdog");
	RK_ASSERT(pthread_mutex_lock(&watchdog->lock) == 0);
	while (!watchdog->stopping) {
		RK_ASSERT(pthread_mutex_unlock(&watchdog->lock) == 0);
		bool all_move = daemons_move(watchdog);
		all_move = workers_move(watchdog) && all_move;
		if (all_move)
			(void)rk_notify_send("WATCHDOG=1");
		uint64_t next_ns = rk_clock_ns() + watchdog->period_ns / 2;
		struct timespec next = {.tv_sec = (time_t)(next_ns / RK_NS_PER_S),
					.tv_nsec = (long)(next_ns % RK_NS_PER_S)};
		RK_ASSERT(pthread_mutex_lock(&watchdog->lock) == 0);
		int waited = 0;
		while (!watchdog->stopping && waited == 0)
			waited = pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &next);
	}
	RK_ASSERT(pthread_mutex_unlock(&watchdog->lock) == 0);
	return NULL;
}

enum rk_status rk_watchdog_start(struct rk_watchdog *ret_watchdog, struct rk_server *server, uint64_t period_ns,
				 struct rk_error *reterr)
{
	*ret_watchdog = (struct rk_watchdog){.server = server, .period_ns = period_ns, .asked = {-1, -1}};
	if (period_ns == 0)
		return RK_OK;
	pthread_condattr_t attributes;
	RK_ASSERT(pthread_condattr_init(&attributes) == 0);
	RK_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	RK_ASSERT(pthread_cond_init(&ret_watchdog->wake, &attributes) == 0);
	RK_ASSERT(pthread_mutex_init(&ret_watchdog->lock, NULL) == 0);
	(void)pthread_condattr_destroy(&attributes);
	int error = pthread_create(&ret_watchdog->thread, NULL, run, ret_watchdog);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start the watchdog: %s", strerror(error));
	ret_watchdog->has_thread = true;
	return RK_OK;
}

void rk_watchdog_stop(struct rk_watchdog *watchdog)
{
	if (!watchdog->has_thread)
		return;
	RK_ASSERT(pthread_mutex_lock(&watchdog->lock) == 0);
	watchdog->stopping = true;
	RK_ASSERT(pthread_cond_signal(&watchdog->wake) == 0);
	RK_ASSERT(pthread_mutex_unlock(&watchdog->lock) == 0);
	RK_ASSERT(pthread_join(watchdog->thread, NULL) == 0);
	watchdog->has_thread = false;
	for (int i = 0; i < RK_WATCHDOG_DAEMONS; i++)
		if (watchdog->asked[i] >= 0)
			(void)close(watchdog->asked[i]);
}
