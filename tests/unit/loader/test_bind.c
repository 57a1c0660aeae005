#include "loader/bind.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct test_file file;
static struct rk_config config;

static const char *edited(const char *from, const char *to)
{
	static char text[8192];
	const char *at = strstr(test_config_text, from);
	cr_assert_not_null(at);
	(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - test_config_text), test_config_text, to,
		       at + strlen(from));
	return text;
}

/* The file that the config calls for. */
static void start(const char *json)
{
	struct rk_arena arena = test_arena(rk_config_arena_bytes(strlen(json)));
	config = test_config(&arena, json);
	file.n = 0;
	test_file_fill(&file, &config, 3);
}

static struct rk_tensor_index index_of(void)
{
	struct rk_tensor_index index;
	struct rk_error error = {.status = RK_OK};
	struct rk_bytes bytes = test_file_bytes(&file);
	struct rk_arena arena = test_arena(rk_safetensors_arena_bytes(bytes.size));
	cr_assert_eq(rk_safetensors_parse(&index, bytes, bytes.size, &arena, &error), RK_OK, "%s", error.message);
	return index;
}

static enum rk_status bind(struct rk_binding *binding, const struct rk_bind_listener *listener, struct rk_error *error)
{
	struct rk_tensor_index index = index_of();
	struct rk_arena arena = test_arena(rk_bind_arena_bytes(index.n));
	return rk_bind(binding, &config, &index, &arena, listener, error);
}

static void expect_fine(uint32_t n_used, uint32_t n_dropped)
{
	struct rk_binding binding;
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(bind(&binding, NULL, &error), RK_OK, "%s", error.message);
	cr_assert_eq(binding.n_used, n_used, "%u used", binding.n_used);
	cr_assert_eq(binding.n_dropped, n_dropped);
}

static void expect_fault(enum rk_status status, const char *message)
{
	struct rk_binding binding;
	struct rk_error error = {.status = RK_OK};
	cr_expect_eq(bind(&binding, NULL, &error), status, "%s", message);
	cr_expect_str_eq(error.message, message, "%s", error.message);
}

static void add(const char *name, const char *dtype, uint32_t n_dims, uint64_t rows, uint64_t columns, size_t size)
{
	const uint64_t dims[2] = {rows, columns};
	size_t n = (size_t)(n_dims == 0 ? 1 : n_dims == 1 ? rows : rows * columns);
	(void)test_file_add(&file, name, dtype, n_dims, dims, NULL, n * size);
}

/* The number of tensors each kind of model has, reckoned by hand from the docs. */
Test(bind, every_type_of_model_calls_for_its_tensors)
{
	/* items 3, position, action, cold_start, input_norm 2, final_norm 2, block 16, attentions 12, table 1, mlp 6 */
	start(test_config_text);
	expect_fine(3 + 3 + 4 + 16 + 12 + 1 + 6, 0);
	start(edited("\"sasrec\"", "\"gru4rec\""));
	expect_fine(3 + 3 + 2 + 4 + 12 + 1 + 6, 0);
	start(edited("\"sasrec\"", "\"mean\""));
	expect_fine(3 + 3 + 2 + 12 + 1 + 6, 0);
	start(edited("\"mlp\",", "\"dcn_v2\", \"cross\": {\"layers\": 3},"));
	expect_fine(3 + 3 + 4 + 16 + 12 + 1 + 6 + 6, 0);
	start(edited("\"mlp\",", "\"mmoe\", \"experts\": 3, \"tower_hidden\": [9],"));
	expect_fine(3 + 3 + 4 + 16 + 12 + 1 + 3 * 4 + 2 * (2 + 2 + 2), 0);
	start(edited("\"mlp\",", "\"mmoe\", \"experts\": 1,"));
	expect_fine(3 + 3 + 4 + 16 + 12 + 1 + 4 + 2 * (2 + 2), 0);
	start(edited(",  \"target_attention\": {\"heads\": 2}", ""));
	expect_fine(3 + 3 + 4 + 16 + 1 + 6, 0);
}

Test(bind, dot_calls_for_no_attention_and_may_have_tables)
{
	static char json[8192];
	(void)snprintf(json, sizeof(json), "%s", edited("\"mlp\"", "\"dot\""));
	char *signals = strstr(json, "[\"click\", \"like\"],");
	memcpy(signals, "[\"like\"         ],", 18);
	start(json);
	expect_fine(3 + 3 + 4 + 16 + 1 + 1, 0); /* with the bias and a table */
	test_file_remove(&file, "ranker.bias");
	test_file_remove(&file, "features.user.hour.embedding");
	test_file_remove(&file, "items.unknown");
	test_file_remove(&file, "encoder.cold_start");
	expect_fine(1 + 1 + 2 + 4 + 16, 0);
	add("ranker.positive_attention.query.bias", "F32", 1, 4, 0, 4);
	expect_fault(RK_INVALID, "ranker.positive_attention.query.bias: expected no such tensor, found [4]");
}

Test(bind, training_only_tensors_are_dropped_of_any_type)
{
	start(test_config_text);
	add("contrast.memory_bank", "F64", 2, 5, 7, 8);
	add("training.step", "I64", 0, 0, 0, 8);
	add("training.flags", "F8_E4M3", 1, 3, 0, 1);
	struct rk_binding binding;
	cr_assert_eq(bind(&binding, NULL, NULL), RK_OK);
	cr_assert_eq(binding.n_dropped, 3);
	cr_assert_eq(binding.dropped_bytes, 5 * 7 * 8 + 8 + 3);
	cr_assert_eq(binding.bound[file.n - 1].slot, NULL);
	cr_assert_not_null(binding.bound[0].slot);
	cr_assert_eq(binding.n_items, 3);
	add("contrastive.head", "F32", 1, 1, 0, 4);
	expect_fault(RK_INVALID, "contrastive.head: expected no such tensor, found [1]");
}

Test(bind, halves_count_as_floats_in_memory_and_items_as_they_are)
{
	start(test_config_text);
	struct rk_binding binding;
	cr_assert_eq(bind(&binding, NULL, NULL), RK_OK);
	size_t before = binding.memory_bytes;
	cr_assert_eq(binding.item_dtype, RK_DTYPE_F32);
	test_file_remove(&file, "items.embedding");
	add("items.embedding", "BF16", 2, 3, 4, 2);
	test_file_remove(&file, "encoder.blocks.0.ffn.up.weight");
	add("encoder.blocks.0.ffn.up.weight", "F16", 2, 6, 4, 2);
	cr_assert_eq(bind(&binding, NULL, NULL), RK_OK);
	cr_assert_eq(binding.item_dtype, RK_DTYPE_BF16);
	cr_assert_eq(binding.memory_bytes, before, "both take the same number of 64-byte units");
	cr_assert_eq(binding.memory_bytes % 64, 0);
}

Test(bind, each_fault_names_tensor_expected_and_found)
{
	start(test_config_text);
	test_file_remove(&file, "ranker.mlp.0.weight");
	expect_fault(RK_NOT_FOUND, "ranker.mlp.0.weight: expected shape [7, 24], found nothing");
	add("ranker.mlp.0.weight", "F32", 2, 7, 25, 4);
	expect_fault(RK_INVALID, "ranker.mlp.0.weight: expected shape [7, 24], found [7, 25]");
	test_file_remove(&file, "ranker.mlp.0.weight");
	add("ranker.mlp.0.weight", "F32", 1, 7 * 24, 0, 4);
	expect_fault(RK_INVALID, "ranker.mlp.0.weight: expected shape [7, 24], found [168]");
	test_file_remove(&file, "ranker.mlp.0.weight");
	add("ranker.mlp.0.weight", "F64", 2, 7, 24, 8);
	expect_fault(RK_INVALID, "ranker.mlp.0.weight: expected F32, F16 or BF16, found F64");
	start(test_config_text);
	add("ranker.mlp.2.weight", "F32", 2, 5, 5, 4);
	expect_fault(RK_INVALID, "ranker.mlp.2.weight: expected no such tensor, found [5, 5]");
	start(test_config_text);
	test_file_remove(&file, "items.embedding");
	expect_fault(RK_NOT_FOUND, "items.embedding: expected shape [V, 4], found nothing");
	add("items.embedding", "F32", 1, 12, 0, 4);
	expect_fault(RK_INVALID, "items.embedding: expected shape [V, 4], found [12]");
	start(test_config_text);
	test_file_remove(&file, "encoder.position");
	add("encoder.position", "F32", 2, 6, 4, 4);
	expect_fault(RK_INVALID, "encoder.position: expected shape [5, 4], found [6, 4]");
	start(test_config_text);
	test_file_remove(&file, "items.unknown");
	add("items.unknown", "F32", 1, 5, 0, 4);
	expect_fault(RK_INVALID, "items.unknown: expected shape [4], found [5]");
}

/* Every required tensor, one at a time, is missed by its name; the optional ones are not. */
Test(bind, every_tensor_is_missed)
{
	start(test_config_text);
	for (uint32_t i = 0; i < file.n; i++) {
		struct test_tensor removed = file.tensors[i];
		test_file_remove(&file, removed.name);
		struct rk_binding binding;
		struct rk_error error = {.status = RK_OK};
		enum rk_status status = bind(&binding, NULL, &error);
		bool optional =
			strcmp(removed.name, "items.unknown") == 0 || strcmp(removed.name, "encoder.cold_start") == 0;
		cr_assert_eq(status, optional ? RK_OK : RK_NOT_FOUND, "%s", removed.name);
		cr_assert(optional || strncmp(error.message, removed.name, strlen(removed.name)) == 0, "%s",
			  error.message);
		memmove(&file.tensors[i + 1], &file.tensors[i], (file.n++ - i) * sizeof(file.tensors[0]));
		file.tensors[i] = removed;
	}
	expect_fine(file.n, 0);
}

Test(bind, ids_are_integers_or_strings)
{
	start(test_config_text);
	test_file_remove(&file, "items.ids");
	expect_fault(RK_NOT_FOUND, "items.ids: expected it or items.id_bytes with items.id_offsets, found nothing");
	add("items.id_bytes", "U8", 1, 9, 0, 1);
	expect_fault(RK_NOT_FOUND, "items.id_offsets: expected it beside items.id_bytes, found nothing");
	add("items.id_offsets", "I64", 1, 4, 0, 8);
	struct rk_binding binding;
	cr_assert_eq(bind(&binding, NULL, NULL), RK_OK);
	cr_assert_eq(binding.n_id_bytes, 9);
	add("items.ids", "I64", 1, 3, 0, 8);
	expect_fault(RK_INVALID, "items.ids: expected either it or items.id_bytes with items.id_offsets, found both");
	start(test_config_text);
	test_file_remove(&file, "items.ids");
	add("items.id_offsets", "I64", 1, 4, 0, 8);
	expect_fault(RK_NOT_FOUND, "items.id_bytes: expected it beside items.id_offsets, found nothing");
	start(test_config_text);
	test_file_remove(&file, "items.ids");
	add("items.ids", "I64", 1, 4, 0, 8);
	expect_fault(RK_INVALID, "items.ids: expected shape [3], found [4]");
	test_file_remove(&file, "items.ids");
	add("items.ids", "I32", 1, 3, 0, 4);
	expect_fault(RK_INVALID, "items.ids: expected I64, found I32");
}

Test(bind, an_empty_table_of_items_is_refused)
{
	start(test_config_text);
	test_file_remove(&file, "items.embedding");
	test_file_remove(&file, "items.ids");
	add("items.embedding", "F32", 2, 0, 4, 4);
	add("items.ids", "I64", 1, 0, 0, 8);
	expect_fault(RK_LIMIT, "items.embedding: expected 1 to 1073741823 rows, found 0");
}

static void collect(void *context, const char *message)
{
	char *all = context;
	(void)strcat(all, message);
	(void)strcat(all, "\n");
}

Test(bind, a_listener_hears_of_every_fault)
{
	char all[4096] = "";
	const struct rk_bind_listener listener = {collect, all};
	struct rk_binding binding;
	struct rk_error error = {.status = RK_OK};
	start(test_config_text);
	test_file_remove(&file, "encoder.action");
	test_file_remove(&file, "ranker.heads.bias");
	add("odd", "U8", 1, 1, 0, 1);
	cr_assert_eq(bind(&binding, &listener, &error), RK_NOT_FOUND);
	cr_assert_str_eq(all, "encoder.action: expected shape [4, 4], found nothing\n"
			      "ranker.heads.bias: expected shape [2], found nothing\n"
			      "odd: expected no such tensor, found [1]\n");
	cr_assert_str_eq(error.message, "encoder.action: expected shape [4, 4], found nothing (and 2 more)");
}

Test(bind, a_config_that_calls_for_far_too_much_is_given_up)
{
	static struct rk_tensor_index none;
	struct rk_arena arena = test_arena(1 << 20);
	struct rk_binding binding;
	struct rk_error error = {.status = RK_OK};
	struct rk_arena text = test_arena(1 << 20);
	config = test_config(&text, edited("\"mlp\",", "\"mmoe\", \"experts\": 1024,"));
	cr_assert_eq(rk_bind(&binding, &config, &none, &arena, NULL, &error), RK_NOT_FOUND);
	cr_assert_str_eq(error.message, "items.embedding: expected shape [V, 4], found nothing (and 999 more)");
}

Test(bind, the_table_of_a_bf16_model_is_halved)
{
	start(test_config_text);
	struct rk_binding binding;
	cr_assert_eq(bind(&binding, NULL, NULL), RK_OK);
	size_t before = binding.memory_bytes;
	config.precision = RK_PRECISION_BF16;
	test_file_remove(&file, "items.embedding");
	test_file_remove(&file, "items.ids");
	add("items.embedding", "F32", 2, 100, 4, 4);
	add("items.ids", "I64", 1, 100, 0, 8);
	cr_assert_eq(bind(&binding, NULL, NULL), RK_OK);
	cr_assert_eq(binding.item_dtype, RK_DTYPE_BF16);
	config.precision = RK_PRECISION_F32;
	struct rk_binding wide;
	cr_assert_eq(bind(&wide, NULL, NULL), RK_OK);
	cr_assert_eq(wide.item_dtype, RK_DTYPE_F32);
	cr_assert_eq(wide.memory_bytes - binding.memory_bytes, 100 * 4 * 4 - 832, "800 bytes, in 64-byte units");
	cr_assert_gt(binding.memory_bytes, before);
}
