#include "loader/bind.h"
#include "loader/sha256.h"
#include "loader/version.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rk_status try_open(const char *path, struct rk_version **version, struct rk_error *error)
{
	struct rk_version_options options = test_options();
	return rk_version_open(version, path, "m", 7, &options, error);
}

static struct rk_version *opened(const char *path)
{
	struct rk_version *version;
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(try_open(path, &version, &error), RK_OK, "%s", error.message);
	return version;
}

static void expect_refused(const char *path, enum rk_status expected, const char *message)
{
	struct rk_version *version = NULL;
	struct rk_error error = {.status = RK_OK};
	enum rk_status status = try_open(path, &version, &error);
	cr_expect_eq(status, expected, "%s: %s", rk_status_text(status), error.message);
	cr_expect_str_eq(error.message, message, "%s", error.message);
	cr_expect_null(version, "outputs are written only on success");
}

static const struct {
	const char *name;
	uint32_t n_used, n_items;
	bool strings;
} golden_sets[] = {
	{"gru_dcn", 32, 100, true},     {"mean_mmoe", 67, 400, false},        {"odd_dims", 78, 77, false},
	{"odds_reward", 57, 150, true}, {"rank_fusion", 60, 200, false},      {"sasrec_mlp", 60, 300, false},
	{"sasrec_post", 59, 257, true}, {"sasrec_query_dot", 37, 500, false},
};

Test(version, golden_sets_load)
{
	for (size_t i = 0; i < sizeof(golden_sets) / sizeof(golden_sets[0]); i++) {
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/%s/1", GOLDEN_FOLDER, golden_sets[i].name);
		struct rk_version *version = opened(path);
		const struct rk_load_report *report = &version->report;
		cr_assert_eq(report->n_used, golden_sets[i].n_used, "%s: %u", path, report->n_used);
		cr_assert_eq(report->n_dropped, 3);
		cr_assert_eq(report->n_tensors, report->n_used + report->n_dropped);
		cr_assert_eq(version->ids.n_items, golden_sets[i].n_items);
		cr_assert_eq(version->ids.bytes != NULL, golden_sets[i].strings);
		cr_assert_str_eq(version->name, "m");
		cr_assert_eq(version->number, 7);
		cr_assert_eq(version->n_scratches, 2);
		uint64_t used = 0, dropped = 0;
		char hex[65];
		struct rk_sha256 sha;
		struct rk_bytes file = test_read(test_path(path, "model.safetensors"));
		uint64_t at = file.size - report->used_bytes - report->dropped_bytes;
		rk_sha256_init(&sha);
		rk_sha256_update(&sha, file.data, at);
		for (uint32_t k = 0; k < report->n_tensors; k++) {
			const struct rk_tensor_report *tensor = &report->tensors[k];
			if (tensor->used)
				rk_sha256_update(&sha, file.data + at, tensor->bytes);
			at += tensor->bytes;
			used += tensor->used ? tensor->bytes : 0;
			dropped += tensor->used ? 0 : tensor->bytes;
			cr_assert_eq(tensor->used, !rk_bind_is_training_only(tensor->name));
		}
		cr_assert(used == report->used_bytes && dropped == report->dropped_bytes);
		rk_sha256_finish(&sha, hex);
		cr_assert_str_eq(report->sha256, hex);
		cr_assert_eq(report->file_bytes, file.size);
		rk_version_close(version);
	}
}

/* ---- every tensor lands in its place ---- */

static struct test_file file;

static void write_folder(const char *folder, const char *json)
{
	struct rk_bytes bytes = test_file_bytes(&file);
	test_make_folder(folder);
	test_write_text(test_path(folder, "config.json"), json);
	test_write(test_path(folder, "model.safetensors"), bytes.data, bytes.size);
}

/* A model whose every F32 tensor is filled with its own place in the file. */
static struct rk_version *numbered(const struct test_folder *folder, const char *json)
{
	struct rk_arena arena = test_arena(rk_config_arena_bytes(strlen(json)));
	struct rk_config config = test_config(&arena, json);
	file.n = 0;
	test_file_fill(&file, &config, 3);
	for (uint32_t i = 0; i < file.n; i++) {
		if (strcmp(file.tensors[i].dtype, "F32") != 0)
			continue;
		float *values = (float *)(uintptr_t)file.tensors[i].data;
		for (size_t k = 0; k < file.tensors[i].bytes / sizeof(float); k++)
			values[k] = (float)i;
	}
	static char names[4] = "a";
	const char *path = test_path(folder->path, names);
	names[0]++;
	write_folder(path, json);
	return opened(path);
}

static void expect_at(const void *memory, const char *name)
{
	const float *values = memory;
	uint32_t place = (uint32_t)(test_file_find(&file, name) - file.tensors);
	cr_assert_not_null(values, "%s", name);
	cr_assert_eq((uintptr_t)values % 64, 0, "%s", name);
	cr_assert_eq(values[0], (float)place, "%s: found that of %s", name, file.tensors[(uint32_t)values[0]].name);
}

static void expect_linear(const struct rk_linear *linear, const char *name)
{
	char full[256];
	(void)snprintf(full, sizeof(full), "%s.weight", name);
	expect_at(linear->weight, full);
	(void)snprintf(full, sizeof(full), "%s.bias", name);
	expect_at(linear->bias, full);
}

static void expect_norm(const struct rk_layer_norm *norm, const char *name)
{
	const struct rk_linear same = {norm->weight, norm->bias};
	expect_linear(&same, name);
}

static const char *edited(const char *from, const char *to)
{
	static char texts[2][8192];
	static unsigned turn;
	char *text = texts[turn++ % 2];
	const char *at = strstr(test_config_text, from);
	cr_assert_not_null(at);
	(void)snprintf(text, sizeof(texts[0]), "%.*s%s%s", (int)(at - test_config_text), test_config_text, to,
		       at + strlen(from));
	return text;
}

Test(version, tensors_land_in_their_places_sasrec_mlp)
{
	struct test_folder folder = test_folder_make();
	struct rk_version *version = numbered(&folder, edited("\"layers\": 1", "\"layers\": 2"));
	const struct rk_weights *w = &version->model.weights;
	expect_at(w->item_embedding, "items.embedding");
	expect_at(w->unknown_item, "items.unknown");
	expect_at(w->position, "encoder.position");
	expect_at(w->action, "encoder.action");
	expect_at(w->cold_start, "encoder.cold_start");
	expect_norm(&w->input_norm, "encoder.input_norm");
	expect_norm(&w->final_norm, "encoder.final_norm");
	expect_linear(&w->blocks[1].attention.query, "encoder.blocks.1.attention.query");
	expect_linear(&w->blocks[0].attention.key, "encoder.blocks.0.attention.key");
	expect_linear(&w->blocks[1].attention.value, "encoder.blocks.1.attention.value");
	expect_linear(&w->blocks[0].attention.output, "encoder.blocks.0.attention.output");
	expect_norm(&w->blocks[1].attention_norm, "encoder.blocks.1.attention_norm");
	expect_norm(&w->blocks[0].ffn_norm, "encoder.blocks.0.ffn_norm");
	expect_linear(&w->blocks[1].up, "encoder.blocks.1.ffn.up");
	expect_linear(&w->blocks[1].down, "encoder.blocks.1.ffn.down");
	expect_linear(&w->target_attention[RK_POSITIVE].query, "ranker.positive_attention.query");
	expect_linear(&w->target_attention[RK_POSITIVE].value, "ranker.positive_attention.value");
	expect_linear(&w->target_attention[RK_NEGATIVE].key, "ranker.negative_attention.key");
	expect_at(w->user_tables[0], "features.user.hour.embedding");
	cr_assert_null(w->user_tables[1], "a numeric feature has no table");
	cr_assert_null(w->candidate_tables[0]);
	expect_linear(&w->hidden[0], "ranker.mlp.0");
	expect_linear(&w->hidden[1], "ranker.mlp.1");
	expect_linear(&w->heads, "ranker.heads");
	cr_assert(w->n_items == 3 && w->item_dtype == RK_DTYPE_F32 && w->item_bias == NULL);
	cr_assert(rk_ids_find_integer(&version->ids, 102) == 2 && rk_ids_find_integer(&version->ids, 103) == -1);
	rk_version_close(version);
	test_folder_remove(&folder);
}

Test(version, tensors_land_in_their_places_gru_dcn_mmoe_dot)
{
	struct test_folder folder = test_folder_make();
	struct rk_version *version = numbered(&folder, edited("\"sasrec\", \"max_history\": 5, \"layers\": 1",
							      "\"gru4rec\", \"max_history\": 5, \"layers\": 2"));
	const struct rk_weights *w = &version->model.weights;
	expect_at(w->gru[1].input.weight, "encoder.gru.weight_ih_l1");
	expect_at(w->gru[1].hidden.weight, "encoder.gru.weight_hh_l1");
	expect_at(w->gru[0].input.bias, "encoder.gru.bias_ih_l0");
	expect_at(w->gru[0].hidden.bias, "encoder.gru.bias_hh_l0");
	rk_version_close(version);
	version = numbered(&folder, edited("\"mlp\",", "\"dcn_v2\", \"cross\": {\"layers\": 2},"));
	expect_linear(&version->model.weights.cross[1], "ranker.cross.1");
	rk_version_close(version);
	version = numbered(&folder, edited("\"mlp\",", "\"mmoe\", \"experts\": 3, \"tower_hidden\": [9, 8],"));
	w = &version->model.weights;
	expect_linear(&w->experts[2].layers[1], "ranker.experts.2.1");
	expect_linear(&w->gates[1], "ranker.gates.like");
	expect_linear(&w->towers[0].layers[1], "ranker.towers.click.1");
	expect_linear(&w->towers[1].out, "ranker.towers.like.out");
	rk_version_close(version);
	char *dot = test_alloc(8192);
	(void)snprintf(dot, 8192, "%s", edited("\"mlp\"", "\"dot\""));
	memcpy(strstr(dot, "[\"click\", \"like\"],"), "[\"like\"         ],", 18);
	version = numbered(&folder, dot);
	expect_at(version->model.weights.item_bias, "ranker.bias");
	rk_version_close(version);
	test_folder_remove(&folder);
}

/* ---- what is refused ---- */

static void replace_value(const char *name, size_t value, uint32_t bits)
{
	struct test_tensor *tensor = test_file_find(&file, name);
	memcpy((char *)(uintptr_t)tensor->data + 4 * value, &bits, 4);
}

static void start(void)
{
	struct rk_arena arena = test_arena(rk_config_arena_bytes(strlen(test_config_text)));
	struct rk_config config = test_config(&arena, test_config_text);
	file.n = 0;
	test_file_fill(&file, &config, 3);
}

Test(version, weights_that_are_not_finite_are_refused_and_dropped_ones_are_not_looked_at)
{
	struct test_folder folder = test_folder_make();
	start();
	replace_value("encoder.blocks.0.ffn.up.weight", 5, 0x7fc00000);
	write_folder(test_path(folder.path, "a"), test_config_text);
	expect_refused(
		test_path(folder.path, "a"), RK_INVALID,
		"model.safetensors: encoder.blocks.0.ffn.up.weight: value 5: expected a finite number, found nan");
	start();
	replace_value("items.embedding", 11, 0x7f800000);
	write_folder(test_path(folder.path, "b"), test_config_text);
	expect_refused(test_path(folder.path, "b"), RK_INVALID,
		       "model.safetensors: items.embedding: value 11: expected a finite number, found inf");
	start();
	const uint32_t nans[3] = {0x7fc00000, 0x7fc00000, 0x7fc00000};
	(void)test_file_add(&file, "training.momentum", "F32", 1, (const uint64_t[]){3}, nans, sizeof(nans));
	write_folder(test_path(folder.path, "c"), test_config_text);
	rk_version_close(opened(test_path(folder.path, "c")));
	test_folder_remove(&folder);
}

Test(version, ids_are_checked)
{
	struct test_folder folder = test_folder_make();
	start();
	test_file_remove(&file, "items.ids");
	const int64_t twice[3] = {5, 6, 5};
	(void)test_file_add(&file, "items.ids", "I64", 1, (const uint64_t[]){3}, twice, sizeof(twice));
	write_folder(test_path(folder.path, "a"), test_config_text);
	expect_refused(test_path(folder.path, "a"), RK_INVALID,
		       "model.safetensors: items.ids: row 2: expected unique ids, found 5 as in row 0");
	test_file_remove(&file, "items.ids");
	const int64_t offsets[4] = {0, 1, 2, 4};
	(void)test_file_add(&file, "items.id_bytes", "U8", 1, (const uint64_t[]){3}, "abc", 3);
	(void)test_file_add(&file, "items.id_offsets", "I64", 1, (const uint64_t[]){4}, offsets, sizeof(offsets));
	write_folder(test_path(folder.path, "b"), test_config_text);
	expect_refused(
		test_path(folder.path, "b"), RK_INVALID,
		"model.safetensors: items.id_bytes, items.id_offsets: row 3: expected the last end to be 3, found 4");
	test_folder_remove(&folder);
}

Test(version, strings_as_ids_after_bytes_of_odd_number)
{
	struct test_folder folder = test_folder_make();
	start();
	test_file_remove(&file, "items.ids");
	const int64_t offsets[4] = {0, 1, 3, 5};
	(void)test_file_add(&file, "items.id_bytes", "U8", 1, (const uint64_t[]){5}, "ab12z", 5);
	(void)test_file_add(&file, "items.id_offsets", "I64", 1, (const uint64_t[]){4}, offsets, sizeof(offsets));
	write_folder(test_path(folder.path, "a"), test_config_text);
	struct rk_version *version = opened(test_path(folder.path, "a"));
	cr_assert_eq(rk_ids_find_string(&version->ids, rk_bytes_of("b1")), 1);
	cr_assert_eq(rk_ids_find_string(&version->ids, rk_bytes_of("2z")), 2);
	rk_version_close(version);
	test_folder_remove(&folder);
}

Test(version, folders_and_files_that_are_not_there)
{
	struct test_folder folder = test_folder_make();
	const char *model = test_path(folder.path, "1");
	char message[512];
	(void)snprintf(message, sizeof(message), "%s: no such file or folder", model);
	expect_refused(model, RK_NOT_FOUND, message);
	test_make_folder(model);
	expect_refused(model, RK_NOT_FOUND, "config.json: no such file or folder");
	test_write_text(test_path(model, "config.json"), test_config_text);
	expect_refused(model, RK_NOT_FOUND, "model.safetensors: no such file or folder");
	test_write_text(test_path(model, "model.safetensors"), "");
	expect_refused(model, RK_MALFORMED, "model.safetensors: header: expected a file of at least 8 bytes, found 0");
	cr_assert_eq(unlink(test_path(model, "model.safetensors")), 0);
	test_make_folder(test_path(model, "model.safetensors"));
	expect_refused(model, RK_INVALID, "model.safetensors: expected a regular file, found a folder");
	test_write_text(test_path(model, "config.json"), "");
	expect_refused(model, RK_MALFORMED, "config.json: not valid JSON: unexpected token");
	test_write_text(test_path(model, "config.json"), "{\n\"format\": \"rankd-model/1\",\n\"dim\": x}");
	expect_refused(model, RK_MALFORMED, "config.json: line 3: not valid JSON: invalid token");
	test_write_text(test_path(model, "config.json"), "[]");
	expect_refused(model, RK_INVALID, "config.json: expected an object, found a list");
	cr_assert_eq(unlink(test_path(model, "config.json")), 0);
	cr_assert_eq(mkfifo(test_path(model, "config.json"), 0600), 0);
	expect_refused(model, RK_INVALID, "config.json: expected a regular file, found a pipe");
	test_write_text(test_path(folder.path, "2"), "a file");
	(void)snprintf(message, sizeof(message), "%s/2: cannot be opened: Not a directory", folder.path);
	expect_refused(test_path(folder.path, "2"), RK_INVALID, message);
	test_folder_remove(&folder);
}

Test(version, links_are_followed)
{
	struct test_folder folder = test_folder_make();
	test_write_model(test_path(folder.path, "real"));
	cr_assert_eq(symlink("real", test_path(folder.path, "link")), 0);
	test_make_folder(test_path(folder.path, "1"));
	cr_assert_eq(symlink("../real/config.json", test_path(test_path(folder.path, "1"), "config.json")), 0);
	cr_assert_eq(symlink("../real/model.safetensors", test_path(test_path(folder.path, "1"), "model.safetensors")),
		     0);
	rk_version_close(opened(test_path(folder.path, "link")));
	rk_version_close(opened(test_path(folder.path, "link/")));
	rk_version_close(opened(test_path(folder.path, "1")));
	test_folder_remove(&folder);
}

/* Cut at every byte of the header and at many of the data, and grown: always refused, never read as another model. */
Test(version, files_that_are_cut_or_grown)
{
	struct test_folder folder = test_folder_make();
	const char *model = test_path(folder.path, "1");
	char path[512];
	test_write_model(model);
	(void)snprintf(path, sizeof(path), "%s/model.safetensors", model);
	struct rk_bytes whole = test_read(path);
	uint64_t length;
	memcpy(&length, whole.data, 8);
	for (size_t size = 0; size < whole.size; size += size < 8 + length ? 1 : 13) {
		struct rk_version *version = NULL;
		test_write(path, whole.data, size);
		cr_assert_neq(try_open(model, &version, NULL), RK_OK, "cut to %zu of %zu bytes", size, whole.size);
	}
	char *grown = test_alloc(whole.size + 1);
	memcpy(grown, whole.data, whole.size);
	test_write(path, grown, whole.size + 1);
	struct rk_version *version = NULL;
	cr_assert_eq(try_open(model, &version, NULL), RK_INVALID);
	test_write(path, whole.data, whole.size);
	rk_version_close(opened(model));
	test_folder_remove(&folder);
}

Test(version, a_null_version_is_closed)
{
	rk_version_close(NULL);
}

Test(version, scratches_do_not_share_a_page_and_are_counted)
{
	struct test_folder folder = test_folder_make();
	struct rk_version_options options = test_options();
	struct rk_version *version;
	test_write_model(test_path(folder.path, "1"));
	options.n_workers = 4;
	cr_assert_eq(rk_version_open(&version, test_path(folder.path, "1"), "m", 1, &options, NULL), RK_OK);
	cr_assert_eq(version->n_scratches, 5);
	size_t each = version->scratch_bytes / 5;
	cr_assert(each >= version->model.plan.bytes && each % 4096 == 0);
	for (uint32_t i = 1; i < 5; i++)
		cr_assert_geq((uintptr_t)version->scratches[i] - (uintptr_t)version->scratches[i - 1], each);
	cr_assert_geq(version->weights_bytes, version->report.used_bytes);
	rk_version_close(version);
	test_folder_remove(&folder);
}
