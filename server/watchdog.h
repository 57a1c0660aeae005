/*
 * The sign of life that systemd's watchdog asks for: twice a period, if the threads that serve still move. Each HTTP
 * daemon is asked GET /livez over a socket pair, outside the limit on connections; no worker may have been at one
 * request for longer than its budget allows.
 */
#ifndef RK_SERVER_WATCHDOG_H
#define RK_SERVER_WATCHDOG_H

#include "model/base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct rk_server;

enum { RK_WATCHDOG_DAEMONS = 2 };

struct rk_watchdog {
	/* private */
	struct rk_server *server;
	uint64_t period_ns;
	int asked[RK_WATCHDOG_DAEMONS]; /* our end of the pair; -1: no question is open */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool has_thread, stopping;
};

/* Starts the thread if systemd wants a sign of life within `period_ns`; 0: it does not. The server must be ready. */
RK_NODISCARD enum rk_status rk_watchdog_start(struct rk_watchdog *ret_watchdog, struct rk_server *server,
					      uint64_t period_ns, struct rk_error *reterr);

/* While the daemons still run. Twice is fine, and so is a zeroed struct. */
void rk_watchdog_stop(struct rk_watchdog *watchdog);

#endif
