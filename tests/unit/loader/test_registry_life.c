/* The life of versions: two of a model at most, told of before they serve, found by watching the folder. */
#include "loader/registry.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct test_folder folder;

static enum rk_status rank_fake(void *context, struct rk_version *version, struct rk_bytes request,
				struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	(void)context;
	(void)version;
	(void)request;
	(void)reterr;
	*ret_reply = rk_bytes_of("{\"items\": []}");
	return RK_OK;
}

static void set_up(void)
{
	folder = test_folder_make();
	test_make_folder(test_path(folder.path, "m"));
}

static void tear_down(void)
{
	test_folder_remove(&folder);
}

TestSuite(registry_life, .init = set_up, .fini = tear_down);

static const char *version_path(const char *number)
{
	return test_path(test_path(folder.path, "m"), number);
}

static struct rk_registry *opened(void)
{
	struct rk_registry *registry = NULL;
	struct rk_registry_options options = {.models = folder.path, .version = test_options(), .rank = rank_fake};
	cr_assert_eq(rk_registry_open(&registry, &options, NULL), RK_OK);
	return registry;
}

static enum rk_status reload(struct rk_registry *registry, uint64_t number, uint64_t previous, uint64_t now)
{
	uint64_t found_previous = 77, found_now = 77;
	enum rk_status status = rk_registry_reload(registry, "m", number, &found_previous, &found_now, NULL);
	cr_assert_eq(found_previous, previous);
	cr_assert_eq(found_now, now);
	return status;
}

Test(registry_life, never_three_versions_of_a_model)
{
	test_write_model(version_path("1"));
	test_write_model(version_path("2"));
	struct rk_registry *registry = opened();
	cr_assert_eq(reload(registry, 1, 0, 1), RK_OK);
	bool known;
	struct rk_version *old = rk_registry_acquire(registry, rk_bytes_of("m"), &known);
	cr_assert_eq(reload(registry, 2, 1, 2), RK_OK);
	uint64_t previous, now;
	struct rk_error error;
	cr_assert_eq(rk_registry_reload(registry, "m", 1, &previous, &now, &error), RK_BUSY);
	cr_assert_not_null(strstr(error.message, "still holds"), "%s", error.message);
	rk_registry_release(registry, old);
	cr_assert_eq(reload(registry, 1, 2, 1), RK_OK);
	rk_registry_close(registry);
}

static struct rk_registry *asked;
static uint64_t serving_when_told;

static void look_who_serves(void *context, const char *name, uint64_t number, const struct rk_version *version,
			    enum rk_status result, const struct rk_error *error)
{
	(void)context;
	(void)number;
	(void)version;
	(void)result;
	(void)error;
	bool known;
	struct rk_version *current = rk_registry_acquire(asked, rk_bytes_of(name), &known);
	serving_when_told = current == NULL ? 0 : current->number;
	if (current != NULL)
		rk_registry_release(asked, current);
}

Test(registry_life, tells_of_a_version_before_it_serves)
{
	test_write_model(version_path("1"));
	test_write_model(version_path("2"));
	struct rk_registry_options options = {.models = folder.path,
					      .version = test_options(),
					      .rank = rank_fake,
					      .notify = look_who_serves,
					      .load_nice = 5,
					      .load_stack_bytes = 8 << 20};
	cr_assert_eq(rk_registry_open(&asked, &options, NULL), RK_OK);
	int priority = getpriority(PRIO_PROCESS, 0);
	cr_assert_eq(reload(asked, 1, 0, 1), RK_OK);
	cr_assert_eq(serving_when_told, 0);
	cr_assert_eq(reload(asked, 2, 1, 2), RK_OK, "on a thread of its own");
	cr_assert_eq(serving_when_told, 1);
	cr_assert_eq(getpriority(PRIO_PROCESS, 0), priority, "the caller keeps its priority");
	rk_registry_close(asked);
}

static uint64_t serving_in(struct rk_registry *registry)
{
	bool known;
	struct rk_version *version = rk_registry_acquire(registry, rk_bytes_of("m"), &known);
	cr_assert_not_null(version);
	uint64_t number = version->number;
	rk_registry_release(registry, version);
	return number;
}

Test(registry_life, watching_takes_what_has_settled)
{
	test_write_model(version_path("1"));
	struct rk_registry *registry = opened();
	cr_assert_eq(rk_registry_load(registry, NULL), RK_OK);
	for (int i = 0; i < 3; i++)
		cr_assert(!rk_registry_look_for_news(registry), "there is nothing new");
	test_write_model(version_path("2"));
	cr_assert(!rk_registry_look_for_news(registry), "it may still be written");
	test_write_text(test_path(version_path("2"), "golden.jsonl"), "");
	cr_assert(!rk_registry_look_for_news(registry), "it was");
	cr_assert(rk_registry_look_for_news(registry));
	cr_assert_eq(rk_registry_take_news(registry, NULL), RK_OK);
	cr_assert_eq(serving_in(registry), 2);
	cr_assert_eq(reload(registry, 1, 2, 1), RK_OK);
	for (int i = 0; i < 3; i++)
		cr_assert(!rk_registry_look_for_news(registry), "a rollback holds");
	rk_registry_close(registry);
}

Test(registry_life, watching_tries_a_refused_version_again_when_it_changes)
{
	test_write_model(version_path("1"));
	struct rk_registry *registry = opened();
	cr_assert_eq(rk_registry_load(registry, NULL), RK_OK);
	test_write_model(version_path("2"));
	const char *config = test_path(version_path("2"), "config.json");
	struct rk_bytes good = test_read(config);
	test_write_text(config, "{");
	(void)rk_registry_look_for_news(registry);
	cr_assert(rk_registry_look_for_news(registry));
	struct rk_error error;
	cr_assert_neq(rk_registry_take_news(registry, &error), RK_OK);
	cr_assert_not_null(strstr(error.message, "config.json"), "%s", error.message);
	cr_assert_eq(serving_in(registry), 1);
	for (int i = 0; i < 3; i++)
		cr_assert(!rk_registry_look_for_news(registry), "it is as it was");
	test_write(config, good.data, good.size);
	(void)rk_registry_look_for_news(registry);
	cr_assert(rk_registry_look_for_news(registry));
	cr_assert_eq(rk_registry_take_news(registry, NULL), RK_OK);
	cr_assert_eq(serving_in(registry), 2);
	rk_registry_close(registry);
}
