/*
 * The reloader: a thread of its own for loading models while the server serves, so that neither the admin port's thread
 * nor the signals wait for it. One order at a time. It also looks for newer versions of its own accord, if it is to,
 * and measures a while after each swap what the reload did to the latency.
 */
#ifndef RK_SERVER_RELOAD_H
#define RK_SERVER_RELOAD_H

#include "loader/registry.h"
#include "server/tail.h"

#include <pthread.h>
#include <stdatomic.h>

/* What came of an order. */
struct rk_reload_result {
	enum rk_status status;
	uint64_t previous, now; /* version numbers, when RK_OK */
	struct rk_error error;  /* otherwise */
};

struct rk_reloader_options {
	struct rk_registry *registry;
	struct rk_tail *tail; /* measures what a reload does to the latency; NULL: nobody wants to know */
	uint64_t watch_ns;    /* looks for newer versions this often; 0: only when told to */
};

struct rk_reloader {
	struct rk_reload_result result; /* from the order's done() to rk_reloader_finish */
	char name[65];                  /* of the order */
	/* private */
	struct rk_reloader_options options;
	uint64_t watched_ns; /* the last look at the folder */
	uint64_t number;
	void (*done)(void *context);
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool has_thread, stopping;
	bool is_taken;   /* from the order to rk_reloader_finish */
	bool is_ordered; /* not yet begun */
	bool is_scan_wanted;
	atomic_bool is_loading;
};

RK_NODISCARD enum rk_status rk_reloader_start(struct rk_reloader *ret_reloader,
					      const struct rk_reloader_options *options, struct rk_error *reterr);

/* Ends after the load that is under way; orders that were not begun are told RK_BUSY. Twice is fine. */
void rk_reloader_stop(struct rk_reloader *reloader);

/* Orders version `number` (0: the newest that loads) of `name`. False when another order is not finished. Otherwise
 * accept(context) is called at once, before the thread sees the order, and done(context) on the reloader's thread; then
 * the result is read, and rk_reloader_finish must follow. */
bool rk_reloader_order(struct rk_reloader *reloader, struct rk_bytes name, uint64_t number,
		       void (*accept)(void *context), void (*done)(void *context), void *context);
void rk_reloader_finish(struct rk_reloader *reloader);

/* Looks for versions newer than any tried so far, of every model, as soon as it can, and logs the outcome. */
void rk_reloader_scan(struct rk_reloader *reloader);

/* No look at the folder of its own accord any more: the server is about to end. */
void rk_reloader_stop_watching(struct rk_reloader *reloader);

bool rk_reloader_is_loading(const struct rk_reloader *reloader);

#endif
