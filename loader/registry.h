/*
 * The models that serve: one current version a name, chosen among the folders <models>/<name>/<version>/.
 * Readers pin the current version for one request; a swap publishes another, and the old one is closed when its last
 * pin goes. Loading never happens on a worker's thread. At most two versions of a model are in memory: a load waits a
 * moment for the last pin of the one before the current, then it is RK_BUSY.
 */
#ifndef RK_LOADER_REGISTRY_H
#define RK_LOADER_REGISTRY_H

#include "loader/golden.h"
#include "loader/version.h"

struct rk_registry;

struct rk_registry_options {
	const char *models;        /* folder */
	const char *default_model; /* NULL: the only one, if there is one */
	struct rk_version_options version;
	rk_rank_body_fn rank; /* for golden and warm-up */
	void *rank_context;
	/* Versions that replace one that serves are loaded and checked on a thread of their own, with this nice value
	 * and stack; load_stack_bytes 0: on the caller's. Publishing is the caller's either way: a thread that rarely
	 * gets a core must not hold a lock that requests take. */
	int load_nice;
	size_t load_stack_bytes;
	/* told of each version tried: RK_OK, before it is published, or why it was refused; may be NULL; called on the
	 * caller's thread */
	void (*notify)(void *context, const char *name, uint64_t number, const struct rk_version *version,
		       enum rk_status result, const struct rk_error *error);
	void *notify_context;
};

/* Scans the folder and learns the names; loads nothing. Names are 1–64 of [A-Za-z0-9._-], versions decimal without
 * leading zeros; other entries are ignored; links are followed. RK_NOT_FOUND when there is no model at all, or the
 * default model is not there. Options are copied; strings are borrowed. */
RK_NODISCARD enum rk_status rk_registry_open(struct rk_registry **ret_registry,
					     const struct rk_registry_options *options, struct rk_error *reterr);

/* Closes every version; no pin may be left. */
void rk_registry_close(struct rk_registry *registry);

/* Loads, for every model, the newest version that loads. An error names each model of which no version loads, with the
 * reasons. */
RK_NODISCARD enum rk_status rk_registry_load(struct rk_registry *registry, struct rk_error *reterr);

/* Loads version `number` (0: the newest that loads) of `name`, checks, warms, publishes it. *ret_previous (0: none) and
 * *ret_now are version numbers. RK_NOT_FOUND: no such model or version; RK_BUSY: a load of it is under way; else why it
 * was refused (the old version keeps serving). With number 0, versions newer than the one that serves are tried first,
 * the newest first; when all of them fail, that is the answer: an older one never replaces it unasked. */
RK_NODISCARD enum rk_status rk_registry_reload(struct rk_registry *registry, const char *name, uint64_t number,
					       uint64_t *ret_previous, uint64_t *ret_now, struct rk_error *reterr);

/* Looks, for every model, for versions newer than any tried so far, and serves the newest of them that loads; so a
 * rollback holds until something newer appears. What fails is told to `notify` alone; the first failure is returned. */
RK_NODISCARD enum rk_status rk_registry_refresh(struct rk_registry *registry, struct rk_error *reterr);

/* For watching the folder: whether a version newer than any tried has appeared, or one that was refused has changed
 * since. It counts once two looks in a row have seen the same files, so that one that is being copied is left alone. */
bool rk_registry_look_for_news(struct rk_registry *registry);

/* Loads what the last look has found, as rk_registry_refresh does. */
RK_NODISCARD enum rk_status rk_registry_take_news(struct rk_registry *registry, struct rk_error *reterr);

/* Pins the current version of `name` (size 0: the default model, or the only one) until rk_registry_release.
 * NULL when there is no such model (*ret_known false) or it has no version ready (*ret_known true). */
struct rk_version *rk_registry_acquire(struct rk_registry *registry, struct rk_bytes name, bool *ret_known);
void rk_registry_release(struct rk_registry *registry, struct rk_version *version);

/* Place of a model among the names; false: there is no such model. */
bool rk_registry_index(const struct rk_registry *registry, struct rk_bytes name, uint32_t *ret_index);
uint32_t rk_registry_count(const struct rk_registry *registry);

/* Names, for /v1/models: NULL past the last. */
const char *rk_registry_name(const struct rk_registry *registry, uint32_t index);

#endif
