/* All that one serving process consists of, and the settings it goes by. Made by server/cmd_serve.c. */
#ifndef RK_SERVER_SERVER_H
#define RK_SERVER_SERVER_H

#include "server/accept.h"
#include "server/admin.h"
#include "server/http.h"
#include "server/lifecycle.h"
#include "server/metrics.h"
#include "server/queue.h"
#include "server/reaper.h"
#include "server/recorder.h"
#include "server/reload.h"
#include "server/settings.h"
#include "server/slot.h"
#include "server/watchdog.h"
#include "server/worker.h"

struct rk_server {
	struct rk_settings settings;
	struct rk_request_limits limits;
	enum rk_cpu_tier tier;
	atomic_size_t reply_bytes; /* what the largest reply of any loaded version needs */
	struct rk_life life;
	struct rk_metrics metrics;
	struct rk_recorder recorder;
	struct rk_listen listen_data, listen_admin;
	struct rk_linger linger;
	struct rk_acceptor accept_data, accept_admin;
	struct rk_http *data, *admin; /* admin is NULL when it is off */
	struct rk_reaper reaper;
	struct rk_admin models; /* what the admin port tells of the models */
	struct rk_reloader reloader;
	_Atomic(struct rk_registry *) registry; /* NULL until its names are known */
	/* from here on: valid once life.was_ready */
	struct rk_job_bench bench; /* the loader's way to rank */
	struct rk_slot_pool slots;
	struct rk_queue queue;
	struct rk_workers workers;
	struct rk_watchdog watchdog;
};

#endif
