#include "tests/unit/loader/config_rules.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static enum rk_status read_config(const char *json, struct rk_config *config, struct rk_error *error)
{
	struct rk_arena arena = test_arena(rk_config_arena_bytes(strlen(json)));
	enum rk_status status = rk_config_read(config, rk_bytes_of(json), &arena, error);
	cr_assert_not(arena.overflowed, "rk_config_arena_bytes is too small for %.80s", json);
	return status;
}

/* The text with the first `from` in it made `to`. */
static const char *replaced(const char *text, const char *from, const char *to)
{
	static char results[2][16384];
	char *result = text == results[0] ? results[1] : results[0];
	const char *at = strstr(text, from);
	cr_assert_not_null(at, "%s is not in the config", from);
	(void)snprintf(result, sizeof(results[0]), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return result;
}

static bool is_name(struct rk_bytes name, const char *text)
{
	return rk_bytes_equal(name, rk_bytes_of(text)) && name.data[name.size] == '\0';
}

Test(config, every_key_reaches_its_place)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(read_config(test_config_text, &config, &error), RK_OK, "%s", error.message);
	cr_assert(is_name(config.note, "a note"));
	cr_assert_eq(config.dim, 4);
	cr_assert_eq(config.actions.n, 4);
	cr_assert(is_name(config.actions.names[3], "skip"));
	cr_assert_eq(config.n_derived_actions, 1);
	cr_assert_eq(config.derived_actions[0].action, 3);
	cr_assert_eq(config.derived_actions[0].condition, RK_CONDITION_WATCH_MS_BELOW);
	cr_assert_eq(config.derived_actions[0].threshold, 3000);
	const struct rk_encoder_config *encoder = &config.encoder;
	cr_assert(encoder->type == RK_ENCODER_SASREC && encoder->max_history == 5 && encoder->n_layers == 1);
	cr_assert(encoder->n_heads == 2 && encoder->ffn == 6 && encoder->activation == RK_ACTIVATION_GELU);
	cr_assert(encoder->norm == RK_NORM_PRE && encoder->position == RK_POSITION_FROM_END);
	cr_assert(encoder->use_actions && encoder->input_norm && encoder->scale_embedding && encoder->final_norm);
	cr_assert_float_eq(encoder->norm_eps, 1e-6F, 0);
	cr_assert(config.golden_tolerance == 1e-3 && config.precision == RK_PRECISION_F32);
	cr_assert(config.ranker.type == RK_RANKER_MLP && config.ranker.n_hidden == 2 && config.ranker.hidden[0] == 7);
	cr_assert(config.ranker.hidden[1] == 5 && config.ranker.activation == RK_ACTIVATION_RELU);
	cr_assert_eq(config.ranker.attention_heads, 2);
	cr_assert_eq(config.reward.type, RK_REWARD_ADDITIVE);
	cr_assert(config.reward.has_weight[0] == 0 && config.reward.has_weight[1] == 1);
	cr_assert(config.reward.weights[0] == 0 && config.reward.weights[1] == 2.5F);
	cr_assert_eq(rk_config_ranker_width(&config), 5 * 4 + 3 + 1);
}

Test(config, feedback_is_bitsets)
{
	struct rk_config config;
	cr_assert_eq(read_config(test_config_text, &config, NULL), RK_OK);
	const struct rk_polarity_config *positive = &config.feedback[RK_POSITIVE];
	const struct rk_polarity_config *negative = &config.feedback[RK_NEGATIVE];
	cr_assert(positive->present && positive->max == 3 && positive->explicit_actions[0] == 2);
	cr_assert_eq(positive->implicit_actions[0], 0);
	cr_assert(negative->present && negative->max == 2 && negative->explicit_actions[0] == 4);
	cr_assert_eq(negative->implicit_actions[0], 8);
}

Test(config, categorical_values_are_sorted_with_their_rows)
{
	struct rk_config config;
	cr_assert_eq(read_config(test_config_text, &config, NULL), RK_OK);
	const struct rk_feature_config *hour = &config.user_features.features[0];
	cr_assert(is_name(hour->name, "hour") && hour->type == RK_FEATURE_CATEGORICAL && hour->dim == 2);
	cr_assert(hour->n_values == 4 && hour->n_integers == 2 && hour->n_strings == 2);
	cr_assert(hour->integers[0] == -1 && hour->integer_rows[0] == 3);
	cr_assert(hour->integers[1] == 5 && hour->integer_rows[1] == 1);
	cr_assert(is_name(hour->strings[0], "5") && hour->string_rows[0] == 2);
	cr_assert(is_name(hour->strings[1], "b") && hour->string_rows[1] == 4);
	const struct rk_feature_config *age = &config.user_features.features[1];
	cr_assert(age->type == RK_FEATURE_NUMERIC && age->mean == 4 && age->std == 2.5 && age->log1p);
	cr_assert(config.user_features.n == 2 && config.user_features.width == 3);
	cr_assert(config.candidate_features.n == 1 && config.candidate_features.width == 1);
}

static const char smallest[] =
	"{\"format\": \"rankd-model/1\", \"dim\": 1, \"encoder\": {\"type\": \"mean\", \"max_history\": 1},"
	" \"ranker\": {\"type\": \"dot\"}, \"signals\": [\"s\"], \"reward\": {\"type\": \"odds\", \"signal\": \"s\"}}";

Test(config, defaults)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(read_config(smallest, &config, &error), RK_OK, "%s", error.message);
	cr_assert(config.note.size == 0 && config.actions.n == 0 && config.n_derived_actions == 0);
	cr_assert(config.encoder.position == RK_POSITION_NONE && !config.encoder.use_actions);
	cr_assert_float_eq(config.encoder.norm_eps, 1e-5F, 0);
	cr_assert(!config.feedback[0].present && !config.feedback[1].present);
	cr_assert(config.user_features.n == 0 && config.candidate_features.n == 0);
	cr_assert(config.golden_tolerance == 1e-4 && config.precision == RK_PRECISION_F32);
	cr_assert(config.reward.signal == 0 && config.reward.has_weight[0] == 0 && config.reward.weights[0] == 0);
	cr_assert_eq(rk_config_ranker_width(&config), 0);
}

Test(config, keys_of_other_types_are_ignored_but_checked)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	const char *mean = replaced(test_config_text, "\"sasrec\"", "\"mean\"");
	cr_assert_eq(read_config(mean, &config, &error), RK_OK, "%s", error.message);
	cr_assert(config.encoder.n_layers == 0 && config.encoder.n_heads == 0 && config.encoder.ffn == 0);
	cr_assert_not(config.encoder.final_norm);
	cr_assert_eq(read_config(replaced(mean, "\"heads\": 2", "\"heads\": 3"), &config, NULL), RK_OK,
		     "heads that nobody uses need not divide dim");
	const char *gru = replaced(test_config_text, "\"sasrec\"", "\"gru4rec\"");
	cr_assert_eq(read_config(gru, &config, NULL), RK_OK);
	cr_assert(config.encoder.n_layers == 1 && config.encoder.n_heads == 0 && !config.encoder.final_norm);
	mean = replaced(test_config_text, "\"sasrec\"", "\"mean\"");
	cr_assert_eq(read_config(replaced(mean, "\"heads\": 2", "\"heads\": \"two\""), &config, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "encoder.heads: expected an integer from 1 to 4096, found the string \"two\"");
	const char *extra = replaced(test_config_text, "\"hidden\"",
				     "\"experts\": 3, \"cross\": {\"layers\": 2}, \"tower_hidden\": [1], \"hidden\"");
	cr_assert_eq(read_config(extra, &config, &error), RK_OK, "%s", error.message);
	cr_assert(config.ranker.n_experts == 0 && config.ranker.n_cross_layers == 0 &&
		  config.ranker.n_tower_hidden == 0);
}

Test(config, the_types_of_rankers)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	const char *mmoe = replaced(test_config_text, "\"mlp\",", "\"mmoe\", \"experts\": 3, \"tower_hidden\": [9],");
	cr_assert_eq(read_config(mmoe, &config, &error), RK_OK, "%s", error.message);
	cr_assert(config.ranker.n_experts == 3 && config.ranker.n_tower_hidden == 1 &&
		  config.ranker.tower_hidden[0] == 9);
	const char *dcn = replaced(test_config_text, "\"mlp\",", "\"dcn_v2\", \"cross\": {\"layers\": 2},");
	cr_assert_eq(read_config(dcn, &config, NULL), RK_OK);
	cr_assert_eq(config.ranker.n_cross_layers, 2);
	const char *rank = replaced(test_config_text, "\"additive\",", "\"rank\", \"rank_offset\": 60,");
	cr_assert_eq(read_config(rank, &config, NULL), RK_OK);
	cr_assert(config.reward.type == RK_REWARD_RANK && config.reward.rank_offset == 60);
}

Test(config, each_rule_broken_by_itself_is_named)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct rk_config config = {.dim = 99};
		struct rk_error error = {.status = RK_OK};
		const char *json = replaced(test_config_text, broken[i].from, broken[i].to);
		enum rk_status status = read_config(json, &config, &error);
		cr_expect_neq(status, RK_OK, "%s -> %s", broken[i].from, broken[i].to);
		cr_expect_str_eq(error.message, broken[i].message, "%s -> %s: %s", broken[i].from, broken[i].to,
				 error.message);
		cr_expect_eq(error.status, status);
		cr_expect_eq(config.dim, 99, "outputs are written only on success");
	}
}

/* Every prefix of the text is an error and nothing worse. */
Test(config, every_truncation_is_refused)
{
	const size_t n = strlen(test_config_text);
	struct rk_arena arena = test_arena(rk_config_arena_bytes(n));
	for (size_t size = 0; size < n; size++) {
		struct rk_config config;
		rk_arena_reset(&arena);
		cr_assert_neq(rk_config_read(&config, (struct rk_bytes){test_config_text, size}, &arena, NULL), RK_OK);
	}
}

/* Every flip of one bit: read or refused; what is read has sane sizes. */
Test(config, every_flipped_bit_is_survived)
{
	static char text[4096];
	const size_t n = strlen(test_config_text);
	cr_assert(n < sizeof(text));
	struct rk_arena arena = test_arena(rk_config_arena_bytes(n));
	memcpy(text, test_config_text, n);
	unsigned n_read = 0;
	for (size_t bit = 0; bit < 8 * n; bit++) {
		struct rk_config config;
		rk_arena_reset(&arena);
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		if (rk_config_read(&config, (struct rk_bytes){text, n}, &arena, NULL) == RK_OK) {
			n_read++;
			cr_assert(config.dim >= 1 && config.dim <= 4096 &&
				  config.dim % config.ranker.attention_heads == 0);
			cr_assert(config.signals.n == 2 && rk_config_ranker_width(&config) < 1 << 20);
		}
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	cr_assert(n_read > 20, "only %u of the flips gave another valid config", n_read);
}

/* head, then n times `before` i `after` with commas between, then "]" */
static char *list_of(const char *head, size_t n, const char *before, const char *after)
{
	size_t room = n * (strlen(before) + strlen(after) + 16) + strlen(head) + 64;
	char *list = test_alloc(room);
	size_t used = (size_t)snprintf(list, room, "%s", head);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(list + used, room - used, "%s%s%zu%s", i > 0 ? "," : "", before, i, after);
	(void)snprintf(list + used, room - used, "]");
	return list;
}

static char *with(const char *from, const char *to)
{
	const char *at = strstr(test_config_text, from);
	cr_assert_not_null(at, "%s is not in the config", from);
	size_t size = strlen(test_config_text) + strlen(to) + 1;
	char *text = test_alloc(size);
	(void)snprintf(text, size, "%.*s%s%s", (int)(at - test_config_text), test_config_text, to, at + strlen(from));
	return text;
}

/* The densest lists that JSON can hold fit the arena that rk_config_arena_bytes promises. */
Test(config, large_lists_fit_or_are_limits)
{
	static const char values[] = "[5, \"5\", -1, \"b\"]", actions[] = "[\"click\", \"like\", \"hate\", \"skip\"]";
	static const char known[] = "[\"like\",\"hate\",\"skip\",";
	static const char candidates[] = "[{\"name\": \"price\", \"type\": \"numeric\", \"mean\": 0, \"std\": 1}]";
	static const char categorical[] = "\",\"type\":\"categorical\",\"values\":[1,\"1\"],\"dim\":1}";
	const struct {
		char *json;
		const char *message; /* NULL: fine */
	} cases[] = {
		{with(values, list_of("[", 200000, "", "")), NULL},
		{with(values, list_of("[", 100000, "\"", "\"")), NULL},
		{with(candidates, list_of("[", 4096, "{\"name\":\"", categorical)), NULL},
		{with(candidates, list_of("[", 4097, "{\"name\":\"", categorical)),
		 "features.candidate: expected at most 4096 entries, found 4097"},
		{with(actions, list_of(known, 4093, "\"", "\"")), NULL},
		{with(actions, list_of(known, 4094, "\"", "\"")), "actions: expected 0 to 4096 names, found 4097"},
		{with("[7, 5]", list_of("[", 64, "1", "")), NULL},
		{with("[7, 5]", list_of("[", 65, "1", "")), "ranker.hidden: expected at most 64 sizes, found 65"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_config config;
		struct rk_error error = {.status = RK_OK};
		enum rk_status status = read_config(cases[i].json, &config, &error);
		cr_assert_eq(status == RK_OK, cases[i].message == NULL, "%zu: %s", i, error.message);
		if (cases[i].message != NULL)
			cr_assert_str_eq(error.message, cases[i].message);
	}
}

Test(config, a_text_that_is_too_long_is_a_limit)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	char *huge = test_alloc(RK_MAX_CONFIG_BYTES + 2);
	memset(huge, ' ', RK_MAX_CONFIG_BYTES + 1);
	struct rk_arena arena = test_arena(1 << 16);
	cr_assert_eq(rk_config_read(&config, rk_bytes_of(huge), &arena, &error), RK_LIMIT);
	cr_assert_str_eq(error.message, "expected at most 4194304 bytes, found 4194305");
}

Test(config, too_many_columns_are_a_limit)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	char *list = list_of("[", 257, "{\"name\":\"", "\",\"type\":\"categorical\",\"values\":[],\"dim\":4096}");
	char *text = with("[{\"name\": \"price\", \"type\": \"numeric\", \"mean\": 0, \"std\": 1}]", list);
	cr_assert_eq(read_config(text, &config, &error), RK_LIMIT);
	cr_assert_str_eq(error.message,
			 "features: expected at most 1048576 columns with the item vectors', found 1052695");
}

Test(config, golden_sets_are_read)
{
	static const char *const sets[] = {"gru_dcn",     "mean_mmoe",  "odd_dims",    "odds_reward",
					   "rank_fusion", "sasrec_mlp", "sasrec_post", "sasrec_query_dot"};
	for (size_t i = 0; i < 8; i++) {
		struct rk_config config;
		struct rk_error error = {.status = RK_OK};
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/%s/1/config.json", GOLDEN_FOLDER, sets[i]);
		cr_assert_eq(read_config(test_read(path).data, &config, &error), RK_OK, "%s: %s", sets[i],
			     error.message);
	}
}
