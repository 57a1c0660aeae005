/* The arena's size suffices for the worst bodies, and running out of it is never a wrong value. */
#include "server/json_arena.h"
#include "server/text.h"
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

static char *text;
static size_t text_size;

static void put(const char *piece)
{
	size_t n = strlen(piece);
	memcpy(text + text_size, piece, n);
	text_size += n;
}

static void repeat(const char *open, const char *unit, const char *close, size_t n)
{
	text_size = 0;
	put(open);
	for (size_t i = 0; i < n; i++) {
		put(i == 0 ? "" : ",");
		put(unit);
	}
	put(close);
}

/* {"a":v,"b":v,…}: the shortest keys that differ. */
static void repeat_keys(const char *value, size_t n)
{
	text_size = 0;
	for (size_t i = 0; i < n; i++) {
		char key[16];
		size_t size = 0;
		for (size_t rest = i; rest > 0 || size == 0; rest /= 64)
			key[size++] = (char)('?' + rest % 64 - (rest % 64 == '\\' - '?' ? '\\' - '+' : 0));
		key[size] = '\0';
		put(i == 0 ? "{\"" : ",\"");
		put(key);
		put("\":");
		put(value);
	}
	put("}");
}

/* Whether the text loads in the memory that the two constants give it. */
static void assert_loads(void)
{
	struct rk_json_arena arena;
	json_error_t error;
	size_t size = RK_JSON_ARENA_BASE + RK_JSON_ARENA_FACTOR * text_size;
	char *memory = malloc(size);
	rk_json_arena_init(&arena, memory, size);
	rk_json_arena_begin(&arena);
	json_t *root = json_loadb(text, text_size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	rk_json_arena_end();
	cr_assert_not_null(root, "%.60s: %s", text, error.text);
	cr_assert_not(arena.out_of_memory, "%.60s", text);
	free(memory);
}

Test(json_arena, suffices_for_the_worst_texts_of_any_size)
{
	static const char *const units[] = {"{}",
					    "[]",
					    "0",
					    "0.1",
					    "\"\"",
					    "\"\\n\"",
					    "[0]",
					    "{\"\":{}}",
					    "{\"\":[]}",
					    "{\"item\":1}",
					    "{\"item\":1,\"features\":{\"a\":1}}"};
	text = malloc(1 << 23);
	rk_json_arena_install();
	for (size_t n = 1; n <= 65537; n = n < 70 ? n + 1 : n * 3 / 2) {
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			repeat("[", units[i], "]", n);
			assert_loads();
		}
		repeat_keys("0", n);
		assert_loads();
		repeat_keys("{}", n);
		assert_loads();
	}
	repeat("[", "{}", "]", 65537);
	assert_loads();
	free(text);
}

Test(json_arena, without_one_the_heap_is_used)
{
	rk_json_arena_install();
	json_t *value = json_pack("{s:[i,i]}", "a", 1, 2);
	cr_assert_not_null(value);
	json_decref(value);
}

Test(json_arena, the_flag_stays)
{
	_Alignas(8) static char memory[256];
	struct rk_json_arena arena;
	rk_json_arena_install();
	rk_json_arena_init(&arena, memory, sizeof(memory));
	rk_json_arena_begin(&arena);
	cr_assert_null(json_stringn("0123456789012345678901234567890123456789012345678901234567890123456789"
				    "0123456789012345678901234567890123456789012345678901234567890123456789"
				    "0123456789012345678901234567890123456789012345678901234567890123456789"
				    "0123456789012345678901234567890123456789",
				    250));
	cr_assert(arena.out_of_memory);
	cr_assert_null(json_integer(1), "an arena that ran out stays so");
	rk_json_arena_end();
}

/* Everything that the decoding gave, as text. */
static void dump(const struct test_decoding *decoding, char *ret_text, size_t size)
{
	const struct rk_request *request = &decoding->request;
	const struct rk_rank_input *input = &request->input;
	const struct rk_config *config = &decoding->version->model.config;
	struct rk_text out;
	rk_text_init(&out, ret_text, size - 1);
	rk_text_put_text(&out, request->request_id);
	rk_text_put_json(&out, request->user_id.text);
	rk_text_put_unsigned(&out, request->top_k);
	rk_text_put_fixed(&out, request->budget_ms, 6);
	rk_text_put_unsigned(&out, request->n_unknown_candidates * 10000 + request->n_unknown_actions);
	for (uint32_t i = 0; i < input->n_candidates; i++) {
		const struct rk_item_id *id = &request->candidate_ids[i];
		rk_text_put_char(&out, '\n');
		rk_text_put_integer(&out, input->candidate_rows[i]);
		rk_text_put_char(&out, ' ');
		rk_text_put_integer(&out, id->integer);
		rk_text_put_json(&out, id->text);
		for (uint32_t k = 0; k < config->candidate_features.n; k++) {
			rk_text_put_char(&out, ' ');
			rk_text_put_unsigned(&out, input->candidate_features[i * config->candidate_features.n + k].row);
		}
	}
	for (uint32_t i = 0; i < input->n_events; i++) {
		rk_text_put_char(&out, '\n');
		rk_text_put_integer(&out, input->event_rows[i]);
		rk_text_put_char(&out, ' ');
		rk_text_put_unsigned(&out, input->event_actions[i]);
		rk_text_put_char(&out, ' ');
		rk_text_put_fixed(&out, input->watch_ms[i], 3);
	}
	for (uint32_t k = 0; k < config->signals.n; k++)
		rk_text_put_float(&out, input->weights[k]);
	cr_assert_not(out.overflowed);
	ret_text[out.used] = '\0';
}

/* The arena made smaller by 8 bytes at a time fails every allocation in turn. */
Test(json_arena, running_out_refuses_and_never_changes_a_value, .timeout = 60)
{
	static const char body[] =
		"{\"request_id\":\"r-1\",\"user\":{\"id\":\"a user whose id is rather "
		"long\",\"features\":{\"hour\":3}},"
		"\"candidates\":[12345678901234567,\"76543210987654321\",{\"item\":648713160,\"features\":"
		"{\"age_hours\":3.25,\"channel\":\"hot\",\"unknown\":{\"a\":[1,2,3]}}}],"
		"\"history\":[{\"item\":12345678901234567,\"action\":[\"click\",\"like\",\"nope\"],\"watch_ms\":61802."
		"5},"
		"{\"item\":74861934,\"action\":\"hate\",\"watch_ms\":1}],"
		"\"reward\":{\"weights\":{\"like\":2.5,\"hate\":-123456.78}},\"budget_ms\":30.25,"
		"\"context\":{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10}}";
	static char good[4096], other[4096];
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	struct test_decoding decoding;
	test_decode(&decoding, version, rk_bytes_of(body), "", &test_limits, rk_request_arena_bytes(&test_limits));
	cr_assert(decoding.decoded);
	dump(&decoding, good, sizeof(good));
	size_t needed = decoding.arena.used, n_refused = 0, n_equal = 0;
	for (size_t size = 0; size <= needed + 64; size += 8) {
		struct rk_arena arena = decoding.arena;
		arena.used = 0;
		arena.overflowed = false;
		arena.size = size;
		struct test_decoding again = {.version = version};
		struct rk_request_source source = {.body = rk_bytes_of(body), .limits = &test_limits};
		source.resolver = test_resolver(&again);
		if (!rk_request_decode(&source, &arena, &again.request, &again.refusal)) {
			cr_assert_eq(again.refusal.problem, RK_PROBLEM_TOO_LARGE, "at %zu", size);
			n_refused++;
			continue;
		}
		dump(&again, other, sizeof(other));
		cr_assert_str_eq(other, good, "at %zu", size);
		n_equal++;
	}
	cr_assert_gt(n_refused, needed / 8 / 2);
	cr_assert_gt(n_equal, 0);
}
