#include "server/reload.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/stack.h"

#include <string.h>

static void lock(struct rk_reloader *reloader)
{
	RK_ASSERT(pthread_mutex_lock(&reloader->lock) == 0);
}

static void unlock(struct rk_reloader *reloader)
{
	RK_ASSERT(pthread_mutex_unlock(&reloader->lock) == 0);
}

/* What the thread does next. */
enum task { NOTHING, ORDER, SCAN, WATCH, MEASURE };

/* Each version that is tried is logged by the registry's notify. */
static void scan(struct rk_registry *registry)
{
	struct rk_error error = {0};
	(void)rk_notify_send_reloading();
	if (rk_registry_refresh(registry, &error) == RK_OK)
		rk_log(RK_LOG_INFO, "scan", "looked for newer versions");
	else
		rk_log(RK_LOG_ERROR, "scan", error.message);
	(void)rk_notify_send("READY=1");
}

/* Says nothing of its own: it looks again and again. */
static void take_news(struct rk_registry *registry)
{
	struct rk_error error = {0};
	if (rk_registry_take_news(registry, &error) == RK_OK)
		rk_log(RK_LOG_INFO, "watch", "took what is newer");
	else
		rk_log(RK_LOG_ERROR, "watch", error.message);
}

static void carry_out(struct rk_reloader *reloader)
{
	struct rk_reload_result *result = &reloader->result;
	*result = (struct rk_reload_result){0};
	result->status = rk_registry_reload(reloader->options.registry, reloader->name, reloader->number,
					    &result->previous, &result->now, &result->error);
	reloader->done(reloader->context);
}

static void measure(struct rk_tail *tail)
{
	if (rk_tail_measure(tail, rk_clock_ns()))
		rk_log_with(RK_LOG_INFO, "reload_measured", NULL, rk_log_real("p99_delta_s", rk_tail_delta_s(tail)));
}

/* Without the lock. */
static void do_task(struct rk_reloader *reloader, enum task task)
{
	struct rk_tail *tail = reloader->options.tail;
	if (task == MEASURE) {
		measure(tail);
		return;
	}
	if (task == WATCH) {
		reloader->watched_ns = rk_clock_ns();
		if (!rk_registry_look_for_news(reloader->options.registry))
			return;
	}
	if (tail != NULL)
		rk_tail_begin(tail, rk_clock_ns());
	atomic_store(&reloader->is_loading, true);
	if (task == ORDER)
		carry_out(reloader);
	else if (task == SCAN)
		scan(reloader->options.registry);
	else
		take_news(reloader->options.registry);
	atomic_store(&reloader->is_loading, false);
	if (tail != NULL)
		rk_tail_ended(tail);
}

/* Under the lock. */
static enum task take_task(struct rk_reloader *reloader, uint64_t now_ns)
{
	const struct rk_reloader_options *options = &reloader->options;
	if (reloader->is_ordered) {
		reloader->is_ordered = false;
		return ORDER;
	}
	if (reloader->is_scan_wanted) {
		reloader->is_scan_wanted = false;
		return SCAN;
	}
	if (options->tail != NULL && now_ns >= rk_tail_due_ns(options->tail))
		return MEASURE;
	return options->watch_ns > 0 && now_ns >= reloader->watched_ns + options->watch_ns ? WATCH : NOTHING;
}

/* Under the lock, which is given up meanwhile: until something is ordered or falls due. */
static void wait(struct rk_reloader *reloader)
{
	const struct rk_reloader_options *options = &reloader->options;
	uint64_t due_ns = options->tail == NULL ? UINT64_MAX : rk_tail_due_ns(options->tail);
	if (options->watch_ns > 0 && reloader->watched_ns + options->watch_ns < due_ns)
		due_ns = reloader->watched_ns + options->watch_ns;
	if (due_ns == UINT64_MAX) {
		RK_ASSERT(pthread_cond_wait(&reloader->wake, &reloader->lock) == 0);
		return;
	}
	struct timespec due = {.tv_sec = (time_t)(due_ns / RK_NS_PER_S), .tv_nsec = (long)(due_ns % RK_NS_PER_S)};
	(void)pthread_cond_timedwait(&reloader->wake, &reloader->lock, &due);
}

static void *run(void *context)
{
	struct rk_reloader *reloader = context;
	(void)pthread_setname_np(pthread_self(), "rk-reload");
	rk_cpu_flush_denormals();
	lock(reloader);
	while (!reloader->stopping) {
		enum task task = take_task(reloader, rk_clock_ns());
		if (task == NOTHING) {
			wait(reloader);
			continue;
		}
		unlock(reloader);
		do_task(reloader, task);
		lock(reloader);
	}
	bool is_refused = reloader->is_ordered;
	unlock(reloader);
	if (is_refused) {
		reloader->result = (struct rk_reload_result){.status = RK_BUSY};
		(void)rk_error_set(&reloader->result.error, RK_BUSY, "the server is draining");
		reloader->done(reloader->context);
	}
	return NULL;
}

enum rk_status rk_reloader_start(struct rk_reloader *ret_reloader, const struct rk_reloader_options *options,
				 struct rk_error *reterr)
{
	*ret_reloader = (struct rk_reloader){.options = *options, .watched_ns = rk_clock_ns()};
	pthread_condattr_t clock;
	RK_ASSERT(pthread_condattr_init(&clock) == 0);
	RK_ASSERT(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
	RK_ASSERT(pthread_mutex_init(&ret_reloader->lock, NULL) == 0);
	RK_ASSERT(pthread_cond_init(&ret_reloader->wake, &clock) == 0);
	(void)pthread_condattr_destroy(&clock);
	pthread_attr_t attributes;
	RK_ASSERT(pthread_attr_init(&attributes) == 0);
	RK_ASSERT(pthread_attr_setstacksize(&attributes, 8 * RK_STACK_BYTES) == 0);
	int error = pthread_create(&ret_reloader->thread, &attributes, run, ret_reloader);
	(void)pthread_attr_destroy(&attributes);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start the reloader: %s", strerror(error));
	ret_reloader->has_thread = true;
	return RK_OK;
}

void rk_reloader_stop(struct rk_reloader *reloader)
{
	if (!reloader->has_thread)
		return;
	lock(reloader);
	reloader->stopping = true;
	RK_ASSERT(pthread_cond_signal(&reloader->wake) == 0);
	unlock(reloader);
	RK_ASSERT(pthread_join(reloader->thread, NULL) == 0);
	reloader->has_thread = false;
}

bool rk_reloader_order(struct rk_reloader *reloader, struct rk_bytes name, uint64_t number,
		       void (*accept)(void *context), void (*done)(void *context), void *context)
{
	RK_ASSERT(name.size < sizeof(reloader->name));
	lock(reloader);
	bool is_free = reloader->has_thread && !reloader->is_taken && !reloader->stopping;
	if (is_free) {
		memcpy(reloader->name, name.data, name.size);
		reloader->name[name.size] = '\0';
		reloader->number = number;
		reloader->done = done;
		reloader->context = context;
		reloader->is_taken = reloader->is_ordered = true;
		accept(context);
		RK_ASSERT(pthread_cond_signal(&reloader->wake) == 0);
	}
	unlock(reloader);
	return is_free;
}

void rk_reloader_finish(struct rk_reloader *reloader)
{
	lock(reloader);
	RK_ASSERT(reloader->is_taken && !reloader->is_ordered);
	reloader->is_taken = false;
	unlock(reloader);
}

void rk_reloader_scan(struct rk_reloader *reloader)
{
	lock(reloader);
	reloader->is_scan_wanted = true;
	RK_ASSERT(pthread_cond_signal(&reloader->wake) == 0);
	unlock(reloader);
}

void rk_reloader_stop_watching(struct rk_reloader *reloader)
{
	lock(reloader);
	reloader->options.watch_ns = 0;
	unlock(reloader);
}

bool rk_reloader_is_loading(const struct rk_reloader *reloader)
{
	return atomic_load(&reloader->is_loading);
}
