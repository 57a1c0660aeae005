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

/* What the watcher saw of a model's newest version. Whoever watches. */
struct rk_registry_news {
	uint64_t number, mark; /* of the last look */
	uint64_t tried_mark;   /* of what it looked like when it was tried */
	bool is_settled;       /* worth a try */
};

struct rk_registry_entry {
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	pthread_mutex_t lock;
	struct rk_version *current; /* under lock */
	bool loading;               /* under lock */
	uint64_t newest_tried;      /* whoever has set loading */
	bool newest_failed;         /* whoever has set loading */
	struct rk_registry_news news;
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

/* Makes the version the entry's current one. The one before is retired: the registry's own pin of it is dropped, and it
 * is closed by a sweep once nobody pins it. */
void rk_registry_swap(struct rk_registry *registry, struct rk_registry_entry *entry, struct rk_version *version);

/* Whether no retired version of the model is pinned any more. */
bool rk_registry_is_settled(struct rk_registry *registry, const char *name);

/* Waits a moment for the pins of the model's retired versions, and sweeps. False: one is still pinned. */
bool rk_registry_settle(struct rk_registry *registry, const char *name);

/* Closes the retired versions that are not pinned any more; their memory goes back in pieces. */
void rk_registry_sweep(struct rk_registry *registry);

/* ---- registry_load.c ---- */

/* One load of a model at a time: false if one is under way. */
bool rk_registry_begin_loading(struct rk_registry_entry *entry);
void rk_registry_end_loading(struct rk_registry_entry *entry);

/* Tries versions newer than `after` and at most `most`, the newest first, until one loads. *ret_tried tells whether
 * there was one to try. Between begin and end of loading. */
RK_NODISCARD enum rk_status rk_registry_try_range(struct rk_registry *registry, struct rk_registry_entry *entry,
						  uint64_t after, uint64_t most, bool *ret_tried,
						  struct rk_error *reterr);

#endif
