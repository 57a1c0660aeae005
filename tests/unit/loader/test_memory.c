/*
 * The k-th allocation fails, for every k: mappings and heap are wrapped by the linker (see meson.build), jansson's
 * allocations by its own hook. Whatever fails, the load is an error and gives everything back, or it is fine and right.
 */
#include "loader/golden.h"
#include "loader/registry.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* 1-based; 0: none fails. With `lasting` every later one fails too. */
static unsigned fail_at, n_allocations;
static bool lasting, counting;
static long n_mapped, n_heap, n_json;

static bool fails(void)
{
	if (!counting)
		return false;
	n_allocations++;
	return fail_at > 0 && (n_allocations == fail_at || (lasting && n_allocations > fail_at));
}

void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t size);
int __wrap_munmap(void *address, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fails())
		return MAP_FAILED;
	n_mapped += counting;
	return __real_mmap64(address, size, protection, flags, fd, offset);
}

int __wrap_munmap(void *address, size_t size)
{
	n_mapped -= counting;
	return __real_munmap(address, size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	if (fails())
		return NULL;
	n_heap += counting;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	if (fails())
		return NULL;
	n_heap += counting && memory == NULL;
	return __real_realloc(memory, size);
}

void __wrap_free(void *memory)
{
	n_heap -= counting && memory != NULL;
	__real_free(memory);
}

static void *json_malloc(size_t size)
{
	if (fails())
		return NULL;
	n_json++;
	return malloc(size);
}

static void json_free(void *memory)
{
	n_json -= memory != NULL;
	__real_free(memory);
}

static char models[128], model[192];

static void setup(void)
{
	struct test_folder folder = test_folder_make();
	(void)snprintf(models, sizeof(models), "%s", folder.path);
	test_make_folder(test_path(models, "m"));
	(void)snprintf(model, sizeof(model), "%s/m/1", models);
	test_write_model(model);
	json_set_alloc_funcs(json_malloc, json_free);
}

static void teardown(void)
{
	struct test_folder folder;
	(void)snprintf(folder.path, sizeof(folder.path), "%s", models);
	test_folder_remove(&folder);
}

TestSuite(memory, .init = setup, .fini = teardown, .timeout = 300);

static void begin(unsigned k, bool all_later)
{
	fail_at = k;
	lasting = all_later;
	n_allocations = 0;
	n_mapped = n_heap = n_json = 0;
	counting = true;
}

/* jansson 2.14 itself loses a key's memory when the copy of that key finds none: one block at most. */
static void expect_all_given_back(unsigned k)
{
	counting = false;
	cr_assert_eq(n_mapped, 0, "%u: %ld mappings left", k, n_mapped);
	cr_assert_eq(n_heap, 0, "%u: %ld blocks left", k, n_heap);
	cr_assert(n_json == 0 || n_json == 1, "%u: %ld blocks of JSON left", k, n_json);
}

static void check_version(const struct rk_version *version)
{
	const struct rk_config *config = &version->model.config;
	cr_assert(config->dim == 4 && config->encoder.max_history == 5);
	cr_assert(rk_bytes_equal(config->user_features.features[0].name, rk_bytes_of("hour")));
	cr_assert_float_eq(config->encoder.norm_eps, 1e-6F, 0);
	cr_assert(rk_ids_find_integer(&version->ids, 101) == 1 && version->model.weights.heads.bias != NULL);
}

static enum rk_status load_once(unsigned k, bool all_later, struct rk_error *error)
{
	struct rk_version *version = NULL;
	struct rk_version_options options = test_options();
	begin(k, all_later);
	enum rk_status status = rk_version_open(&version, model, "m", 1, &options, error);
	if (status == RK_OK) {
		check_version(version);
		rk_version_close(version);
	}
	expect_all_given_back(k);
	return status;
}

static void sweep(bool all_later)
{
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(load_once(0, false, &error), RK_OK, "%s", error.message);
	unsigned n = n_allocations, n_no_memory = 0;
	cr_assert_gt(n, 500, "only %u allocations were seen", n);
	for (unsigned k = 1; k <= n; k++) {
		error = (struct rk_error){.status = RK_OK};
		enum rk_status status = load_once(k, all_later, &error);
		/* jansson calls a missing copy of a string an invalid token */
		cr_assert(status == RK_NO_MEMORY || status == RK_MALFORMED || (status == RK_OK && !all_later), "%u: %s",
			  k, error.message);
		n_no_memory += status == RK_NO_MEMORY;
	}
	cr_assert_gt(n_no_memory, n / 2);
}

Test(memory, the_kth_allocation_of_a_load_fails)
{
	sweep(false);
}

Test(memory, every_allocation_from_the_kth_on_fails)
{
	sweep(true);
}

/* ---- golden and registry ---- */

static enum rk_status echo(void *context, struct rk_version *version, struct rk_bytes request,
			   struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	(void)version;
	(void)request;
	(void)reterr;
	*ret_reply = rk_bytes_of(context);
	return RK_OK;
}

static const char reply[] = "{\"items\": [{\"item\": 12345678901234567, \"score\": 0.12345678901234567},"
			    " {\"item\": \"an id that is longer than sixteen bytes\", \"score\": null}]}";

Test(memory, the_kth_allocation_of_a_golden_check_fails)
{
	char line[512];
	struct rk_version *version;
	struct rk_error error = {.status = RK_OK};
	struct rk_version_options options = test_options();
	(void)snprintf(line, sizeof(line), "{\"request\": {\"candidates\": [1], \"top_k\": 1}, \"expected\": %s}\n",
		       reply);
	test_write_text(test_path(model, "golden.jsonl"), line);
	cr_assert_eq(rk_version_open(&version, model, "m", 1, &options, NULL), RK_OK);
	begin(0, false);
	cr_assert_eq(rk_golden_check(version, model, echo, (void *)(uintptr_t)reply, &error), RK_OK, "%s",
		     error.message);
	expect_all_given_back(0);
	unsigned n = n_allocations;
	cr_assert_gt(n, 50);
	for (unsigned k = 1; k <= n; k++) {
		begin(k, false);
		enum rk_status status = rk_golden_check(version, model, echo, (void *)(uintptr_t)reply, &error);
		expect_all_given_back(k);
		cr_assert(status == RK_OK || status == RK_NO_MEMORY || status == RK_MALFORMED, "%u: %s", k,
			  error.message);
	}
	rk_version_close(version);
}

static enum rk_status serve_once(unsigned k)
{
	struct rk_registry *registry = NULL;
	struct rk_registry_options options = {
		.models = models, .version = test_options(), .rank = echo, .rank_context = (void *)(uintptr_t)reply};
	begin(k, false);
	enum rk_status status = rk_registry_open(&registry, &options, NULL);
	if (status == RK_OK)
		status = rk_registry_load(registry, NULL);
	bool known = false;
	struct rk_version *version = NULL;
	if (registry != NULL)
		version = rk_registry_acquire(registry, (struct rk_bytes){NULL, 0}, &known);
	cr_assert_eq(version != NULL, status == RK_OK, "%u", k);
	if (version != NULL) {
		check_version(version);
		rk_registry_release(registry, version);
	}
	rk_registry_close(registry);
	expect_all_given_back(k);
	return status;
}

Test(memory, the_kth_allocation_of_a_registry_fails)
{
	cr_assert_eq(serve_once(0), RK_OK);
	unsigned n = n_allocations, n_failed = 0;
	for (unsigned k = 1; k <= n; k++)
		n_failed += serve_once(k) != RK_OK;
	cr_assert_gt(n_failed, n / 2);
}
