#include "server/reaper.h"

#include "model/base/check.h"
#include "server/clock.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
	PERIOD_MS = 100,
	REST = 20, /* of the time, at most one part in REST is spent looking */
	ENDS_IN_A_ROW = 16,
};

void rk_reaper_init(struct rk_reaper *ret_reaper, const struct rk_reaper_options *options)
{
	*ret_reaper = (struct rk_reaper){.options = *options};
	rk_canned_write(&ret_reaper->timeout, RK_PROBLEM_REQUEST_TIMEOUT, "the request did not arrive in time", 0);
	pthread_condattr_t attributes;
	RK_ASSERT(pthread_condattr_init(&attributes) == 0);
	RK_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	RK_ASSERT(pthread_cond_init(&ret_reaper->wake, &attributes) == 0);
	RK_ASSERT(pthread_mutex_init(&ret_reaper->lock, NULL) == 0);
	(void)pthread_condattr_destroy(&attributes);
}

void rk_reaper_watch(struct rk_reaper *reaper, struct rk_connection *connections, uint32_t n)
{
	RK_ASSERT(reaper->n_pools < sizeof(reaper->pools) / sizeof(reaper->pools[0]) && !reaper->has_thread);
	reaper->pools[reaper->n_pools].connections = connections;
	reaper->pools[reaper->n_pools++].n = n;
}

/* Bytes that the kernel has ever received on this socket; 0 where it does not say. */
static uint64_t received_bytes(int socket)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);
	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
	    size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		return 0;
	return info.tcpi_bytes_received;
}

/* Whether bytes that came while the connection seemed idle, so a part of a request line, are older than the limit. */
static bool line_is_late(const struct rk_reaper *reaper, struct rk_connection *connection, uint64_t clock,
			 uint64_t now_ns)
{
	uint64_t bytes = received_bytes(connection->socket);
	if (connection->seen_clock != clock) {
		connection->seen_clock = clock;
		connection->seen_bytes = clock == connection->opened_clock ? 0 : bytes;
		connection->grown_ns = 0;
	}
	if (connection->grown_ns == 0 && bytes > connection->seen_bytes)
		connection->grown_ns = now_ns;
	return connection->grown_ns != 0 && now_ns - connection->grown_ns > reaper->options.request_timeout_ns;
}

/* Whether the peer has yet to take a part of the last answer: all of it may have found room in the kernel. */
static bool has_unread_answer(const struct rk_connection *connection)
{
	int n_unread = 0;
	return ioctl(connection->socket, SIOCOUTQ, &n_unread) == 0 && n_unread > 0;
}

static bool is_late(const struct rk_reaper *reaper, struct rk_connection *connection, uint64_t clock, uint64_t now_ns)
{
	uint64_t since_ns = clock >> RK_CONNECTION_PHASE_BITS;
	uint64_t age_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	switch ((enum rk_connection_phase)(clock & RK_CONNECTION_PHASE_MASK)) {
	case RK_CONNECTION_IDLE:
		return line_is_late(reaper, connection, clock, now_ns) ||
		       (connection->grown_ns == 0 && age_ns > reaper->options.idle_timeout_ns) ||
		       (age_ns > reaper->options.request_timeout_ns && has_unread_answer(connection));
	case RK_CONNECTION_ARRIVING:
	case RK_CONNECTION_SENDING:
		return rk_connection_is_late(clock, reaper->options.request_timeout_ns, now_ns);
	case RK_CONNECTION_WORKING:
	case RK_CONNECTION_REAPED:
		break;
	}
	return false;
}

/* Whether the peer has closed and everything that it sent has been read, at two looks without any progress between. */
static bool peer_is_gone(struct rk_connection *connection, uint64_t clock)
{
	enum rk_connection_phase phase = (enum rk_connection_phase)(clock & RK_CONNECTION_PHASE_MASK);
	if (phase != RK_CONNECTION_IDLE && phase != RK_CONNECTION_ARRIVING)
		return false; /* one that has asked may close its side and wait for the answer */
	struct pollfd polled = {.fd = connection->socket, .events = POLLRDHUP};
	int n_unread = 0;
	if (poll(&polled, 1, 0) != 1 || ioctl(connection->socket, FIONREAD, &n_unread) != 0 || n_unread > 0)
		return false;
	bool is_second = connection->gone_clock == clock;
	connection->gone_clock = clock;
	return is_second;
}

static void end_late(struct rk_reaper *reaper, struct rk_connection *connection, uint64_t clock)
{
	enum rk_connection_phase phase = (enum rk_connection_phase)(clock & RK_CONNECTION_PHASE_MASK);
	bool is_answer = phase == RK_CONNECTION_SENDING || has_unread_answer(connection);
	bool is_request = phase == RK_CONNECTION_ARRIVING || (phase == RK_CONNECTION_IDLE && connection->grown_ns != 0);
	if (is_answer) {
		/* reset: else the kernel would keep what nobody reads for minutes after the close */
		const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
		(void)setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	} else if (is_request) {
		bool is_sent = rk_canned_send(&reaper->timeout, connection->socket);
		atomic_store_explicit(&connection->timed_out, is_sent, memory_order_release);
	}
	(void)shutdown(connection->socket, SHUT_RDWR);
	if ((is_request || is_answer) && reaper->options.reaped != NULL)
		reaper->options.reaped(reaper->options.context);
}

bool rk_reaper_look(struct rk_reaper *reaper, struct rk_connection *connection, uint64_t now_ns)
{
	bool has_ended = false;
	RK_ASSERT(pthread_mutex_lock(&connection->lock) == 0);
	if (connection->socket >= 0) {
		uint64_t clock = atomic_load_explicit(&connection->clock, memory_order_acquire);
		if (is_late(reaper, connection, clock, now_ns)) {
			has_ended = rk_connection_reap(connection, clock, now_ns);
			if (has_ended)
				end_late(reaper, connection, clock);
		} else if (peer_is_gone(connection, clock)) {
			has_ended = rk_connection_reap(connection, clock, now_ns);
			if (has_ended)
				(void)shutdown(connection->socket, SHUT_RDWR);
		}
	}
	RK_ASSERT(pthread_mutex_unlock(&connection->lock) == 0);
	return has_ended;
}

/* Returns how many were ended. */
static uint32_t look_at_all(struct rk_reaper *reaper)
{
	uint32_t n_ended = 0;
	for (uint32_t pool = 0; pool < reaper->n_pools; pool++)
		for (uint32_t i = 0; i < reaper->pools[pool].n; i++) {
			if (!rk_reaper_look(reaper, &reaper->pools[pool].connections[i], rk_clock_ns()))
				continue;
			if (++n_ended % ENDS_IN_A_ROW == 0) /* the I/O thread has to close each, beside its requests */
				(void)nanosleep(&(struct timespec){.tv_nsec = RK_NS_PER_MS}, NULL);
		}
	return n_ended;
}

static void *run(void *context)
{
	struct rk_reaper *reaper = context;
	uint64_t pause_ns = PERIOD_MS * RK_NS_PER_MS;
	(void)pthread_setname_np(pthread_self(), "rk-reaper");
	RK_ASSERT(pthread_mutex_lock(&reaper->lock) == 0);
	while (!reaper->stopping) {
		uint64_t next_ns = rk_clock_ns() + pause_ns;
		struct timespec next = {.tv_sec = (time_t)(next_ns / RK_NS_PER_S),
					.tv_nsec = (long)(next_ns % RK_NS_PER_S)};
		(void)pthread_cond_timedwait(&reaper->wake, &reaper->lock, &next);
		RK_ASSERT(pthread_mutex_unlock(&reaper->lock) == 0);
		uint64_t start_ns = rk_clock_ns();
		uint32_t n_ended = look_at_all(reaper);
		/* ending takes longer than looking, and the next may be due */
		uint64_t rest_ns = n_ended > 0 ? 0 : REST * (rk_clock_ns() - start_ns);
		pause_ns = rest_ns > PERIOD_MS * RK_NS_PER_MS ? rest_ns : PERIOD_MS * RK_NS_PER_MS;
		RK_ASSERT(pthread_mutex_lock(&reaper->lock) == 0);
	}
	RK_ASSERT(pthread_mutex_unlock(&reaper->lock) == 0);
	return NULL;
}

enum rk_status rk_reaper_start(struct rk_reaper *reaper, struct rk_error *reterr)
{
	int error = pthread_create(&reaper->thread, NULL, run, reaper);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start the reaper: %s", strerror(error));
	reaper->has_thread = true;
	return RK_OK;
}

void rk_reaper_stop(struct rk_reaper *reaper)
{
	if (!reaper->has_thread)
		return;
	RK_ASSERT(pthread_mutex_lock(&reaper->lock) == 0);
	reaper->stopping = true;
	RK_ASSERT(pthread_cond_signal(&reaper->wake) == 0);
	RK_ASSERT(pthread_mutex_unlock(&reaper->lock) == 0);
	RK_ASSERT(pthread_join(reaper->thread, NULL) == 0);
	reaper->has_thread = false;
}
