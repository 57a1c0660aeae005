#include "loader/safetensors.h"
#include "tests/unit/loader/safetensors_cases.h"
#include "tests/unit/loader/safetensors_oracle.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* A head: the length and the JSON. */
static struct rk_bytes head_of(const char *json, size_t size)
{
	char *head = test_alloc(size + 8);
	uint64_t length = size;
	memcpy(head, &length, 8);
	memcpy(head + 8, json, size);
	return (struct rk_bytes){head, size + 8};
}

static enum rk_status parse(struct rk_bytes head, uint64_t file_bytes, struct rk_tensor_index *index,
			    struct rk_error *error)
{
	static struct rk_arena arena;
	if (arena.base == NULL)
		arena = test_arena(rk_safetensors_arena_bytes(8 + RK_MAX_HEADER_BYTES));
	rk_arena_reset(&arena);
	return rk_safetensors_parse(index, head, file_bytes, &arena, error);
}

/* Parses `json` as the header of a file with `data_bytes` of data; the oracle must be of the same mind. */
static enum rk_status parse_json(const char *json, uint64_t data_bytes, struct rk_error *error)
{
	struct rk_tensor_index index = {.n = 12345};
	struct oracle_index other;
	struct rk_bytes head = head_of(json, strlen(json));
	enum rk_status status = parse(head, head.size + data_bytes, &index, error);
	cr_expect_eq(oracle_accepts(head, head.size + data_bytes, &other), status == RK_OK, "%s", json);
	if (status != RK_OK)
		cr_expect_eq(index.n, 12345, "outputs are written only on success");
	return status;
}

Test(safetensors, tensors_come_in_the_order_of_their_bytes)
{
	static const char json[] = "{" T("b", "I64", "[1]", "9", "17") ",\"__metadata__\":{\"format\":\"pt\"}," T(
		"a", "U8", "[3, 3]", "0", "9") "," T("s", "F32", "[]", "17", "21") "}   ";
	struct rk_tensor_index index;
	struct rk_error error = {.status = RK_OK};
	struct rk_bytes head = head_of(json, strlen(json));
	cr_assert_eq(parse(head, head.size + 21, &index, &error), RK_OK, "%s", error.message);
	cr_assert_eq(index.n, 3);
	const struct rk_tensor *a = &index.tensors[0], *b = &index.tensors[1], *s = &index.tensors[2];
	cr_assert_str_eq(a->name.data, "a");
	cr_assert(a->dtype == RK_FILE_U8 && a->n_dims == 2 && a->dims[0] == 3 && a->dims[1] == 3 && a->bytes == 9);
	cr_assert_eq(a->offset, head.size);
	cr_assert_str_eq(b->name.data, "b");
	cr_assert(b->dtype == RK_FILE_I64 && b->bytes == 8 && b->offset == head.size + 9);
	cr_assert(s->n_dims == 0 && s->bytes == 4 && s->offset == head.size + 17);
}

Test(safetensors, valid_headers)
{
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct rk_error error = {.status = RK_OK};
		cr_expect_eq(parse_json(valid[i].json, valid[i].data_bytes, &error), RK_OK, "%s: %s", valid[i].json,
			     error.message);
	}
}

Test(safetensors, attacks_are_refused_with_their_reason)
{
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		struct rk_error error = {.status = RK_OK};
		enum rk_status status = parse_json(attacks[i].json, attacks[i].data_bytes, &error);
		cr_expect_neq(status, RK_OK, "%s", attacks[i].json);
		cr_expect_not_null(strstr(error.message, attacks[i].message), "%s: %s", attacks[i].json, error.message);
		cr_expect_eq(error.status, status);
	}
}

Test(safetensors, lengths_that_lie)
{
	static const struct {
		uint64_t length, file_bytes;
		enum rk_status status;
	} cases[] = {
		{0, 0, RK_MALFORMED},
		{0, 7, RK_MALFORMED},
		{1, 8, RK_MALFORMED},
		{3, 10, RK_MALFORMED},
		{UINT64_MAX, 100, RK_LIMIT},
		{UINT64_MAX - 7, 100, RK_LIMIT},
		{UINT64_MAX, UINT64_MAX, RK_LIMIT},
		{(1 << 20) + 1, UINT64_MAX, RK_LIMIT},
		{1 << 20, 1 << 20, RK_MALFORMED},
		{(uint64_t)1 << 63, 100, RK_LIMIT},
		{1 << 20, (1 << 20) + 8, RK_OK},
		{0, 8, RK_OK},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char first[8];
		size_t bytes = 77;
		memcpy(first, &cases[i].length, 8);
		cr_assert_eq(rk_safetensors_head_bytes(first, cases[i].file_bytes, &bytes, NULL), cases[i].status,
			     "%zu", i);
		cr_assert_eq(bytes, cases[i].status == RK_OK ? 8 + cases[i].length : 77);
	}
	struct rk_tensor_index index;
	cr_assert_eq(parse((struct rk_bytes){NULL, 0}, 0, &index, NULL), RK_MALFORMED);
	cr_assert_eq(parse((struct rk_bytes){"\2\0\0\0\0\0\0\0{", 9}, 10, &index, NULL), RK_MALFORMED,
		     "fewer bytes than the length says");
}

static const char small[] = "{" T("a.weight", "F32", "[2,3]", "0", "24") "," T("b", "U8", "[5]", "24", "29") "," T(
	"training.step", "I64", "[1]", "29", "37") ",\"__metadata__\":{\"format\":\"pt\"}}  ";
enum { SMALL_DATA = 37 };

static void compare_with_oracle(struct rk_bytes head, uint64_t file_bytes, const char *what, size_t where)
{
	static struct oracle_index other;
	struct rk_tensor_index index;
	bool is_valid = oracle_accepts(head, file_bytes, &other);
	bool is_read = parse(head, file_bytes, &index, NULL) == RK_OK;
	cr_assert_eq(is_read, is_valid, "%s at %zu", what, where);
	if (!is_read)
		return;
	cr_assert_eq(index.n, other.n);
	uint64_t length = head.size - 8;
	memcpy(&length, head.data, 8);
	for (uint32_t i = 0; i < index.n; i++) {
		const struct rk_tensor *tensor = &index.tensors[i];
		uint32_t k = 0;
		while (k < other.n && strcmp(other.tensors[k].name, tensor->name.data) != 0)
			k++;
		cr_assert(k < other.n, "%s at %zu: %s", what, where, tensor->name.data);
		cr_assert_eq(tensor->offset, 8 + length + other.tensors[k].begin);
		cr_assert_eq(tensor->bytes, other.tensors[k].end - other.tensors[k].begin);
		cr_assert_str_eq(rk_file_dtype_name(tensor->dtype), other.tensors[k].dtype);
		cr_assert_eq(tensor->n_dims, other.tensors[k].n_dims);
		cr_assert_arr_eq(tensor->dims, other.tensors[k].dims, tensor->n_dims * sizeof(uint64_t));
	}
}

Test(safetensors, every_flipped_bit)
{
	struct rk_bytes head = head_of(small, strlen(small));
	char *bytes = (char *)(uintptr_t)head.data;
	compare_with_oracle(head, head.size + SMALL_DATA, "no flip", 0);
	for (size_t bit = 0; bit < 8 * head.size; bit++) {
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		compare_with_oracle(head, head.size + SMALL_DATA, "bit", bit);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
	}
}

/* Every byte of the header made every value that means something in JSON. */
Test(safetensors, every_byte_replaced)
{
	static const char values[] = "{}[]\":,0-.e \n\\u\xff\x80\x01z";
	struct rk_bytes head = head_of(small, strlen(small));
	char *bytes = (char *)(uintptr_t)head.data;
	for (size_t at = 8; at < head.size; at++) {
		char before = bytes[at];
		for (size_t i = 0; i < sizeof(values); i++) {
			bytes[at] = values[i];
			compare_with_oracle(head, head.size + SMALL_DATA, "byte", at);
		}
		bytes[at] = before;
	}
}

Test(safetensors, every_truncation_and_every_growth)
{
	struct rk_bytes head = head_of(small, strlen(small));
	uint64_t file_bytes = head.size + SMALL_DATA;
	for (uint64_t size = 0; size < file_bytes + 50; size++) {
		struct rk_tensor_index index;
		struct rk_bytes cut = {head.data, size < head.size ? (size_t)size : head.size};
		cr_assert_eq(parse(cut, size, &index, NULL) == RK_OK, size == file_bytes, "%llu",
			     (unsigned long long)size);
	}
}

/* Two bytes at a time, at random but always the same. */
Test(safetensors, twenty_thousand_random_mutations)
{
	struct rk_bytes head = head_of(small, strlen(small));
	char *bytes = (char *)(uintptr_t)head.data;
	uint32_t seed = 1;
	for (int i = 0; i < 20000; i++) {
		size_t places[2];
		char before[2];
		for (int k = 0; k < 2; k++) {
			seed = seed * 1664525 + 1013904223;
			places[k] = 8 + (seed >> 8) % (head.size - 8);
			before[k] = bytes[places[k]];
			seed = seed * 1664525 + 1013904223;
			bytes[places[k]] = bytes[8 + (seed >> 8) % (head.size - 8)];
		}
		compare_with_oracle(head, head.size + SMALL_DATA, "mutation", (size_t)i);
		for (int k = 2; k-- > 0;)
			bytes[places[k]] = before[k];
	}
}

/* ---- bombs ---- */

static double cpu_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static char *repeated(const char *head, const char *piece, const char *tail)
{
	char *text = test_alloc(RK_MAX_HEADER_BYTES + 1);
	size_t used = strlen(head), size = strlen(piece);
	memcpy(text, head, used);
	while (used + size + strlen(tail) <= RK_MAX_HEADER_BYTES) {
		memcpy(text + used, piece, size);
		used += size;
	}
	memcpy(text + used, tail, strlen(tail) + 1);
	return text;
}

#if defined(__SANITIZE_ADDRESS__)
enum { BOMB_MS = 1000, BOMB_KIB = 512 << 10 };
#else
enum { BOMB_MS = 50, BOMB_KIB = 16 << 10 };
#endif

Test(safetensors, bombs_are_refused_fast_and_small)
{
	const char *const bombs[] = {
		repeated("{\"a\":", "[", "}"),
		repeated("{\"a\":[", "[],", "[]]}"),
		repeated("{\"a\":[", "0,", "0]}"),
		repeated("{", "\"\":{},", "\"x\":{}}"),
		repeated("{", "\"a\":1,", "\"x\":1}"),
		repeated("{\"", "a", "\":1}"),
		repeated("{\"", "\\u0061", "\":1}"),
		repeated("{\"a\":", "9", "}"),
		repeated("{", " ", "}x"),
		repeated("{\"__metadata__\":{", "\"a\":\"\",", "\"x\":\"\"}}"),
		repeated("", "{\"a\":", "}"),
	};
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		struct rk_bytes head = head_of(bombs[i], strlen(bombs[i]));
		struct rk_tensor_index index;
		struct rusage before, after;
		(void)getrusage(RUSAGE_SELF, &before);
		double begin = cpu_ms();
		cr_assert_neq(parse(head, head.size, &index, NULL), RK_OK, "bomb %zu", i);
		double took = cpu_ms() - begin;
		(void)getrusage(RUSAGE_SELF, &after);
		cr_assert(took < BOMB_MS, "bomb %zu took %.1f ms", i, took);
		cr_assert(after.ru_maxrss - before.ru_maxrss < BOMB_KIB, "bomb %zu took %ld KiB", i,
			  after.ru_maxrss - before.ru_maxrss);
	}
}

/* Entries that share a range, and entries that overlap: refused by the number of tensors, or by the cover. */
Test(safetensors, too_many_tensors_are_a_limit)
{
	enum { N = RK_MAX_TENSORS + 1 };
	char *json = test_alloc(RK_MAX_HEADER_BYTES);
	for (int n = N - 1; n <= N; n++) {
		size_t used = 1;
		json[0] = '{';
		for (int i = 0; i < n; i++)
			used += (size_t)snprintf(json + used, RK_MAX_HEADER_BYTES - used,
						 "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
						 i > 0 ? "," : "", i, i, i + 1);
		json[used++] = '}';
		struct rk_tensor_index index;
		struct rk_error error = {.status = RK_OK};
		struct rk_bytes head = head_of(json, used);
		enum rk_status status = parse(head, head.size + (uint64_t)n, &index, &error);
		cr_assert_eq(status, n == N ? RK_LIMIT : RK_OK, "%s", error.message);
	}
}

Test(safetensors, names_have_a_limit)
{
	for (int size = 254; size <= 256; size++) {
		char json[512], name[257];
		memset(name, 'n', sizeof(name));
		int n = sprintf(json, "{\"%.*s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", size, name);
		struct rk_tensor_index index;
		struct rk_bytes head = head_of(json, (size_t)n);
		cr_assert_eq(parse(head, head.size + 1, &index, NULL), size <= 255 ? RK_OK : RK_LIMIT);
	}
}

Test(safetensors, texts_of_the_metadata_have_a_limit)
{
	enum { ROOM = RK_MAX_HEADER_TEXT_BYTES + 100 };
	static char json[ROOM], value[ROOM];
	memset(value, 'v', sizeof(value));
	for (int more = 0; more < 2; more++) {
		int n = snprintf(json, sizeof(json), "{\"__metadata__\":{\"a\":\"%.*s\"}}",
				 RK_MAX_HEADER_TEXT_BYTES - 2 + more, value);
		struct rk_tensor_index index;
		struct rk_bytes head = head_of(json, (size_t)n);
		cr_assert_eq(parse(head, head.size, &index, NULL), more == 0 ? RK_OK : RK_LIMIT);
	}
}

Test(safetensors, an_arena_that_is_too_small_is_an_error)
{
	static _Alignas(64) char memory[4096];
	struct rk_bytes head = head_of(small, strlen(small));
	bool fitted = false;
	for (size_t size = 0; size <= sizeof(memory); size += 64) {
		struct rk_arena arena;
		struct rk_tensor_index index;
		rk_arena_init(&arena, memory, size);
		enum rk_status status = rk_safetensors_parse(&index, head, head.size + SMALL_DATA, &arena, NULL);
		cr_assert(status == RK_OK || (status == RK_NO_MEMORY && !fitted));
		fitted = status == RK_OK;
	}
	cr_assert(fitted);
}

Test(safetensors, golden_sets)
{
	static const char *const sets[] = {"gru_dcn",     "mean_mmoe",  "odd_dims",    "odds_reward",
					   "rank_fusion", "sasrec_mlp", "sasrec_post", "sasrec_query_dot"};
	for (size_t i = 0; i < 8; i++) {
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/%s/1/model.safetensors", GOLDEN_FOLDER, sets[i]);
		struct rk_bytes file = test_read(path);
		struct rk_tensor_index index;
		struct rk_error error = {.status = RK_OK};
		cr_assert_eq(parse(file, file.size, &index, &error), RK_OK, "%s: %s", sets[i], error.message);
		cr_assert_gt(index.n, 30);
	}
}
