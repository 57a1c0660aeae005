/*
 * Pins against swaps: readers pin, read and unpin two models while two threads reload them without pause. A version
 * that is pinned must stay whole until it is unpinned; every one that was swapped out must be given back.
 */
#include "loader/registry.h"
#include "model/base/check.h"
#include "tests/stress/tap.h"
#include "tests/unit/loader/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { N_READERS = 4, N_RELOADS = 150, N_MODELS = 2 };

static const char *const names[N_MODELS] = {"a", "b"};
static struct rk_registry *registry;
static atomic_bool stopping;
static atomic_uint n_reads, n_torn, n_absent, n_notified, n_failed;

static enum rk_status no_rank(void *context, struct rk_version *version, struct rk_bytes request,
			      struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	(void)context;
	(void)version;
	(void)request;
	(void)ret_reply;
	return rk_error_set(reterr, RK_INVALID, "there is nothing to rank");
}

static void count(void *context, const char *name, uint64_t number, const struct rk_version *version,
		  enum rk_status result, const struct rk_error *error)
{
	(void)context;
	(void)error;
	bool right = result == RK_OK && version->number == number && strcmp(version->name, name) == 0;
	atomic_fetch_add(right ? &n_notified : &n_failed, 1);
}

/* Whether the version is whole: ids and weights are those of its file. */
static bool is_whole(const struct rk_version *version)
{
	const struct rk_weights *weights = &version->model.weights;
	bool right = version->number >= 1 && version->number <= 2 && weights->n_items == 3;
	for (int64_t id = 100; id < 103; id++)
		right = right && rk_ids_find_integer(&version->ids, id) == id - 100;
	return right && weights->heads.bias[0] == -0.5F && version->scratches[0] != NULL;
}

static void *read_models(void *context)
{
	unsigned seed = (unsigned)(uintptr_t)context;
	while (!atomic_load(&stopping)) {
		bool known;
		seed = seed * 1664525 + 1013904223;
		const char *name = names[seed >> 16 & 1];
		struct rk_version *version = rk_registry_acquire(registry, rk_bytes_of(name), &known);
		if (version == NULL || strcmp(version->name, name) != 0) {
			atomic_fetch_add(&n_absent, 1);
			continue;
		}
		/* one in eight is held over other pins */
		unsigned n_times = (seed >> 20 & 7) == 0 ? 200 : 1;
		for (unsigned i = 0; i < n_times; i++)
			atomic_fetch_add(is_whole(version) ? &n_reads : &n_torn, 1);
		rk_registry_release(registry, version);
	}
	return NULL;
}

static void *reload_model(void *context)
{
	for (uint64_t i = 0; i < N_RELOADS; i++) {
		uint64_t previous, now;
		if (rk_registry_reload(registry, context, 1 + i % 2, &previous, &now, NULL) != RK_OK ||
		    now != 1 + i % 2)
			atomic_fetch_add(&n_failed, 1);
	}
	return NULL;
}

int main(void)
{
	struct test_folder folder = test_folder_make();
	for (int i = 0; i < N_MODELS; i++) {
		const char *path = test_path(folder.path, names[i]);
		test_make_folder(path);
		test_write_model(test_path(path, "1"));
		test_write_model(test_path(path, "2"));
	}
	struct rk_registry_options options = {
		.models = folder.path, .version = test_options(), .rank = no_rank, .notify = count};
	RK_ASSERT(rk_registry_open(&registry, &options, NULL) == RK_OK);
	RK_ASSERT(rk_registry_load(registry, NULL) == RK_OK);
	pthread_t readers[N_READERS], loaders[N_MODELS];
	for (uintptr_t i = 0; i < N_READERS; i++)
		RK_ASSERT(pthread_create(&readers[i], NULL, read_models, (void *)(i + 1)) == 0);
	for (int i = 0; i < N_MODELS; i++)
		RK_ASSERT(pthread_create(&loaders[i], NULL, reload_model, (void *)(uintptr_t)names[i]) == 0);
	for (int i = 0; i < N_MODELS; i++)
		RK_ASSERT(pthread_join(loaders[i], NULL) == 0);
	atomic_store(&stopping, true);
	for (int i = 0; i < N_READERS; i++)
		RK_ASSERT(pthread_join(readers[i], NULL) == 0);
	tap_check(atomic_load(&n_torn) == 0, "a pinned version stays whole");
	tap_check(atomic_load(&n_absent) == 0, "a model that serves always has a version");
	tap_check(atomic_load(&n_failed) == 0, "every reload succeeds");
	tap_check(atomic_load(&n_notified) == N_MODELS * (N_RELOADS + 1), "every version is told of once");
	tap_check(atomic_load(&n_reads) > 1000, "the readers were at work");
	rk_registry_close(registry); /* asserts that no pin and no retired version is left */
	tap_check(true, "nothing is left behind");
	test_folder_remove(&folder);
	return tap_end();
}
