/*
 * Whoever drops the last pin only rings a bell. The loading thread, which waits for it a moment after each swap, does
 * the closing: unmapping gigabytes takes milliseconds, and a worker has none to spare. A version that is still pinned
 * after that moment stays in the retired list, which the next load, refresh or close looks through.
 */
#include "loader/registry_parts.h"

#include "model/base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { DRAIN_SECONDS = 2, PIECE_BYTES = 8 * 1024 * 1024, PAUSE_NS = 500 * 1000 };

static bool is_unpinned(const struct rk_version *version)
{
	return atomic_load_explicit(&version->pins, memory_order_acquire) == 0;
}

/* Takes one version that nobody pins out of the list, or NULL. */
static struct rk_version *take_unpinned(struct rk_registry *registry)
{
	struct rk_version *found = NULL;
	(void)pthread_mutex_lock(&registry->retired_lock);
	for (size_t i = 0; found == NULL && i < registry->n_retired; i++) {
		if (!is_unpinned(registry->retired[i]))
			continue;
		found = registry->retired[i];
		registry->retired[i] = registry->retired[--registry->n_retired];
	}
	(void)pthread_mutex_unlock(&registry->retired_lock);
	return found;
}

/* Unmapping gigabytes at once makes every core drop its translations at once, and holds up whoever faults a page in. */
static void give_back(const struct rk_pages *pages)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	char *base = pages->base;
	for (size_t at = 0; at < pages->size; at += PIECE_BYTES) {
		size_t left = pages->size - at;
		(void)madvise(base + at, left < PIECE_BYTES ? left : (size_t)PIECE_BYTES, MADV_DONTNEED);
		(void)nanosleep(&pause, NULL);
	}
}

void rk_registry_sweep(struct rk_registry *registry)
{
	/* closed outside the lock, for which a worker may wait */
	for (struct rk_version *version; (version = take_unpinned(registry)) != NULL;) {
		give_back(&version->scratch_memory);
		give_back(&version->packed_memory);
		give_back(&version->memory);
		rk_version_close(version);
	}
}

static struct timespec deadline(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += DRAIN_SECONDS;
	return at;
}

void rk_registry_drop_pin(struct rk_registry *registry, struct rk_version *version)
{
	if (atomic_fetch_sub_explicit(&version->pins, 1, memory_order_acq_rel) != 1)
		return;
	/* from here on the version may be gone */
	(void)pthread_mutex_lock(&registry->retired_lock);
	(void)pthread_cond_broadcast(&registry->unpinned);
	(void)pthread_mutex_unlock(&registry->retired_lock);
}

enum rk_status rk_registry_reserve(struct rk_registry *registry, struct rk_error *reterr)
{
	enum rk_status status = RK_OK;
	rk_registry_sweep(registry);
	(void)pthread_mutex_lock(&registry->retired_lock);
	size_t needed = registry->n_retired + registry->n; /* every model may swap at the same time */
	if (needed > registry->room_retired) {
		struct rk_version **more = realloc(registry->retired, needed * sizeof(struct rk_version *));
		if (more == NULL) {
			status = rk_error_set(reterr, RK_NO_MEMORY, "no memory to retire a version");
		} else {
			registry->retired = more;
			registry->room_retired = needed;
		}
	}
	(void)pthread_mutex_unlock(&registry->retired_lock);
	return status;
}

static void retire(struct rk_registry *registry, struct rk_version *version)
{
	(void)pthread_mutex_lock(&registry->retired_lock);
	RK_ASSERT(registry->n_retired < registry->room_retired);
	registry->retired[registry->n_retired++] = version;
	(void)pthread_mutex_unlock(&registry->retired_lock);
	rk_registry_drop_pin(registry, version); /* the registry's own */
}

void rk_registry_swap(struct rk_registry *registry, struct rk_registry_entry *entry, struct rk_version *version)
{
	atomic_store(&version->pins, 1); /* the registry's own */
	(void)pthread_mutex_lock(&entry->lock);
	struct rk_version *previous = entry->current;
	entry->current = version;
	(void)pthread_mutex_unlock(&entry->lock);
	if (previous != NULL)
		retire(registry, previous);
}

/* Under the lock. */
static bool is_one_pinned(const struct rk_registry *registry, const char *name)
{
	for (size_t i = 0; i < registry->n_retired; i++)
		if (!is_unpinned(registry->retired[i]) && strcmp(registry->retired[i]->name, name) == 0)
			return true;
	return false;
}

bool rk_registry_is_settled(struct rk_registry *registry, const char *name)
{
	(void)pthread_mutex_lock(&registry->retired_lock);
	bool is_settled = !is_one_pinned(registry, name);
	(void)pthread_mutex_unlock(&registry->retired_lock);
	return is_settled;
}

bool rk_registry_settle(struct rk_registry *registry, const char *name)
{
	struct timespec until = deadline();
	(void)pthread_mutex_lock(&registry->retired_lock);
	int waited = 0;
	while (waited == 0 && is_one_pinned(registry, name))
		waited = pthread_cond_timedwait(&registry->unpinned, &registry->retired_lock, &until);
	bool is_settled = !is_one_pinned(registry, name);
	(void)pthread_mutex_unlock(&registry->retired_lock);
	rk_registry_sweep(registry);
	return is_settled;
}
