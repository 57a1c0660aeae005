#include "bench/load/bodies.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct rk_load_mix own = {.kind = RK_LOAD_MIX_OWN};

static struct rk_load_pool open_pool(size_t capacity, double budget_ms)
{
	struct rk_load_target target;
	struct rk_load_pool pool;
	cr_assert_eq(rk_load_target_parse("http://127.0.0.1:81/rank", NULL, &target, NULL), RK_OK);
	cr_assert_eq(rk_load_pool_open(&pool, capacity, &target, budget_ms, NULL), RK_OK);
	return pool;
}

static enum rk_status read_text(struct rk_load_pool *pool, const char *text, const struct rk_load_mix *mix,
				struct rk_error *reterr)
{
	char path[] = "/tmp/rankd-bodies-XXXXXX";
	const int handle = mkstemp(path);
	cr_assert_geq(handle, 0);
	cr_assert_eq(write(handle, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(handle);
	const enum rk_status status = rk_load_bodies_read(pool, path, mix, 1, reterr);
	(void)unlink(path);
	return status;
}

/* The body of request k, after checking that Content-Length tells its size; free it. */
static char *body_of(const struct rk_load_pool *pool, size_t k)
{
	const struct rk_load_request *request = &pool->requests[k];
	char *text = strndup(request->data, request->size);
	const char *body = strstr(text, "\r\n\r\n") + 4;
	const char *length = strstr(text, "Content-Length: ");
	cr_assert(length != NULL && length < body);
	cr_assert_eq(strtoul(length + 16, NULL, 10), strlen(body));
	char *copy = strdup(body);
	free(text);
	return copy;
}

static void has_body(const struct rk_load_pool *pool, size_t k, const char *expected)
{
	char *body = body_of(pool, k);
	cr_assert_str_eq(body, expected);
	free(body);
}

Test(load_bodies, renders_the_whole_request)
{
	struct rk_load_pool pool = open_pool(4, 12.5);
	cr_assert_eq(read_text(&pool, "{\"candidates\":[7]}\n", &own, NULL), RK_OK);
	cr_assert_eq(pool.n, 1);
	static const char expected[] = "POST /rank HTTP/1.1\r\nHost: 127.0.0.1:81\r\nContent-Type: application/json\r\n"
				       "X-Rank-Budget-Ms: 12.5\r\nContent-Length: 18\r\n\r\n{\"candidates\":[7]}";
	cr_assert_eq(pool.requests[0].size, strlen(expected));
	cr_assert_arr_eq(pool.requests[0].data, expected, strlen(expected));
	rk_load_pool_close(&pool);
}

Test(load_bodies, keeps_what_a_line_says)
{
	struct rk_load_pool pool = open_pool(8, 0);
	cr_assert_eq(
		read_text(
			&pool,
			"{\"user\": {\"id\": \"\\u00e9\\\"\"}, \"candidates\": [1, \"2\", {\"item\": 3, \"features\": "
			"{\"a\": 60.7191, \"b\": 0.1}}], \"top_k\": 20}\n\n   \n{\"candidates\": [12345678901234567]}",
			&own, NULL),
		RK_OK);
	cr_assert_eq(pool.n, 2, "as many as there are lines, empty ones left out");
	has_body(&pool, 0,
		 "{\"user\":{\"id\":\"\xc3\xa9\\\"\"},\"candidates\":[1,\"2\",{\"item\":3,\"features\":{\"a\":60.7191,"
		 "\"b\":0.1}}],"
		 "\"top_k\":20}");
	has_body(&pool, 1, "{\"candidates\":[12345678901234567]}");
	cr_assert_null(strstr(pool.head, "Budget"));
	cr_assert_eq(pool.n_candidates.min, 1);
	cr_assert_eq(pool.n_candidates.max, 3);
	cr_assert_eq(pool.n_candidates.sum, 4);
	cr_assert_eq(pool.body_bytes.min, 34);
	rk_load_pool_close(&pool);
}

Test(load_bodies, takes_no_more_lines_than_the_pool_holds)
{
	struct rk_load_pool pool = open_pool(1, 0);
	cr_assert_eq(read_text(&pool, "{\"candidates\":[1]}\n{\"candidates\":[2]}\n", &own, NULL), RK_OK);
	cr_assert_eq(pool.n, 1);
	rk_load_pool_close(&pool);
}

Test(load_bodies, cuts_and_repeats_candidates)
{
	const struct rk_load_mix five = {.kind = RK_LOAD_MIX_FIXED, .n = 5};
	struct rk_load_pool pool = open_pool(40, 0);
	cr_assert_eq(read_text(&pool, "{\"a\":0,\"candidates\":[0,1,2],\"z\":1}\n{\"candidates\":[0,1,2,3,4,5,6,7]}\n",
			       &five, NULL),
		     RK_OK);
	cr_assert_eq(pool.n, 40, "the lines are used around and around");
	bool begins[8] = {false};
	for (size_t k = 0; k < pool.n; k++) {
		char *body = body_of(&pool, k);
		json_t *object = json_loads(body, 0, NULL);
		json_t *candidates = json_object_get(object, "candidates");
		cr_assert_eq(json_array_size(candidates), 5, "%s", body);
		cr_assert_eq(json_object_size(object), k % 2 == 0 ? 3 : 1);
		const json_int_t first = json_integer_value(json_array_get(candidates, 0));
		for (size_t i = 0; i < 5; i++)
			cr_assert_eq(json_integer_value(json_array_get(candidates, i)),
				     (first + (json_int_t)i) % (k % 2 == 0 ? 3 : 8), "%s", body);
		begins[first] = begins[first] || k % 2 == 1;
		json_decref(object);
		free(body);
	}
	int n_begins = 0;
	for (size_t i = 0; i < 8; i++)
		n_begins += begins[i];
	cr_assert_gt(n_begins, 3, "cuts begin at different places");
	cr_assert_eq(pool.n_candidates.min, 5);
	rk_load_pool_close(&pool);
}

Test(load_bodies, names_the_line_at_fault)
{
	static const struct {
		const char *text;
		enum rk_status status;
		const char *reason;
	} cases[] = {
		{"{\"candidates\":[1]}\n{\"candidates\":[1}\n", RK_MALFORMED, "line 2: column"},
		{"[1]\n", RK_INVALID, "line 1: expected a JSON object"},
		{"{}\n", RK_INVALID, "line 1: candidates"},
		{"{\"candidates\":[]}\n", RK_INVALID, "line 1: candidates"},
		{"{\"candidates\":5}\n", RK_INVALID, "line 1: candidates"},
		{"{\"candidates\":[1],\"candidates\":[1]}\n", RK_MALFORMED, "line 1"},
		{"\n\n", RK_INVALID, "expected at least one request"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_load_pool pool = open_pool(4, 0);
		struct rk_error error;
		cr_assert_eq(read_text(&pool, cases[i].text, &own, &error), cases[i].status, "%s", cases[i].text);
		cr_assert_not_null(strstr(error.message, cases[i].reason), "%s", error.message);
		rk_load_pool_close(&pool);
	}
	struct rk_load_pool pool = open_pool(4, 0);
	cr_assert_eq(rk_load_bodies_read(&pool, "/nonexistent/bodies", &own, 1, NULL), RK_NOT_FOUND);
	rk_load_pool_close(&pool);
}

Test(load_bodies, makes_bodies_of_ids)
{
	const struct rk_load_made made = {.id_low = 10, .id_high = 12, .n_events = 3, .actions = "click,like"};
	const struct rk_load_mix four = {.kind = RK_LOAD_MIX_FIXED, .n = 4};
	struct rk_load_pool pool = open_pool(20, 0), again = open_pool(20, 0), other = open_pool(20, 0);
	cr_assert_eq(rk_load_bodies_make(&pool, &made, &four, 9, NULL), RK_OK);
	cr_assert_eq(rk_load_bodies_make(&again, &made, &four, 9, NULL), RK_OK);
	cr_assert_eq(rk_load_bodies_make(&other, &made, &four, 8, NULL), RK_OK);
	cr_assert_eq(pool.n, 20);
	for (size_t k = 0; k < pool.n; k++) {
		static const char *const actions[] = {"click", "like", "click"};
		char *body = body_of(&pool, k);
		json_t *object = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
		cr_assert_not_null(object, "%s", body);
		json_t *history = json_object_get(object, "history");
		json_t *candidates = json_object_get(object, "candidates");
		cr_assert_eq(json_array_size(history), 3);
		cr_assert_eq(json_array_size(candidates), 4);
		for (size_t i = 0; i < 3; i++) {
			const json_t *event = json_array_get(history, i);
			const json_int_t id = json_integer_value(json_object_get(event, "item"));
			cr_assert(id >= 10 && id <= 12);
			cr_assert_str_eq(json_string_value(json_object_get(event, "action")), actions[i]);
		}
		for (size_t i = 0; i < 4; i++) {
			const json_int_t id = json_integer_value(json_array_get(candidates, i));
			cr_assert(id >= 10 && id <= 12);
		}
		has_body(&again, k, body);
		json_decref(object);
		free(body);
	}
	cr_assert(pool.used_bytes != other.used_bytes ||
		  memcmp(pool.requests[0].data, other.requests[0].data, pool.used_bytes) != 0);
	rk_load_pool_close(&pool);
	rk_load_pool_close(&again);
	rk_load_pool_close(&other);
}

Test(load_bodies, makes_bodies_without_history_or_actions)
{
	const struct rk_load_made made = {.id_low = 5, .id_high = 5, .n_events = 0};
	const struct rk_load_mix two = {.kind = RK_LOAD_MIX_FIXED, .n = 2};
	struct rk_load_pool pool = open_pool(1, 0);
	cr_assert_eq(rk_load_bodies_make(&pool, &made, &two, 1, NULL), RK_OK);
	has_body(&pool, 0, "{\"history\":[],\"candidates\":[5,5]}");
	rk_load_pool_close(&pool);
}

Test(load_bodies, refuses_actions_that_need_escapes)
{
	static const char *const names[] = {"", ",a", "a,", "a,,b", "a\"b", "a\\b", "a\nb"};
	const struct rk_load_mix two = {.kind = RK_LOAD_MIX_FIXED, .n = 2};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct rk_load_made made = {.id_low = 5, .id_high = 5, .n_events = 1, .actions = names[i]};
		struct rk_load_pool pool = open_pool(1, 0);
		cr_assert_eq(rk_load_bodies_make(&pool, &made, &two, 1, NULL), RK_INVALID, "%s", names[i]);
		rk_load_pool_close(&pool);
	}
}

Test(load_bodies, the_pool_bounds_its_bytes)
{
	struct rk_load_pool pool = open_pool(2, 0);
	struct rk_error error;
	const struct rk_bytes huge = {"", RK_LOAD_MAX_POOL_BYTES};
	cr_assert_eq(rk_load_pool_add(&pool, huge, 1, &error), RK_LIMIT);
	cr_assert_not_null(strstr(error.message, "--pool"));
	cr_assert_eq(pool.n, 0);
	rk_load_pool_close(&pool);
}
