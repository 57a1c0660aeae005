/*
 * The reaper: ends connections whose request drips in, or whose answer drips out, for longer than request_timeout. The
 * HTTP library's own time-out sees inactivity only, so that one byte a second would hold a connection for ever; and it
 * takes an answer for sent when the kernel has it, though nobody may read it. Connections without a request end after
 * idle_timeout.
 *
 * A request that is late gets a prepared 408; an answer that is late just ends. A request line that has begun but not
 * ended is not shown by the library: there the kernel's count of received bytes tells (TCP only; elsewhere
 * idle_timeout bounds it).
 *
 * It also ends connections whose peer has closed in the middle of a request: the library misses an end that comes in
 * the same event as the last bytes, and would hold the request's slot until the time-out.
 */
#ifndef RK_SERVER_REAPER_H
#define RK_SERVER_REAPER_H

#include "model/base/status.h"
#include "server/canned.h"
#include "server/connection.h"

struct rk_reaper_options {
	uint64_t request_timeout_ns, idle_timeout_ns;
	void (*reaped)(void *context); /* told of each; may be NULL */
	void *context;
};

struct rk_reaper {
	struct rk_reaper_options options;
	/* private */
	struct rk_canned timeout;
	struct {
		struct rk_connection *connections;
		uint32_t n;
	} pools[2];
	uint32_t n_pools;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool has_thread, stopping;
};

void rk_reaper_init(struct rk_reaper *ret_reaper, const struct rk_reaper_options *options);

/* Adds connections to watch, before the start. */
void rk_reaper_watch(struct rk_reaper *reaper, struct rk_connection *connections, uint32_t n);

RK_NODISCARD enum rk_status rk_reaper_start(struct rk_reaper *reaper, struct rk_error *reterr);
void rk_reaper_stop(struct rk_reaper *reaper);

/* One look at one connection. Returns whether it ended it. */
bool rk_reaper_look(struct rk_reaper *reaper, struct rk_connection *connection, uint64_t now_ns);

#endif
