#include "server/reload.h"

#include "model/base/check.h"
#include "server/log.h"
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

/* Each version that is tried is logged by the registry's notify. */
static void scan(struct rk_registry *registry)
{
	struct rk_error error = {0};
	if (rk_registry_refresh(registry, &error) == RK_OK)
		rk_log(RK_LOG_INFO, "scan", "looked for newer versions");
	else
		rk_log(RK_LOG_ERROR, "scan", error.message);
}

static void carry_out(struct rk_reloader *reloader)
{
	struct rk_reload_result *result = &reloader->result;
	*result = (struct rk_reload_result){0};
	result->status = rk_registry_reload(reloader->registry, reloader->name, reloader->number, &result->previous,
					    &result->now, &result->error);
	reloader->done(reloader->context);
}

static void *run(void *context)
{
	struct rk_reloader *reloader = context;
	rk_cpu_flush_denormals();
	lock(reloader);
	while (!reloader->stopping) {
		bool is_order = reloader->is_ordered;
		if (!is_order && !reloader->is_scan_wanted) {
			RK_ASSERT(pthread_cond_wait(&reloader->wake, &reloader->lock) == 0);
			continue;
		}
		if (is_order)
			reloader->is_ordered = false;
		else
			reloader->is_scan_wanted = false;
		unlock(reloader);
		atomic_store(&reloader->is_loading, true);
		if (is_order)
			carry_out(reloader);
		else
			scan(reloader->registry);
		atomic_store(&reloader->is_loading, false);
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

enum rk_status rk_reloader_start(struct rk_reloader *ret_reloader, struct rk_registry *registry,
				 struct rk_error *reterr)
{
	*ret_reloader = (struct rk_reloader){.registry = registry};
	RK_ASSERT(pthread_mutex_init(&ret_reloader->lock, NULL) == 0);
	RK_ASSERT(pthread_cond_init(&ret_reloader->wake, NULL) == 0);
	pthread_attr_t attributes;
	RK_ASSERT(pthread_attr_init(&attributes) == 0);
	RK_ASSERT(pthread_attr_setstacksize(&attributes, 8 * RK_STACK_BYTES) == 0);
	int error = pthread_create(&ret_reloader->thread, &attributes, run, ret_reloader);
	(void)pthread_attr_destroy(&attributes);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start the reloader: %s", strerror(error));
	(void)pthread_setname_np(ret_reloader->thread, "rk-reload");
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

bool rk_reloader_is_loading(const struct rk_reloader *reloader)
{
	return atomic_load(&reloader->is_loading);
}
