/*
 * The registry's inside. Private to loader/registry*.c.
 *
 * An entry a model. Its lock guards only the pointer to the current version, so that taking a pin is a lock, a load, an
 * increment and an unlock. The registry holds one pin of the current version itself: a version's pins reach 0 only
 * after it was swapped out, and then nobody can find it to pin it again.
 *
 * One load of a model at a time: `loading` is set under the lock, and who finds it set gets RK_BUSY. Whoever has set
 * it alone changes `current`, and so may read it without the lock. Loads of several models go one after the other,
 * since they share the caller's way to rank.
 */
#ifndef RK_LOADER_REGISTRY_PARTS_H
#define RK_LOADER_REGISTRY_PARTS_H

#include "loader/registry.h"
#include "loader/registry_scan.h"

#include <pthread.h>

struct rk_registry_entry {
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	pthread_mutex_t lock;
	struct rk_version *current; /* under lock */
	bool loading;               /* under lock */
	uint64_t newest_tried;      /* whoever has set loading */
};

struct rk_registry {
	struct rk_registry_options options;
	struct rk_registry_entry *entries;
	uint32_t n;
	const struct rk_registry_entry *standard; /* for requests that name no model; NULL: none */
	pthread_mutex_t load_lock;                /* held while a version is loaded and checked */
	pthread_mutex_t retired_lock;
	pthread_cond_t unpinned;
	struct rk_version **retired; /* under retired_lock: swapped out, perhaps still pinned */
	size_t n_retired, room_retired;
};

/* NULL: no such model. */
struct rk_registry_entry *rk_registry_find(const struct rk_registry *registry, struct rk_bytes name);

/* ---- registry_retire.c ---- */

void rk_registry_drop_pin(struct rk_registry *registry, struct rk_version *version);

/* Makes room for retiring one version more of every model, so that a swap cannot fail. RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_registry_reserve(struct rk_registry *registry, struct rk_error *reterr);

/* Drops the registry's own pin of a version that was swapped out (NULL is fine), waits a moment for the others, and
 * closes it, or leaves that to the next sweep. */
void rk_registry_retire(struct rk_registry *registry, struct rk_version *version);

/* Closes the retired versions that are not pinned any more. */
void rk_registry_sweep(struct rk_registry *registry);

#endif
