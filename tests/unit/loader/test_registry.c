#include "loader/registry.h"
#include "loader/registry_scan.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_folder folder;
static char told[4096]; /* what notify was told */
static enum rk_status rank_status;

static enum rk_status rank_fake(void *context, struct rk_version *version, struct rk_bytes request,
				struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	(void)context;
	(void)version;
	(void)request;
	*ret_reply = rk_bytes_of("{\"items\": []}");
	return rank_status == RK_OK ? RK_OK : rk_error_set(reterr, rank_status, "a reason");
}

static void tell(void *context, const char *name, uint64_t number, const struct rk_version *version,
		 enum rk_status result, const struct rk_error *error)
{
	size_t used = strlen(told);
	(void)context;
	cr_assert_eq(version != NULL, result == RK_OK);
	cr_assert_eq(error->status, result);
	(void)snprintf(told + used, sizeof(told) - used, "%s/%llu %s;", name, (unsigned long long)number,
		       rk_status_text(result));
}

static void setup(void)
{
	folder = test_folder_make();
}

static void teardown(void)
{
	test_folder_remove(&folder);
}

TestSuite(registry, .init = setup, .fini = teardown, .timeout = 120);

/* A version that loads, or (broken) one that does not. */
static void put(const char *name, const char *number, bool broken)
{
	const char *path = test_path(folder.path, name);
	(void)mkdir(path, 0700);
	if (broken)
		test_make_folder(test_path(path, number));
	else
		test_write_model(test_path(path, number));
}

static struct rk_registry *opened(const char *standard)
{
	struct rk_registry *registry = NULL;
	struct rk_error error = {.status = RK_OK};
	struct rk_registry_options options = {.models = folder.path,
					      .default_model = standard,
					      .version = test_options(),
					      .rank = rank_fake,
					      .notify = tell};
	cr_assert_eq(rk_registry_open(&registry, &options, &error), RK_OK, "%s", error.message);
	return registry;
}

/* Number of the version that serves `name`: 0 none ready, -1 no such model. */
static int64_t serving(struct rk_registry *registry, const char *name)
{
	bool known;
	struct rk_version *version = rk_registry_acquire(registry, rk_bytes_of(name), &known);
	if (version == NULL)
		return known ? 0 : -1;
	cr_assert(known);
	int64_t number = (int64_t)version->number;
	rk_registry_release(registry, version);
	return number;
}

Test(registry, names_and_versions)
{
	static const char *const names[] = {"a", "kuairand", "A.b_c-9", "..."};
	static const char *const others[] = {
		"", ".", "..", "a b", "a/b", "ä", "12345678901234567890123456789012345678901234567890123456789012345"};
	static const char *const versions[] = {"1", "10", "9223372036854775807"};
	static const char *const no_versions[] = {
		"", "0", "01", "+1", "-1", "1a", "1.0", " 1", "9223372036854775808", "99999999999999999999"};
	uint64_t number;
	for (size_t i = 0; i < 4; i++)
		cr_assert(rk_scan_is_model_name(names[i]), "%s", names[i]);
	for (size_t i = 0; i < 7; i++)
		cr_assert_not(rk_scan_is_model_name(others[i]), "%s", others[i]);
	for (size_t i = 0; i < 3; i++)
		cr_assert(rk_scan_parse_version(versions[i], &number), "%s", versions[i]);
	cr_assert_eq(number, INT64_MAX);
	for (size_t i = 0; i < 10; i++)
		cr_assert_not(rk_scan_parse_version(no_versions[i], &number), "%s", no_versions[i]);
}

Test(registry, name_and_number_are_guessed_from_the_path)
{
	static const struct {
		const char *path, *name;
		uint64_t number;
	} cases[] = {
		{"models/kuairand/3", "kuairand", 3},
		{"/models/kuairand/3//", "kuairand", 3},
		{"kuairand/12", "kuairand", 12},
		{"kuairand", "kuairand", 0},
		{"kuairand/latest", "latest", 0},
		{"a b/3", "model", 0},
		{"a b", "model", 0},
		{"x//3", "model", 0},
	};
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) - 1; i++) {
		rk_scan_guess(cases[i].path, name, &number);
		cr_assert_str_eq(name, cases[i].name, "%s: %s", cases[i].path, name);
		cr_assert_eq(number, cases[i].number, "%s", cases[i].path);
	}
	put("m", "7", true);
	cr_assert_eq(symlink("m/7", test_path(folder.path, "current")), 0);
	rk_scan_guess(test_path(folder.path, "current"), name, &number);
	cr_assert_str_eq(name, "m");
	cr_assert_eq(number, 7);
	cr_assert_eq(chdir(test_path(folder.path, "m/7")), 0);
	rk_scan_guess(".", name, &number);
	cr_assert_str_eq(name, "m");
	cr_assert_eq(number, 7);
	cr_assert_eq(chdir("/"), 0);
}

Test(registry, folders_without_models)
{
	struct rk_registry *registry = NULL;
	struct rk_error error = {.status = RK_OK};
	struct rk_registry_options options = {.models = folder.path, .version = test_options(), .rank = rank_fake};
	char message[256];
	cr_assert_eq(rk_registry_open(&registry, &options, &error), RK_NOT_FOUND);
	(void)snprintf(message, sizeof(message), "%s: holds no model: expected folders NAME/VERSION in it",
		       folder.path);
	cr_assert_str_eq(error.message, message);
	test_write_text(test_path(folder.path, "file"), "");
	test_make_folder(test_path(folder.path, "not a name"));
	cr_assert_eq(rk_registry_open(&registry, &options, &error), RK_NOT_FOUND);
	put("m", "1", true);
	options.default_model = "other";
	cr_assert_eq(rk_registry_open(&registry, &options, &error), RK_NOT_FOUND);
	cr_assert_not_null(strstr(error.message, "holds no model other, the default model"), "%s", error.message);
	options.models = "/no/such/folder";
	cr_assert_eq(rk_registry_open(&registry, &options, &error), RK_NOT_FOUND);
	cr_assert_null(registry);
}

Test(registry, the_newest_that_loads_serves)
{
	put("m", "1", false);
	put("m", "2", false);
	put("m", "10", true);
	put("m", "011", false);
	put("m", "x", false);
	test_write_text(test_path(test_path(folder.path, "m"), "99"), "a file");
	struct rk_registry *registry = opened(NULL);
	struct rk_error error = {.status = RK_OK};
	cr_assert_str_eq(rk_registry_name(registry, 0), "m");
	cr_assert_null(rk_registry_name(registry, 1));
	cr_assert_eq(serving(registry, "m"), 0, "known, but nothing is loaded yet");
	cr_assert_eq(rk_registry_load(registry, &error), RK_OK, "%s", error.message);
	cr_assert_str_eq(told, "m/10 not found;m/2 ok;");
	cr_assert_eq(serving(registry, "m"), 2);
	cr_assert_eq(serving(registry, ""), 2, "the only model answers requests that name none");
	cr_assert_eq(serving(registry, "other"), -1);
	rk_registry_close(registry);
}

Test(registry, a_model_without_a_version_is_an_error_and_the_others_serve)
{
	put("bad", "1", true);
	put("bad", "2", true);
	put("empty", "x", true);
	put("good", "1", false);
	struct rk_registry *registry = opened("good");
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(rk_registry_load(registry, &error), RK_NOT_FOUND);
	cr_assert_str_eq(error.message,
			 "bad/2: config.json: no such file or folder; bad/1: config.json: no such file or "
			 "folder; empty: has no version: expected a folder with a number for its name in it");
	cr_assert_eq(serving(registry, "bad"), 0);
	cr_assert_eq(serving(registry, "good"), 1);
	cr_assert_eq(serving(registry, ""), 1);
	rk_registry_close(registry);
}

Test(registry, several_models_and_no_default)
{
	put("a", "1", false);
	put("b", "1", false);
	struct rk_registry *registry = opened(NULL);
	cr_assert_eq(rk_registry_load(registry, NULL), RK_OK);
	cr_assert_eq(serving(registry, ""), -1);
	cr_assert(serving(registry, "a") == 1 && serving(registry, "b") == 1);
	rk_registry_close(registry);
}

static enum rk_status reload(struct rk_registry *registry, uint64_t number, uint64_t previous, uint64_t now)
{
	uint64_t found_previous = 77, found_now = 77;
	struct rk_error error = {.status = RK_OK};
	enum rk_status status = rk_registry_reload(registry, "m", number, &found_previous, &found_now, &error);
	cr_assert_eq(found_previous, status == RK_OK ? previous : 77);
	cr_assert_eq(found_now, status == RK_OK ? now : 77);
	cr_assert_eq(status == RK_OK, error.message[0] == '\0', "%s", error.message);
	return status;
}

Test(registry, reload_goes_forward_back_and_nowhere)
{
	put("m", "1", false);
	struct rk_registry *registry = opened(NULL);
	cr_assert_eq(reload(registry, 0, 0, 1), RK_OK, "the first load by a reload");
	cr_assert_eq(reload(registry, 0, 1, 1), RK_OK, "the newest is the one that serves: loaded again");
	put("m", "2", false);
	put("m", "3", true);
	cr_assert_eq(reload(registry, 0, 1, 2), RK_OK, "3 fails, 2 is newer than 1");
	cr_assert_eq(reload(registry, 0, 2, 2), RK_NOT_FOUND, "all that is newer fails, so that is the answer");
	cr_assert_eq(serving(registry, "m"), 2);
	cr_assert_eq(reload(registry, 1, 2, 1), RK_OK, "back");
	cr_assert_eq(reload(registry, 3, 1, 3), RK_NOT_FOUND);
	cr_assert_eq(reload(registry, 99, 1, 99), RK_NOT_FOUND);
	cr_assert_eq(serving(registry, "m"), 1);
	uint64_t previous, now;
	cr_assert_eq(rk_registry_reload(registry, "x", 1, &previous, &now, NULL), RK_NOT_FOUND);
	rk_registry_close(registry);
}

Test(registry, a_rollback_holds_until_something_newer_appears)
{
	put("m", "1", false);
	put("m", "2", false);
	struct rk_registry *registry = opened(NULL);
	cr_assert_eq(rk_registry_load(registry, NULL), RK_OK);
	cr_assert_eq(reload(registry, 1, 2, 1), RK_OK);
	cr_assert_eq(reload(registry, 99, 1, 99), RK_NOT_FOUND, "a number that is not there counts as not tried");
	told[0] = '\0';
	cr_assert_eq(rk_registry_refresh(registry, NULL), RK_OK);
	cr_assert_str_eq(told, "");
	cr_assert_eq(serving(registry, "m"), 1);
	put("m", "3", true);
	cr_assert_eq(rk_registry_refresh(registry, NULL), RK_NOT_FOUND);
	cr_assert_str_eq(told, "m/3 not found;");
	cr_assert_eq(rk_registry_refresh(registry, NULL), RK_OK, "3 was tried");
	put("m", "4", false);
	cr_assert_eq(rk_registry_refresh(registry, NULL), RK_OK);
	cr_assert_eq(serving(registry, "m"), 4);
	rk_registry_close(registry);
}

Test(registry, golden_and_warm_up_must_pass)
{
	put("m", "1", false);
	put("m", "2", false);
	const char *newest = test_path(test_path(folder.path, "m"), "2");
	test_write_text(test_path(newest, "golden.jsonl"),
			"{\"request\": {}, \"expected\": {\"items\": [{\"item\": 1, \"score\": 1}]}}\n");
	struct rk_registry *registry = opened(NULL);
	cr_assert_eq(rk_registry_load(registry, NULL), RK_OK);
	cr_assert_str_eq(told, "m/2 mismatch;m/1 ok;");
	cr_assert_eq(unlink(test_path(newest, "golden.jsonl")), 0);
	test_write_text(test_path(newest, "warmup.jsonl"), "{}\n");
	rank_status = RK_INVALID;
	cr_assert_eq(reload(registry, 2, 1, 2), RK_INVALID);
	rank_status = RK_OK;
	cr_assert_eq(reload(registry, 2, 1, 2), RK_OK);
	bool known;
	struct rk_version *version = rk_registry_acquire(registry, rk_bytes_of("m"), &known);
	cr_assert_eq(version->report.n_warmup, 1);
	rk_registry_release(registry, version);
	rk_registry_close(registry);
}

/* Address space, since a version takes more than 2 MiB of it, and the sanitizer keeps freed heap resident. */
static long mapped_mib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	cr_assert_not_null(file);
	cr_assert_eq(fscanf(file, "%ld", &pages), 1);
	(void)fclose(file);
	return pages / 256;
}

Test(registry, a_pinned_version_outlives_its_swap_and_then_goes)
{
	put("m", "1", false);
	put("m", "2", false);
	struct rk_registry *registry = opened(NULL);
	cr_assert_eq(reload(registry, 1, 0, 1), RK_OK);
	bool known;
	struct rk_version *old = rk_registry_acquire(registry, rk_bytes_of("m"), &known);
	cr_assert_eq(reload(registry, 2, 1, 2), RK_OK, "a swap does not wait for ever for a pin");
	cr_assert_eq(old->number, 1, "still there");
	cr_assert_eq(old->model.weights.n_items, 3);
	rk_registry_release(registry, old);
	long before = mapped_mib();
	for (uint64_t i = 0; i < 300; i++)
		cr_assert_eq(reload(registry, 1 + i % 2, 2 - i % 2, 1 + i % 2), RK_OK);
	cr_assert_lt(mapped_mib() - before, 256, "versions that were swapped out are given back");
	rk_registry_close(registry);
}

static void *reload_again(void *context)
{
	uint64_t previous, now;
	return (void *)(uintptr_t)rk_registry_reload(context, "m", 0, &previous, &now, NULL);
}

static struct rk_registry *inner;
static enum rk_status inner_status;

static void reload_from_inside(void *context, const char *name, uint64_t number, const struct rk_version *version,
			       enum rk_status result, const struct rk_error *error)
{
	(void)context;
	(void)name;
	(void)number;
	(void)version;
	(void)result;
	(void)error;
	pthread_t thread;
	void *status;
	cr_assert_eq(pthread_create(&thread, NULL, reload_again, inner), 0);
	cr_assert_eq(pthread_join(thread, &status), 0);
	inner_status = (enum rk_status)(uintptr_t)status;
}

Test(registry, a_second_load_of_a_model_is_busy)
{
	put("m", "1", false);
	struct rk_registry_options options = {
		.models = folder.path, .version = test_options(), .rank = rank_fake, .notify = reload_from_inside};
	cr_assert_eq(rk_registry_open(&inner, &options, NULL), RK_OK);
	inner_status = RK_OK;
	cr_assert_eq(rk_registry_load(inner, NULL), RK_OK);
	cr_assert_eq(inner_status, RK_BUSY);
	rk_registry_close(inner);
}

Test(registry, closing_nothing_is_fine)
{
	rk_registry_close(NULL);
}
