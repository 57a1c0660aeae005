/* Opening, closing, pinning. The idea is in loader/registry_parts.h. */
#include "loader/registry_parts.h"

#include "model/base/check.h"

#include <stdlib.h>
#include <time.h>

struct rk_registry_entry *rk_registry_find(const struct rk_registry *registry, struct rk_bytes name)
{
	for (uint32_t i = 0; i < registry->n; i++) {
		if (rk_bytes_equal(rk_bytes_of(registry->entries[i].name), name))
			return &registry->entries[i];
	}
	return NULL;
}

static enum rk_status init_locks(struct rk_registry *registry, struct rk_error *reterr)
{
	pthread_condattr_t attributes;
	bool failed = pthread_condattr_init(&attributes) != 0;
	failed = failed || pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0;
	failed = failed || pthread_cond_init(&registry->unpinned, &attributes) != 0;
	failed = failed || pthread_mutex_init(&registry->retired_lock, NULL) != 0;
	failed = failed || pthread_mutex_init(&registry->load_lock, NULL) != 0;
	for (uint32_t i = 0; i < registry->n; i++)
		failed = failed || pthread_mutex_init(&registry->entries[i].lock, NULL) != 0;
	return failed ? rk_error_set(reterr, RK_NO_MEMORY, "no memory for locks") : RK_OK;
}

static enum rk_status fill(struct rk_registry *registry, const struct rk_scan_names *names, struct rk_error *reterr)
{
	const char *models = registry->options.models, *standard = registry->options.default_model;
	if (names->n == 0)
		return rk_error_set(reterr, RK_NOT_FOUND, "%s: holds no model: expected folders NAME/VERSION in it",
				    models);
	registry->entries = calloc(names->n, sizeof(*registry->entries));
	if (registry->entries == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for %u models", names->n);
	registry->n = names->n;
	for (uint32_t i = 0; i < names->n; i++)
		memcpy(registry->entries[i].name, names->names[i], sizeof(names->names[i]));
	if (standard != NULL)
		registry->standard = rk_registry_find(registry, rk_bytes_of(standard));
	else if (registry->n == 1)
		registry->standard = &registry->entries[0];
	if (standard != NULL && registry->standard == NULL)
		return rk_error_set(reterr, RK_NOT_FOUND, "%s: holds no model %s, the default model", models, standard);
	return init_locks(registry, reterr);
}

enum rk_status rk_registry_open(struct rk_registry **ret_registry, const struct rk_registry_options *options,
				struct rk_error *reterr)
{
	struct rk_scan_names names;
	enum rk_status status = rk_scan_models(&names, options->models, reterr);
	if (status != RK_OK)
		return status;
	struct rk_registry *registry = calloc(1, sizeof(*registry));
	if (registry == NULL) {
		status = rk_error_set(reterr, RK_NO_MEMORY, "no memory for a registry");
	} else {
		registry->options = *options;
		status = fill(registry, &names, reterr);
	}
	free(names.names);
	if (status == RK_OK) {
		*ret_registry = registry;
	} else if (registry != NULL) {
		free(registry->entries);
		free(registry);
	}
	return status;
}

void rk_registry_close(struct rk_registry *registry)
{
	if (registry == NULL)
		return;
	for (uint32_t i = 0; i < registry->n; i++) {
		struct rk_registry_entry *entry = &registry->entries[i];
		RK_ASSERT(!entry->loading);
		if (entry->current != NULL)
			rk_registry_drop_pin(registry, entry->current);
		rk_version_close(entry->current); /* asserts that no pin is left */
		(void)pthread_mutex_destroy(&entry->lock);
	}
	rk_registry_sweep(registry);
	RK_ASSERT(registry->n_retired == 0);
	(void)pthread_cond_destroy(&registry->unpinned);
	(void)pthread_mutex_destroy(&registry->retired_lock);
	(void)pthread_mutex_destroy(&registry->load_lock);
	free(registry->retired);
	free(registry->entries);
	free(registry);
}

/* ---- pins ---- */

struct rk_version *rk_registry_acquire(struct rk_registry *registry, struct rk_bytes name, bool *ret_known)
{
	struct rk_registry_entry *entry = rk_registry_find(
		registry, name.size > 0 || registry->standard == NULL ? name : rk_bytes_of(registry->standard->name));
	*ret_known = entry != NULL;
	if (entry == NULL)
		return NULL;
	(void)pthread_mutex_lock(&entry->lock);
	struct rk_version *version = entry->current;
	if (version != NULL)
		(void)atomic_fetch_add_explicit(&version->pins, 1, memory_order_relaxed);
	(void)pthread_mutex_unlock(&entry->lock);
	return version;
}

void rk_registry_release(struct rk_registry *registry, struct rk_version *version)
{
	rk_registry_drop_pin(registry, version);
}

bool rk_registry_index(const struct rk_registry *registry, struct rk_bytes name, uint32_t *ret_index)
{
	const struct rk_registry_entry *entry = rk_registry_find(registry, name);
	if (entry == NULL)
		return false;
	*ret_index = (uint32_t)(entry - registry->entries);
	return true;
}

uint32_t rk_registry_count(const struct rk_registry *registry)
{
	return registry->n;
}

const char *rk_registry_name(const struct rk_registry *registry, uint32_t index)
{
	return index < registry->n ? registry->entries[index].name : NULL;
}
