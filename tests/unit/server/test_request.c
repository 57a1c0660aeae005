/* What a decoded request holds. */
#include "server/text.h"
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ROW_0 = 648713160, ROW_1 = 74861934 }; /* ids of the first rows of tests/golden/sasrec_mlp */

static struct test_decoding decode_text(const char *model, const char *body)
{
	struct test_decoding decoding;
	test_decode(&decoding, test_version(model, &test_limits), test_body(body, strlen(body)), "", &test_limits,
		    rk_request_arena_bytes(&test_limits));
	cr_assert(decoding.decoded, "%s %s", decoding.refusal.faults.faults[0].pointer,
		  decoding.refusal.faults.faults[0].message);
	return decoding;
}

static void assert_text(struct rk_bytes text, const char *expected)
{
	cr_assert(rk_bytes_equal(text, rk_bytes_of(expected)), "%.*s", (int)text.size, text.data);
}

Test(request, defaults)
{
	struct rk_request request = decode_text("sasrec_mlp", "{\"candidates\":[1,2,3]}").request;
	cr_assert_str_eq(request.request_id, "");
	cr_assert_not(request.has_user_id);
	cr_assert_eq(request.top_k, 3);
	cr_assert_not(request.explain);
	cr_assert_not(request.fail_on_deadline);
	cr_assert(isinf(request.budget_ms));
	cr_assert_eq(request.input.n_events, 0);
	cr_assert_eq(request.input.n_candidates, 3);
	for (int k = 0; k < 4; k++)
		cr_assert_eq(request.input.candidate_features[k].row, 0, "missing");
}

Test(request, everything)
{
	struct test_decoding decoding = decode_text(
		"sasrec_mlp", "{\"request_id\":\"f3a9\",\"user\":{\"id\":\"u42\",\"features\":{\"hour\":21}},"
			      "\"candidates\":[1,2,3],\"top_k\":2,\"explain\":true,\"budget_ms\":30.5,"
			      "\"on_deadline\":\"fail\",\"model\":\"sasrec_mlp\",\"context\":{}}");
	struct rk_request *request = &decoding.request;
	cr_assert_str_eq(request->request_id, "f3a9");
	cr_assert(request->has_user_id);
	assert_text(request->user_id.text, "u42");
	cr_assert_eq(request->top_k, 2);
	cr_assert(request->explain);
	cr_assert(request->fail_on_deadline);
	cr_assert_eq(request->budget_ms, 30.5);
	cr_assert_eq(request->input.user_features[0].row, 22);
	cr_assert_eq(request->input.user_features[1].number, 0, "missing is 0 after normalising");
}

Test(request, both_spellings_of_an_id_find_the_row_and_are_kept)
{
	struct rk_request request =
		decode_text("sasrec_mlp", "{\"candidates\":[648713160,\"648713160\",\"0648713160\",\"+648713160\","
					  "{\"item\":\"74861934\"},-648713160,\"\\u0036\\/\\\"\\n\"]}")
			.request;
	static const int32_t rows[] = {0, 0, -1, -1, 1, -1, -1};
	for (int i = 0; i < 7; i++)
		cr_assert_eq(request.input.candidate_rows[i], rows[i], "%d", i);
	cr_assert_eq(request.n_unknown_candidates, 4);
	cr_assert(request.candidate_ids[0].is_integer);
	cr_assert_eq(request.candidate_ids[0].integer, ROW_0);
	cr_assert_not(request.candidate_ids[1].is_integer);
	assert_text(request.candidate_ids[1].text, "648713160");
	assert_text(request.candidate_ids[4].text, "74861934");
	assert_text(request.candidate_ids[6].text, "6/\"\n");
}

Test(request, ids_of_a_table_of_strings)
{
	struct rk_request request =
		decode_text("odds_reward", "{\"candidates\":[\"vid-94eb8\",\"vid-94EB8\",\"\\u89c6\\u9891386607\",7]}")
			.request;
	cr_assert_eq(request.input.candidate_rows[0], 0);
	cr_assert_eq(request.input.candidate_rows[1], -1);
	cr_assert_eq(request.input.candidate_rows[2], 4);
	cr_assert_eq(request.input.candidate_rows[3], -1);
}

Test(request, events)
{
	struct rk_request request =
		decode_text("sasrec_mlp",
			    "{\"candidates\":[1],\"history\":["
			    "{\"item\":74861934,\"action\":[\"like\",\"click\",\"like\",\"nope\",\"nope\"],"
			    "\"watch_ms\":1200,\"duration_ms\":20000.5,\"timestamp\":1650812741},"
			    "{\"item\":5,\"action\":\"short_view\",\"watch_ms\":0},"
			    "{\"action\":\"NOPE\",\"item\":\"648713160\"}]}")
			.request;
	const struct rk_rank_input *input = &request.input;
	cr_assert_eq(input->n_events, 3);
	cr_assert_eq(input->event_rows[0], 1);
	cr_assert_eq(input->event_rows[1], -1);
	cr_assert_eq(input->event_rows[2], 0);
	cr_assert_eq(input->event_actions[0], 1u << 0 | 1u << 2);
	cr_assert_eq(input->event_actions[1], 1u << 6);
	cr_assert_eq(input->event_actions[2], 0);
	cr_assert_eq(input->watch_ms[0], 1200);
	cr_assert_eq(input->duration_ms[0], 20000.5);
	cr_assert_eq(input->watch_ms[1], 0);
	cr_assert(isnan(input->duration_ms[1]));
	cr_assert(isnan(input->watch_ms[2]));
	cr_assert_eq(request.n_unknown_events, 1);
	cr_assert_eq(request.n_unknown_actions, 3, "each mention counts");
}

Test(request, features_of_candidates_lie_row_by_row)
{
	struct test_decoding decoding = decode_text(
		"sasrec_mlp", "{\"candidates\":[1,{\"item\":2,\"features\":{\"channel\":\"nearby\",\"other\":1,"
			      "\"age_hours\":7}},{\"features\":{\"channel\":\"hot\"},\"item\":3}]}");
	const union rk_feature_value *values = decoding.request.input.candidate_features;
	cr_assert_eq(values[0].row, 0);
	cr_assert_eq(values[1].row, 0);
	cr_assert_float_eq(values[2].number, (log1p(7) - 3.0) / 1.5, 1e-6);
	cr_assert_eq(values[3].row, 3);
	cr_assert_eq(values[4].number, 0);
	cr_assert_eq(values[5].row, 1);
}

Test(request, weights_are_laid_over_the_models)
{
	struct test_decoding decoding =
		decode_text("rank_fusion",
			    "{\"candidates\":[1],\"reward\":{\"weights\":{\"like\":2.5,\"follow\":0,\"click\":null}}}");
	static const float weights[] = {1, 0, 2.5f, 0, 0, -1};
	static const uint8_t has_weight[] = {1, 0, 1, 1, 0, 1};
	for (int k = 0; k < 6; k++) {
		cr_assert_eq(decoding.request.input.weights[k], weights[k]);
		cr_assert_eq(decoding.request.input.has_weight[k], has_weight[k]);
	}
	cr_assert_eq(decoding.version->model.config.reward.weights[2], 1, "the model's own stay");
}

Test(request, request_ids)
{
	cr_assert(rk_request_id_fits(rk_bytes_of("aZ09._-")));
	cr_assert_not(rk_request_id_fits(rk_bytes_of("")));
	cr_assert_not(rk_request_id_fits(rk_bytes_of("a/b")));
	cr_assert_not(rk_request_id_fits((struct rk_bytes){"a\0", 2}));
	cr_assert_not(rk_request_id_fits(rk_bytes_of("\xc3\xa9")));
}

/* Everything that a decoding gave, as text. */
static void dump(const struct rk_request *request, char *ret_text, size_t size)
{
	const struct rk_rank_input *input = &request->input;
	const struct rk_config *config = &request->version->model.config;
	uint32_t n_features = config->candidate_features.n;
	struct rk_text out;
	rk_text_init(&out, ret_text, size - 1);
	rk_text_put_text(&out, request->request_id);
	rk_text_put_json(&out, request->user_id.text);
	rk_text_put_unsigned(&out, request->top_k);
	rk_text_put_fixed(&out, request->budget_ms, 6);
	rk_text_put_unsigned(&out, request->n_unknown_candidates * 10000 + request->n_unknown_actions);
	for (uint32_t i = 0; i < input->n_candidates; i++) {
		rk_text_put_char(&out, '\n');
		rk_text_put_integer(&out, input->candidate_rows[i]);
		rk_text_put_char(&out, ' ');
		rk_text_put_integer(&out, request->candidate_ids[i].integer);
		rk_text_put_json(&out, request->candidate_ids[i].text);
		for (uint32_t k = 0; k < n_features; k++)
			rk_text_put_unsigned(&out, input->candidate_features[i * n_features + k].row);
	}
	for (uint32_t i = 0; i < input->n_events; i++) {
		rk_text_put_char(&out, '\n');
		rk_text_put_integer(&out, input->event_rows[i]);
		rk_text_put_char(&out, ' ');
		rk_text_put_unsigned(&out, input->event_actions[i]);
		rk_text_put_fixed(&out, input->watch_ms[i], 3);
	}
	for (uint32_t k = 0; k < config->signals.n; k++)
		rk_text_put_float(&out, input->weights[k]);
	cr_assert_not(out.overflowed);
	ret_text[out.used] = '\0';
}

/* The arena made larger by 8 bytes at a time: every allocation in it fails in turn. */
Test(request, running_out_of_memory_refuses_and_never_changes_a_value, .timeout = 60)
{
	static const char body[] =
		"{\"request_id\":\"r-1\",\"user\":{\"id\":\"a user whose \\u0069d is long\",\"features\":{\"hour\":3}},"
		"\"candidates\":[12345678901234567,\"7654321098765432\\u0031\",{\"item\":648713160,\"features\":"
		"{\"age_hours\":3.25,\"channel\":\"h\\u006ft\",\"unknown\":{\"a\":[1,2,3]}}}],"
		"\"history\":[{\"item\":12345678901234567,\"action\":[\"click\",\"like\",\"nope\"],\"watch_ms\":61802."
		"5},"
		"{\"item\":74861934,\"action\":\"hate\",\"watch_ms\":1}],"
		"\"reward\":{\"weights\":{\"like\":2.5,\"hate\":-123456.78}},\"budget_ms\":30.25,"
		"\"context\":{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10}}";
	static char good[4096], other[4096];
	struct test_decoding decoding = decode_text("sasrec_mlp", body);
	dump(&decoding.request, good, sizeof(good));
	size_t needed = decoding.arena.peak, n_refused = 0, n_equal = 0;
	struct rk_request_source source = {
		.body = rk_bytes_of(body), .limits = &test_limits, .resolver = test_resolver(&decoding)};
	for (size_t size = 0; size <= needed + 64; size += 8) {
		struct rk_arena arena = test_arena(size);
		struct rk_request request;
		struct rk_request_refusal refusal;
		if (rk_request_decode(&source, &arena, &request, &refusal)) {
			dump(&request, other, sizeof(other));
			cr_assert_str_eq(other, good, "at %zu", size);
			n_equal++;
		} else {
			cr_assert_eq(refusal.problem, RK_PROBLEM_TOO_LARGE, "at %zu", size);
			n_refused++;
		}
	}
	cr_assert_gt(n_refused, 20);
	cr_assert_gt(n_equal, 0);
}
