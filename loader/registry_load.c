/* Loading a version: open, golden check, warm-up, publish. What fails leaves everything as it was. */
#include "loader/registry_parts.h"

#include "loader/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static enum rk_status load_and_check(const struct rk_registry_options *options, const char *path, const char *name,
				     uint64_t number, struct rk_version **ret_version, struct rk_error *reterr)
{
	struct rk_version *version = NULL;
	enum rk_status status = rk_version_open(&version, path, name, number, &options->version, reterr);
	if (status != RK_OK)
		return status;
	status = rk_golden_check(version, path, options->rank, options->rank_context, reterr);
	if (status == RK_OK)
		status = rk_warmup_run(version, path, options->rank, options->rank_context, reterr);
	if (status != RK_OK)
		rk_version_close(version);
	else
		*ret_version = version;
	return status;
}

/* A load on a thread of its own. */
struct load {
	const struct rk_registry_options *options;
	const char *path, *name;
	uint64_t number;
	struct rk_version *version;
	enum rk_status status;
	struct rk_error error;
};

static void *run_load(void *context)
{
	struct load *load = context;
	(void)pthread_setname_np(pthread_self(), "rk-load");
	rk_cpu_flush_denormals();
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), load->options->load_nice); /* of this thread alone */
	load->status =
		load_and_check(load->options, load->path, load->name, load->number, &load->version, &load->error);
	return NULL;
}

static enum rk_status load_aside(const struct rk_registry_options *options, struct load *load, struct rk_error *reterr)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error = pthread_attr_init(&attributes);
	if (error == 0)
		error = pthread_attr_setstacksize(&attributes, options->load_stack_bytes);
	if (error == 0)
		error = pthread_create(&thread, &attributes, run_load, load);
	(void)pthread_attr_destroy(&attributes);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start a thread for loading: %s", strerror(error));
	(void)pthread_join(thread, NULL);
	return load->status == RK_OK ? RK_OK : rk_error_set(reterr, load->status, "%s", load->error.message);
}

static enum rk_status try_path(struct rk_registry *registry, const char *path, const struct rk_registry_entry *entry,
			       uint64_t number, struct rk_version **ret_version, struct rk_error *reterr)
{
	const struct rk_registry_options *options = &registry->options;
	struct load load = {.options = options, .path = path, .name = entry->name, .number = number};
	bool is_aside = entry->current != NULL && options->load_stack_bytes > 0;
	(void)pthread_mutex_lock(&registry->load_lock);
	enum rk_status status = is_aside ? load_aside(options, &load, reterr)
					 : load_and_check(options, path, entry->name, number, &load.version, reterr);
	(void)pthread_mutex_unlock(&registry->load_lock);
	if (status == RK_OK)
		*ret_version = load.version;
	return status;
}

static void notify(struct rk_registry *registry, const struct rk_registry_entry *entry, uint64_t number,
		   const struct rk_version *version, const struct rk_error *error)
{
	if (registry->options.notify != NULL)
		registry->options.notify(registry->options.notify_context, entry->name, number, version, error->status,
					 error);
}

/* Who is told may have to prepare for what this version needs, so that comes first. */
static void publish(struct rk_registry *registry, struct rk_registry_entry *entry, struct rk_version *version)
{
	struct rk_error none = {.status = RK_OK};
	notify(registry, entry, version->number, version, &none);
	rk_registry_swap(registry, entry, version);
	(void)rk_registry_settle(registry, entry->name);
}

static enum rk_status check_there(const char *path, struct rk_error *reterr)
{
	int folder;
	enum rk_status status = rk_folder_open(&folder, path, reterr);
	if (status == RK_OK)
		(void)close(folder);
	return status;
}

/* Loads one version and publishes it, or tells why not. */
static enum rk_status try_version(struct rk_registry *registry, struct rk_registry_entry *entry, uint64_t number,
				  struct rk_error *reterr)
{
	char path[RK_MAX_PATH_BYTES];
	struct rk_version *version = NULL;
	struct rk_error error = {.status = RK_OK};
	int n = snprintf(path, sizeof(path), "%s/%s/%llu", registry->options.models, entry->name,
			 (unsigned long long)number);
	if (n < 0 || (size_t)n >= sizeof(path))
		return rk_error_set(reterr, RK_LIMIT, "%s: the path is too long", entry->name);
	enum rk_status status = check_there(path, reterr);
	if (status != RK_OK)
		return status; /* what is not there was not tried */
	if (!rk_registry_settle(registry, entry->name))
		return rk_error_set(reterr, RK_BUSY, "%s: a request still holds the version before the current one",
				    entry->name);
	status = rk_registry_reserve(registry, &error);
	if (status == RK_OK)
		status = try_path(registry, path, entry, number, &version, &error);
	if (number >= entry->newest_tried) {
		entry->newest_tried = number;
		entry->newest_failed = status != RK_OK;
	}
	if (status == RK_OK) {
		publish(registry, entry, version);
		return RK_OK;
	}
	notify(registry, entry, number, NULL, &error);
	return rk_error_set(reterr, status, "%s/%llu: %s", entry->name, (unsigned long long)number, error.message);
}

bool rk_registry_begin_loading(struct rk_registry_entry *entry)
{
	(void)pthread_mutex_lock(&entry->lock);
	bool begun = !entry->loading;
	entry->loading = true;
	(void)pthread_mutex_unlock(&entry->lock);
	return begun;
}

void rk_registry_end_loading(struct rk_registry_entry *entry)
{
	(void)pthread_mutex_lock(&entry->lock);
	entry->loading = false;
	(void)pthread_mutex_unlock(&entry->lock);
}

static size_t append(char *text, size_t used, size_t size, const char *more)
{
	size_t n = strnlen(more, size - 1 - used);
	memcpy(text + used, more, n);
	text[used + n] = '\0';
	return used + n;
}

/* Adds "; reason" to what is there; what does not fit is cut. */
static void add_reason(struct rk_error *all, const struct rk_error *more)
{
	size_t used = strlen(all->message);
	all->status = all->status == RK_OK ? more->status : all->status;
	if (used > 0)
		used = append(all->message, used, sizeof(all->message), "; ");
	(void)append(all->message, used, sizeof(all->message), more->message);
}

enum rk_status rk_registry_try_range(struct rk_registry *registry, struct rk_registry_entry *entry, uint64_t after,
				     uint64_t most, bool *ret_tried, struct rk_error *reterr)
{
	struct rk_scan_versions versions;
	struct rk_error all = {.status = RK_OK};
	enum rk_status status = rk_scan_versions(&versions, registry->options.models, entry->name, reterr);
	if (status != RK_OK)
		return status;
	bool loaded = false;
	*ret_tried = false;
	for (uint32_t i = 0; i < versions.n && !loaded && all.status != RK_BUSY; i++) {
		if (versions.numbers[i] <= after || versions.numbers[i] > most)
			continue;
		struct rk_error error = {.status = RK_OK};
		*ret_tried = true;
		loaded = try_version(registry, entry, versions.numbers[i], &error) == RK_OK;
		if (!loaded)
			add_reason(&all, &error);
	}
	free(versions.numbers);
	return loaded || !*ret_tried ? RK_OK : rk_error_set(reterr, all.status, "%s", all.message);
}

static uint64_t number_of(const struct rk_version *version)
{
	return version != NULL ? version->number : 0;
}

/* See rk_registry_reload, number 0. The current version cannot go while `loading` is ours. */
static enum rk_status try_newest(struct rk_registry *registry, struct rk_registry_entry *entry, struct rk_error *reterr)
{
	uint64_t current = number_of(entry->current);
	bool tried;
	enum rk_status status = rk_registry_try_range(registry, entry, current, UINT64_MAX, &tried, reterr);
	if (status == RK_OK && !tried && current > 0)
		status = rk_registry_try_range(registry, entry, current - 1, current, &tried, reterr);
	if (status == RK_OK && !tried)
		status = rk_error_set(reterr, RK_NOT_FOUND, "%s: has no version%s", entry->name,
				      current > 0 ? " as new as the one that serves"
						  : ": expected a folder with a number for its name in it");
	return status;
}

/* ---- load, reload, refresh ---- */

enum rk_status rk_registry_load(struct rk_registry *registry, struct rk_error *reterr)
{
	struct rk_error all = {.status = RK_OK};
	for (uint32_t i = 0; i < registry->n; i++) {
		struct rk_registry_entry *entry = &registry->entries[i];
		struct rk_error error = {.status = RK_OK};
		if (!rk_registry_begin_loading(entry)) {
			(void)rk_error_set(&error, RK_BUSY, "%s: a load is under way", entry->name);
			add_reason(&all, &error);
			continue;
		}
		if (try_newest(registry, entry, &error) != RK_OK)
			add_reason(&all, &error);
		rk_registry_end_loading(entry);
	}
	return all.status == RK_OK ? RK_OK : rk_error_set(reterr, all.status, "%s", all.message);
}

enum rk_status rk_registry_reload(struct rk_registry *registry, const char *name, uint64_t number,
				  uint64_t *ret_previous, uint64_t *ret_now, struct rk_error *reterr)
{
	struct rk_registry_entry *entry = rk_registry_find(registry, rk_bytes_of(name));
	if (entry == NULL)
		return rk_error_set(reterr, RK_NOT_FOUND, "%s: no such model", name);
	if (!rk_registry_begin_loading(entry))
		return rk_error_set(reterr, RK_BUSY, "%s: a load is under way", name);
	uint64_t previous = number_of(entry->current);
	enum rk_status status;
	if (number == 0)
		status = try_newest(registry, entry, reterr);
	else
		status = try_version(registry, entry, number, reterr);
	uint64_t now = number_of(entry->current);
	rk_registry_end_loading(entry);
	if (status != RK_OK)
		return status;
	*ret_previous = previous;
	*ret_now = now;
	return RK_OK;
}

enum rk_status rk_registry_refresh(struct rk_registry *registry, struct rk_error *reterr)
{
	struct rk_error all = {.status = RK_OK};
	for (uint32_t i = 0; i < registry->n; i++) {
		struct rk_registry_entry *entry = &registry->entries[i];
		struct rk_error error = {.status = RK_OK};
		bool tried;
		if (!rk_registry_begin_loading(entry))
			continue; /* whoever loads it looks at the folder right now */
		if (rk_registry_try_range(registry, entry, entry->newest_tried, UINT64_MAX, &tried, &error) != RK_OK)
			add_reason(&all, &error);
		rk_registry_end_loading(entry);
	}
	return all.status == RK_OK ? RK_OK : rk_error_set(reterr, all.status, "%s", all.message);
}
