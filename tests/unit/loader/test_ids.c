#include "loader/ids.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct rk_ids integers(const int64_t *ids, uint32_t n)
{
	struct rk_ids table;
	struct rk_error error = {.status = RK_OK};
	struct rk_arena arena = test_arena(rk_ids_bytes(n) + 1);
	cr_assert_eq(rk_ids_init_integers(&table, ids, n, &arena, &error), RK_OK, "%s", error.message);
	return table;
}

struct strings {
	char bytes[4096];
	int64_t offsets[64];
	uint32_t n;
};

static struct strings strings_of(const char *const *texts, uint32_t n)
{
	struct strings strings = {.n = n};
	for (uint32_t i = 0; i < n; i++) {
		memcpy(strings.bytes + strings.offsets[i], texts[i], strlen(texts[i]));
		strings.offsets[i + 1] = strings.offsets[i] + (int64_t)strlen(texts[i]);
	}
	return strings;
}

static enum rk_status init(struct rk_ids *table, const struct strings *strings, struct rk_error *error)
{
	struct rk_arena arena = test_arena(rk_ids_bytes(strings->n) + 1);
	return rk_ids_init_strings(table, strings->bytes, (size_t)strings->offsets[strings->n], strings->offsets,
				   strings->n, &arena, error);
}

static int32_t find(const struct rk_ids *table, const char *text)
{
	return rk_ids_find_string(table, rk_bytes_of(text));
}

Test(ids, integers_are_found_in_both_forms)
{
	static const int64_t ids[] = {12, 0, -7, INT64_MAX, INT64_MIN, 1000000007};
	static const char *const texts[] = {"12",        "0", "-7", "9223372036854775807", "-9223372036854775808",
					    "1000000007"};
	struct rk_ids table = integers(ids, 6);
	for (int32_t row = 0; row < 6; row++) {
		cr_assert_eq(rk_ids_find_integer(&table, ids[row]), row);
		cr_assert_eq(find(&table, texts[row]), row, "%s", texts[row]);
	}
	cr_assert_eq(rk_ids_find_integer(&table, 13), -1);
	cr_assert_eq(rk_ids_find_integer(&table, 7), -1);
}

Test(ids, other_spellings_of_an_integer_are_other_strings)
{
	static const int64_t ids[] = {12, 0, 7, 1, INT64_MIN, INT64_MAX, 922337203685477580};
	static const char *const others[] = {"012",
					     "+12",
					     "12 ",
					     " 12",
					     "-0",
					     "00",
					     "",
					     "-",
					     "1e0",
					     "0x7",
					     "7.0",
					     "--7",
					     "9223372036854775808",
					     "-9223372036854775809",
					     "18446744073709551616",
					     "99999999999999999999",
					     "92233720368547758070",
					     "1\n"};
	struct rk_ids table = integers(ids, 7);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_assert_eq(find(&table, others[i]), -1, "%s", others[i]);
	cr_assert_eq(rk_ids_find_string(&table, (struct rk_bytes){"12\0", 3}), -1);
}

Test(ids, strings_are_found_in_both_forms)
{
	static const char *const texts[] = {"vid-1", "12", "012", "-7",       "视频",     "-9223372036854775808",
					    "0",     "a",  "aa",  "aaaaaaaa", "aaaaaaaaa"};
	struct strings strings = strings_of(texts, 11);
	struct rk_ids table;
	cr_assert_eq(init(&table, &strings, NULL), RK_OK);
	for (int32_t row = 0; row < 11; row++)
		cr_assert_eq(find(&table, texts[row]), row);
	cr_assert_eq(rk_ids_find_integer(&table, 12), 1);
	cr_assert_eq(rk_ids_find_integer(&table, -7), 3);
	cr_assert_eq(rk_ids_find_integer(&table, INT64_MIN), 5);
	cr_assert_eq(rk_ids_find_integer(&table, 0), 6);
	cr_assert_eq(rk_ids_find_integer(&table, 13), -1);
	cr_assert_eq(find(&table, "vid-2"), -1);
	cr_assert_eq(find(&table, ""), -1);
}

Test(ids, an_empty_table_finds_nothing)
{
	struct rk_ids table = integers((const int64_t[]){0}, 0);
	cr_assert_eq(table.n_buckets, 0);
	cr_assert_eq(rk_ids_find_integer(&table, 0), -1);
	cr_assert_eq(find(&table, "0"), -1);
	struct strings none = {.n = 0};
	cr_assert_eq(init(&table, &none, NULL), RK_OK);
	cr_assert_eq(find(&table, "0"), -1);
}

/* Consecutive, strided and high-bit-only ids: all found, and no long chains. */
Test(ids, many_integers_without_long_chains)
{
	enum { N = 200000 };
	static const int shifts[] = {0, 3, 16, 40};
	int64_t *ids = test_alloc(N * sizeof(*ids));
	for (size_t s = 0; s < 4; s++) {
		for (int64_t i = 0; i < N; i++)
			ids[i] = (i - N / 2) * ((int64_t)1 << shifts[s]);
		struct rk_ids table = integers(ids, N);
		cr_assert(table.n_buckets >= N / 4 && (table.n_buckets & (table.n_buckets - 1)) == 0);
		uint32_t run = 0, longest = 0;
		for (uint32_t bucket = 0; bucket < table.n_buckets; bucket++) {
			run = table.buckets[bucket].rows[RK_BUCKET_IDS - 1] >= 0 ? run + 1 : 0;
			longest = run > longest ? run : longest;
		}
		cr_assert(longest < 40, "%u full buckets in a row with stride 2^%d", longest, shifts[s]);
		for (int32_t i = 0; i < N; i++)
			cr_assert_eq(rk_ids_find_integer(&table, ids[i]), i);
		cr_assert_eq(rk_ids_find_integer(&table, ids[N - 1] + 1), -1);
	}
}

/* Nothing in a free place may look like an id, whatever its hash. */
Test(ids, ids_whose_hashes_have_no_bit_and_every_bit)
{
	static const int64_t extremes[] = {0, 6478229262441699958};
	struct rk_ids others = integers((const int64_t[]){1, 2, 3}, 3);
	struct rk_ids both = integers(extremes, 2);
	for (int32_t row = 0; row < 2; row++) {
		cr_assert_eq(rk_ids_find_integer(&others, extremes[row]), -1);
		cr_assert_eq(rk_ids_find_integer(&both, extremes[row]), row);
	}
}

/* Two strings made to have the same 64 bits of hash. */
Test(ids, strings_of_the_same_hash_are_told_apart)
{
	static const char *const texts[] = {"item-000t00baa0a", "WcJqAvAq9BKXuJOd"};
	struct strings one = strings_of(texts, 1), two = strings_of(texts, 2);
	struct rk_ids table;
	cr_assert_eq(init(&table, &one, NULL), RK_OK);
	cr_assert_eq(find(&table, texts[0]), 0);
	cr_assert_eq(find(&table, texts[1]), -1);
	cr_assert_eq(init(&table, &two, NULL), RK_OK);
	cr_assert_eq(table.buckets[0].hashes[0], table.buckets[0].hashes[1]);
	cr_assert_eq(find(&table, texts[0]), 0);
	cr_assert_eq(find(&table, texts[1]), 1);
}

/* As full as tables become, so that ids stand in other buckets than their own, also behind the last in the first. */
Test(ids, the_fullest_tables_find_all_and_nothing_else)
{
	enum { MOST = 4096 };
	static int64_t ids[MOST];
	for (uint32_t n = 1; n <= MOST; n *= 2) {
		for (uint32_t i = 0; i < n; i++)
			ids[i] = (int64_t)i * 1000003;
		struct rk_ids table = integers(ids, n);
		cr_assert(n < 4 || table.n_buckets == n / 4);
		for (uint32_t i = 0; i < n; i++) {
			cr_assert_eq(rk_ids_find_integer(&table, ids[i]), (int32_t)i);
			cr_assert_eq(rk_ids_find_integer(&table, ids[i] + 1), -1);
		}
	}
}

Test(ids, many_strings)
{
	enum { N = 100000 };
	char *bytes = test_alloc((size_t)N * 16);
	int64_t *offsets = test_alloc((N + 1) * sizeof(*offsets));
	for (int i = 0; i < N; i++)
		offsets[i + 1] = offsets[i] + sprintf(bytes + offsets[i], "item-%d", i * 7);
	struct rk_arena arena = test_arena(rk_ids_bytes(N));
	struct rk_ids table;
	cr_assert_eq(rk_ids_init_strings(&table, bytes, (size_t)offsets[N], offsets, N, &arena, NULL), RK_OK);
	for (int32_t i = 0; i < N; i++) {
		struct rk_bytes id = {bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])};
		cr_assert_eq(rk_ids_find_string(&table, id), i);
	}
	cr_assert_eq(find(&table, "item-1"), -1);
}

Test(ids, repeated_ids_are_refused_with_both_rows)
{
	static const int64_t ids[] = {5, 6, 7, 6};
	struct rk_ids table = {.n_items = 77};
	struct rk_error error = {.status = RK_OK};
	struct rk_arena arena = test_arena(rk_ids_bytes(4));
	cr_assert_eq(rk_ids_init_integers(&table, ids, 4, &arena, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "row 3: expected unique ids, found 6 as in row 1");
	cr_assert_eq(table.n_items, 77, "outputs are written only on success");
	static const char *const texts[] = {"a", "b", "a"};
	struct strings strings = strings_of(texts, 3);
	cr_assert_eq(init(&table, &strings, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "row 2: expected unique ids, found that of row 0 again");
}

Test(ids, bad_strings_are_refused)
{
	static char long_id[RK_MAX_ID_BYTES + 2];
	memset(long_id, 'x', RK_MAX_ID_BYTES + 1);
	const struct {
		const char *text, *message;
	} cases[] = {
		{"", "row 1: expected 1 to 255 bytes, found 0"},
		{long_id, "row 1: expected 1 to 255 bytes, found 256"},
		{"\xc3", "row 1: expected UTF-8, found other bytes"},
		{"\xed\xa0\x80", "row 1: expected UTF-8, found other bytes"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *texts[] = {"fine", cases[i].text};
		struct strings strings = strings_of(texts, 2);
		struct rk_ids table;
		struct rk_error error = {.status = RK_OK};
		cr_assert_eq(init(&table, &strings, &error), RK_INVALID);
		cr_assert_str_eq(error.message, cases[i].message);
	}
	long_id[RK_MAX_ID_BYTES] = '\0';
	const char *longest[] = {long_id};
	struct strings strings = strings_of(longest, 1);
	struct rk_ids table;
	cr_assert_eq(init(&table, &strings, NULL), RK_OK);
	cr_assert_eq(find(&table, long_id), 0);
}

Test(ids, a_nul_in_a_string_is_refused)
{
	struct strings strings = {.bytes = "a\0b", .offsets = {0, 3}, .n = 1};
	struct rk_ids table;
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(init(&table, &strings, &error), RK_INVALID);
	cr_assert_str_eq(error.message, "row 0: expected text, found a NUL");
}

Test(ids, offsets_that_lie_are_refused_before_any_string_is_touched)
{
	static const int64_t cases[][4] = {
		{1, 2, 3, 6},  {0, 4, 2, 6},         {0, 2, 4, 5},         {0, 2, 4, 7},         {0, 2, INT64_MAX, 6},
		{-1, 2, 4, 6}, {0, INT64_MIN, 4, 6}, {0, 2, 4, INT64_MAX}, {INT64_MIN, 2, 4, 6}, {0, -2, -4, -6},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_ids table;
		struct rk_error error = {.status = RK_OK};
		struct rk_arena arena = test_arena(rk_ids_bytes(3));
		cr_assert_eq(rk_ids_init_strings(&table, "abcdef", 6, cases[i], 3, &arena, &error), RK_INVALID, "%zu",
			     i);
		cr_assert_eq(strncmp(error.message, "row ", 4), 0);
	}
}

Test(ids, an_arena_that_is_too_small_is_an_error)
{
	static const int64_t ids[] = {5, 6, 7};
	static _Alignas(64) char small[64];
	struct rk_arena arena;
	struct rk_ids table;
	rk_arena_init(&arena, small, 63);
	cr_assert_eq(rk_ids_init_integers(&table, ids, 3, &arena, NULL), RK_NO_MEMORY);
	rk_arena_reset(&arena);
	struct strings strings = strings_of((const char *const[]){"a", "b", "c"}, 3);
	cr_assert_eq(rk_ids_init_strings(&table, strings.bytes, 3, strings.offsets, 3, &arena, NULL), RK_NO_MEMORY);
	cr_assert_eq(rk_ids_init_integers(&table, ids, UINT32_MAX, &arena, NULL), RK_LIMIT);
}

Test(ids, many_are_found_as_one_by_one)
{
	enum { N = 1000 };
	static int64_t integers[N], offsets[N + 1];
	static char bytes[N * 8];
	static struct rk_item_id wanted[3 * N];
	static char texts[3 * N][24];
	int32_t rows[3 * N];
	for (int i = 0; i < N; i++) {
		integers[i] = (int64_t)i * 7919 - 50000;
		offsets[i + 1] = offsets[i] + snprintf(bytes + offsets[i], 8, "%d", i * 3);
	}
	for (int i = 0; i < 3 * N; i++) {
		int64_t value = i % 2 == 0 ? integers[i % N] : i;
		int n = snprintf(texts[i], sizeof(texts[i]), i % 5 == 0 ? "%08lld" : "%lld", (long long)value);
		wanted[i] =
			(struct rk_item_id){.is_integer = i % 3 == 0, .integer = value, .text = {texts[i], (size_t)n}};
	}
	struct rk_ids tables[3] = {0};
	struct rk_arena arena = test_arena(2 * rk_ids_bytes(N));
	cr_assert_eq(rk_ids_init_integers(&tables[0], integers, N, &arena, NULL), RK_OK);
	cr_assert_eq(rk_ids_init_strings(&tables[1], bytes, (size_t)offsets[N], offsets, N, &arena, NULL), RK_OK);
	for (int t = 0; t < 3; t++) { /* the third is empty */
		int n_found = 0;
		for (uint32_t n = 0; n <= 3 * N; n += n < 40 ? 1 : 740) {
			rk_ids_find_all(&tables[t], wanted, n, rows);
			n_found = 0;
			for (uint32_t i = 0; i < n; i++) {
				int32_t expected = wanted[i].is_integer
							   ? rk_ids_find_integer(&tables[t], wanted[i].integer)
							   : rk_ids_find_string(&tables[t], wanted[i].text);
				cr_assert_eq(rows[i], expected, "table %d, id %u", t, i);
				n_found += expected >= 0;
			}
		}
		cr_assert(t == 2 ? n_found == 0 : n_found > N / 4, "%d of table %d", n_found, t);
	}
}
