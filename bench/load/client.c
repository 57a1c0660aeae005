/*
 * The queue of waiting requests is a range of samples, [next_send, n_due): arrivals come in order and leave in order.
 * All have the same time-out, so the oldest unfinished one is the next to expire.
 *
 * The loop sleeps in epoll; a timerfd (not epoll's time-out, which the kernel may round up by its timer slack) ends the
 * sleep at the next arrival, expiry, retry or edge of the measured time.
 */
#include "bench/load/client_state.h"
#include "model/base/check.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH_EVENTS = 16, /* few, so that arrivals which fall due meanwhile do not wait for long */
	TIMER_EVENT = RK_LOAD_MAX_CONNECTIONS,
	CLOSED_LOOP_MAX_PER_S = 200 * 1000, /* room for samples */
};

static const uint64_t never_ns = UINT64_MAX;
static const uint64_t ns_per_s = 1000 * 1000 * 1000;

static uint64_t clock_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

uint64_t rk_load_client_now_ns(const struct rk_load_client *client)
{
	return clock_ns() - client->start_ns;
}

static uint64_t cpu_ns(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_THREAD, &usage);
	return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * ns_per_s +
	       ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

/* Descriptors: the connections, and some for the rest of the process. */
static enum rk_status raise_descriptor_limit(uint32_t n_connections, struct rk_error *reterr)
{
	const rlim_t needed = n_connections + 64;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return RK_OK;
	limit.rlim_cur = needed;
	if (limit.rlim_max < needed || setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return rk_error_set(reterr, RK_LIMIT, "%u connections: expected room for %lu open files, found %lu",
				    n_connections, (unsigned long)needed, (unsigned long)limit.rlim_max);
	return RK_OK;
}

static enum rk_status take_memory(struct rk_load_client *client, struct rk_error *reterr)
{
	const struct rk_load_plan *plan = &client->plan;
	const double span_s = (double)(plan->warmup_ns + plan->duration_ns) * 1e-9;
	const double most = span_s * CLOSED_LOOP_MAX_PER_S;
	client->capacity = most < RK_LOAD_MAX_REQUESTS ? (size_t)most + 1 : RK_LOAD_MAX_REQUESTS;
	if (plan->schedule != NULL)
		client->capacity = plan->schedule->n;
	enum rk_status status =
		rk_pages_open(&client->connection_pages, plan->n_connections * sizeof(client->connections[0]), reterr);
	if (status == RK_OK)
		status = rk_pages_open(&client->idle_pages, plan->n_connections * sizeof(client->idle[0]), reterr);
	if (status == RK_OK)
		status = rk_pages_open(&client->sample_pages, (client->capacity + 1) * sizeof(client->samples[0]),
				       reterr);
	if (status != RK_OK)
		return status;
	if (plan->schedule != NULL)
		rk_pages_touch(&client->sample_pages);
	client->connections = client->connection_pages.base;
	client->idle = client->idle_pages.base;
	client->samples = client->sample_pages.base;
	for (uint32_t i = 0; i < plan->n_connections; i++)
		client->connections[i].socket = -1;
	return RK_OK;
}

static enum rk_status open_all(struct rk_load_client *client, struct rk_error *reterr)
{
	enum rk_status status = raise_descriptor_limit(client->plan.n_connections, reterr);
	if (status == RK_OK)
		status = take_memory(client, reterr);
	if (status != RK_OK)
		return status;
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	client->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = TIMER_EVENT};
	if (client->epoll < 0 || client->timer < 0 ||
	    epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->timer, &event) != 0)
		return rk_error_set(reterr, RK_IO, "epoll and timer: %s", strerror(errno));
	for (uint32_t i = 0; status == RK_OK && i < client->plan.n_connections; i++)
		status = rk_load_connection_open(client, i, true, reterr);
	return status;
}

enum rk_status rk_load_client_open(struct rk_load_client **ret_client, const struct rk_load_plan *plan,
				   struct rk_error *reterr)
{
	RK_ASSERT(plan->n_connections > 0 && plan->n_connections <= RK_LOAD_MAX_CONNECTIONS && plan->pool->n > 0);
	struct rk_load_client *client = calloc(1, sizeof(*client));
	if (client == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "the client");
	client->plan = *plan;
	client->epoll = client->timer = -1;
	const enum rk_status status = open_all(client, reterr);
	if (status != RK_OK) {
		rk_load_client_close(client);
		return status;
	}
	*ret_client = client;
	return RK_OK;
}

void rk_load_client_close(struct rk_load_client *client)
{
	if (client == NULL)
		return;
	for (uint32_t i = 0; client->connections != NULL && i < client->plan.n_connections; i++)
		if (client->connections[i].socket >= 0)
			(void)close(client->connections[i].socket);
	if (client->epoll >= 0)
		(void)close(client->epoll);
	if (client->timer >= 0)
		(void)close(client->timer);
	rk_pages_close(&client->connection_pages);
	rk_pages_close(&client->idle_pages);
	rk_pages_close(&client->sample_pages);
	free(client);
}

static uint64_t end_ns(const struct rk_load_client *client)
{
	return client->plan.warmup_ns + client->plan.duration_ns;
}

static bool is_over(const struct rk_load_client *client, uint64_t now_ns)
{
	const struct rk_load_schedule *schedule = client->plan.schedule;
	const bool comes_more = schedule != NULL && client->n_due < schedule->n;
	return !comes_more && client->oldest == client->n_due && now_ns >= end_ns(client);
}

static void add_sample(struct rk_load_client *client, uint64_t intended_ns, uint64_t noticed_ns)
{
	client->samples[client->n_due++] = (struct rk_load_sample){
		.intended_ns = intended_ns, .noticed_ns = noticed_ns, .outcome = RK_LOAD_WAITING};
}

static void notice_arrivals(struct rk_load_client *client)
{
	const struct rk_load_schedule *schedule = client->plan.schedule;
	const uint64_t now_ns = rk_load_client_now_ns(client);
	while (schedule != NULL && client->n_due < schedule->n && schedule->arrivals_ns[client->n_due] <= now_ns)
		add_sample(client, schedule->arrivals_ns[client->n_due], now_ns);
}

/* The next request that is to go out; a closed loop makes one up. */
static bool has_next(struct rk_load_client *client)
{
	while (client->next_send < client->n_due && client->samples[client->next_send].outcome != RK_LOAD_WAITING)
		client->next_send++;
	if (client->next_send < client->n_due)
		return true;
	const uint64_t now_ns = rk_load_client_now_ns(client);
	return client->plan.schedule == NULL && now_ns < end_ns(client) && client->n_due < client->capacity;
}

static void dispatch(struct rk_load_client *client)
{
	uint32_t connection;
	while (has_next(client) && rk_load_connection_take_idle(client, &connection)) {
		if (client->next_send == client->n_due) {
			const uint64_t now_ns = rk_load_client_now_ns(client);
			add_sample(client, now_ns, now_ns);
		}
		rk_load_connection_start(client, connection, client->next_send++);
		/* sending takes microseconds, in which others fall due */
		notice_arrivals(client);
	}
}

static void expire(struct rk_load_client *client, uint64_t now_ns)
{
	for (; client->oldest < client->n_due; client->oldest++) {
		struct rk_load_sample *sample = &client->samples[client->oldest];
		const bool is_open = sample->outcome == RK_LOAD_WAITING || sample->outcome == RK_LOAD_IN_FLIGHT;
		if (is_open && sample->intended_ns + client->plan.timeout_ns > now_ns)
			return;
		if (sample->outcome == RK_LOAD_IN_FLIGHT) {
			rk_load_connection_drop(client, sample->connection, RK_LOAD_TIMEOUT);
		} else if (sample->outcome == RK_LOAD_WAITING) {
			sample->outcome = RK_LOAD_TIMEOUT;
			sample->done_ns = now_ns;
		}
	}
}

static void watch_edges(struct rk_load_client *client, uint64_t now_ns)
{
	if (!client->is_begun && now_ns >= client->plan.warmup_ns) {
		client->is_begun = true;
		client->at_begin = client->total;
		client->at_begin.cpu_ns = cpu_ns();
	}
	if (!client->is_ended && now_ns >= end_ns(client)) {
		client->is_ended = true;
		client->at_end = client->total;
		client->at_end.cpu_ns = cpu_ns();
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_wake_ns(const struct rk_load_client *client)
{
	uint64_t wake_ns = never_ns;
	const struct rk_load_schedule *schedule = client->plan.schedule;
	if (schedule != NULL && client->n_due < schedule->n)
		wake_ns = schedule->arrivals_ns[client->n_due];
	if (client->oldest < client->n_due)
		wake_ns = least(wake_ns, client->samples[client->oldest].intended_ns + client->plan.timeout_ns);
	if (client->n_down > 0)
		wake_ns = least(wake_ns, client->retry_ns);
	if (!client->is_begun)
		wake_ns = least(wake_ns, client->plan.warmup_ns);
	else if (!client->is_ended)
		wake_ns = least(wake_ns, end_ns(client));
	return wake_ns;
}

/* Waits for a socket or for `wake_ns`, whichever is first. */
static enum rk_status wait_events(struct rk_load_client *client, uint64_t wake_ns, struct rk_error *reterr)
{
	const bool spins = wake_ns <= rk_load_client_now_ns(client) + client->plan.spin_ns;
	if (!spins && wake_ns != client->timer_ns) {
		const uint64_t at_ns = client->start_ns + wake_ns;
		const struct itimerspec at = {
			.it_value = {.tv_sec = (time_t)(at_ns / ns_per_s), .tv_nsec = (long)(at_ns % ns_per_s)}};
		if (timerfd_settime(client->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
			return rk_error_set(reterr, RK_IO, "timerfd_settime: %s", strerror(errno));
		client->timer_ns = wake_ns;
	}
	struct epoll_event events[BATCH_EVENTS];
	const int n = epoll_wait(client->epoll, events, BATCH_EVENTS, spins ? 0 : -1);
	if (n < 0 && errno != EINTR)
		return rk_error_set(reterr, RK_IO, "epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 != TIMER_EVENT)
			rk_load_connection_handle(client, events[i].data.u32, events[i].events);
		else
			client->timer_ns = never_ns;
	}
	return RK_OK;
}

static struct rk_load_counters between(const struct rk_load_counters *begin, const struct rk_load_counters *end)
{
	return (struct rk_load_counters){
		.cpu_ns = end->cpu_ns - begin->cpu_ns,
		.sent_bytes = end->sent_bytes - begin->sent_bytes,
		.received_bytes = end->received_bytes - begin->received_bytes,
		.reconnects = end->reconnects - begin->reconnects,
		.connect_failures = end->connect_failures - begin->connect_failures,
	};
}

enum rk_status rk_load_client_run(struct rk_load_client *client, struct rk_load_run *ret_run, struct rk_error *reterr)
{
	RK_ASSERT(client->n_due == 0);
	/* where it shares the cores with the server it must not interrupt it more than requests from elsewhere would */
	(void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
	client->start_ns = clock_ns();
	client->timer_ns = never_ns;
	for (;;) {
		notice_arrivals(client);
		dispatch(client);
		const uint64_t now_ns = rk_load_client_now_ns(client);
		expire(client, now_ns);
		watch_edges(client, now_ns);
		if (is_over(client, now_ns))
			break;
		if (client->n_down > 0 && now_ns >= client->retry_ns)
			rk_load_connections_retry(client);
		if (client->n_idle > 0 && has_next(client))
			continue;
		const enum rk_status status = wait_events(client, next_wake_ns(client), reterr);
		if (status != RK_OK)
			return status;
	}
	*ret_run = (struct rk_load_run){
		.samples = client->samples,
		.n_samples = client->n_due,
		.warmup_ns = client->plan.warmup_ns,
		.duration_ns = client->plan.duration_ns,
		.counters = between(&client->at_begin, &client->at_end),
	};
	return RK_OK;
}
