#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

struct rk_version *test_version(const char *name, const struct rk_request_limits *limits)
{
	char path[512];
	struct rk_version *version = NULL;
	struct rk_error error = {0};
	struct rk_version_options options = {
		.limits = {.max_candidates = limits->max_candidates, .max_events = limits->max_events},
		.tier = rk_cpu_detect(),
		.n_workers = 1};
	(void)snprintf(path, sizeof(path), "%s/%s/1", GOLDEN_FOLDER, name);
	cr_assert_eq(rk_version_open(&version, path, name, 1, &options, &error), RK_OK, "%s", error.message);
	return version;
}

/* `size` bytes that end at a guard page, their start aligned down to `alignment`. */
static char *guarded(size_t size, size_t alignment)
{
	size_t whole = (size + PAGE - 1) / PAGE * PAGE;
	char *memory = mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	cr_assert_eq(mprotect(memory + whole, PAGE, PROT_NONE), 0);
	return memory + (whole - size) / alignment * alignment;
}

struct rk_arena test_arena(size_t size)
{
	struct rk_arena arena;
	rk_arena_init(&arena, guarded(size, RK_ARENA_ALIGNMENT), size);
	return arena;
}

struct rk_bytes test_body(const char *text, size_t size)
{
	char *body = guarded(size, 1);
	memcpy(body, text, size);
	return (struct rk_bytes){body, size};
}

static struct rk_version *acquire(void *context, struct rk_bytes name, bool *ret_known)
{
	struct test_decoding *decoding = context;
	decoding->n_acquired++;
	*ret_known = name.size == 0 || decoding->version == NULL ||
		     rk_bytes_equal(name, rk_bytes_of(decoding->version->name));
	return *ret_known ? decoding->version : NULL;
}

struct rk_resolver test_resolver(struct test_decoding *decoding)
{
	return (struct rk_resolver){.acquire = acquire, .context = decoding};
}

void test_decode(struct test_decoding *decoding, struct rk_version *version, struct rk_bytes body,
		 const char *path_model, const struct rk_request_limits *limits, size_t arena_bytes)
{
	*decoding = (struct test_decoding){.version = version, .arena = test_arena(arena_bytes)};
	struct rk_request_source source = {.body = body,
					   .path_model = rk_bytes_of(path_model),
					   .limits = limits,
					   .resolver = test_resolver(decoding)};
	decoding->decoded = rk_request_decode(&source, &decoding->arena, &decoding->request, &decoding->refusal);
	cr_assert_leq(decoding->n_acquired, 1);
}
