/*
 * Watching by looking: a look is a listing of each model's folder and a few calls of stat(2), works on any file system
 * and through links, and cannot miss what it sees late. A version folder that is still being written changes from look
 * to look.
 */
#include "loader/registry_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static uint64_t mix(uint64_t mark, uint64_t value)
{
	return (mark ^ value) * 0x9e3779b97f4a7c15U + (mark >> 29);
}

static uint64_t mix_file(uint64_t mark, const char *folder, const char *name)
{
	char path[RK_MAX_PATH_BYTES + 32];
	struct stat found;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &found) != 0)
		return mix(mark, 1);
	mark = mix(mark, (uint64_t)found.st_size);
	mark = mix(mark, (uint64_t)found.st_ino);
	mark = mix(mark, (uint64_t)found.st_mtim.tv_sec);
	return mix(mark, (uint64_t)found.st_mtim.tv_nsec);
}

/* A number that changes when the version's files do; never 0. */
static uint64_t mark_of(const struct rk_registry *registry, const struct rk_registry_entry *entry, uint64_t number)
{
	static const char *const files[] = {".", "config.json", "model.safetensors", "golden.jsonl", "warmup.jsonl"};
	char folder[RK_MAX_PATH_BYTES];
	int n = snprintf(folder, sizeof(folder), "%s/%s/%llu", registry->options.models, entry->name,
			 (unsigned long long)number);
	uint64_t mark = mix(1, number);
	if (n < 0 || (size_t)n >= sizeof(folder))
		return mark;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		mark = mix_file(mark, folder, files[i]);
	return mark | 1;
}

/* 0: none. */
static uint64_t newest_of(const struct rk_registry *registry, const struct rk_registry_entry *entry)
{
	struct rk_scan_versions versions;
	if (rk_scan_versions(&versions, registry->options.models, entry->name, NULL) != RK_OK)
		return 0;
	uint64_t newest = versions.n > 0 ? versions.numbers[0] : 0;
	free(versions.numbers);
	return newest;
}

static bool look(const struct rk_registry *registry, struct rk_registry_entry *entry)
{
	struct rk_registry_news *news = &entry->news;
	uint64_t newest = newest_of(registry, entry);
	news->is_settled = false;
	if (newest == 0 || newest < entry->newest_tried || (newest == entry->newest_tried && !entry->newest_failed))
		return false;
	uint64_t mark = mark_of(registry, entry, newest);
	bool is_same = newest == news->number && mark == news->mark;
	news->number = newest;
	news->mark = mark;
	if (newest == entry->newest_tried && news->tried_mark == 0)
		news->tried_mark = mark; /* refused before anybody watched */
	news->is_settled = is_same && mark != news->tried_mark;
	return news->is_settled;
}

bool rk_registry_look_for_news(struct rk_registry *registry)
{
	bool has_news = false;
	for (uint32_t i = 0; i < registry->n; i++) {
		struct rk_registry_entry *entry = &registry->entries[i];
		if (!rk_registry_begin_loading(entry))
			continue; /* whoever loads it looks at the folder right now */
		has_news = look(registry, entry) || has_news;
		rk_registry_end_loading(entry);
	}
	return has_news;
}

/* A version that was refused once and has changed is tried again; so the range begins at it. */
static enum rk_status take(struct rk_registry *registry, struct rk_registry_entry *entry, struct rk_error *reterr)
{
	struct rk_registry_news *news = &entry->news;
	uint64_t after = news->number == entry->newest_tried ? news->number - 1 : entry->newest_tried;
	bool tried;
	enum rk_status status = rk_registry_try_range(registry, entry, after, UINT64_MAX, &tried, reterr);
	if (status != RK_BUSY)
		news->tried_mark = news->mark;
	return status;
}

enum rk_status rk_registry_take_news(struct rk_registry *registry, struct rk_error *reterr)
{
	enum rk_status first = RK_OK;
	for (uint32_t i = 0; i < registry->n; i++) {
		struct rk_registry_entry *entry = &registry->entries[i];
		if (!rk_registry_begin_loading(entry))
			continue;
		if (entry->news.is_settled) {
			enum rk_status status = take(registry, entry, first == RK_OK ? reterr : NULL);
			first = first == RK_OK ? status : first;
			entry->news.is_settled = false;
		}
		rk_registry_end_loading(entry);
	}
	return first;
}
