/* Texts of every category of the JSON grammar, with the verdict that RFC 8259 and our bounds call for; jansson must
 * agree on each, and on a hundred thousand seeded mutations of them. */
#include "tests/unit/server/json_oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof(literal) - 1                                                                           \
	}

static const struct rk_bytes valid[] = {
	TEXT("{}"),
	TEXT("[]"),
	TEXT(" \t\r\n[ ] \n"),
	TEXT("null"),
	TEXT("true"),
	TEXT("false"),
	TEXT("0"),
	TEXT("-0"),
	TEXT("\"\""),
	TEXT("[1,2,3]"),
	TEXT("[[],[[]],{}]"),
	TEXT("{\"a\":{\"b\":[null]}}"),
	TEXT("{\"\":0}"),
	TEXT("9223372036854775807"),
	TEXT("-9223372036854775808"),
	TEXT("1.5"),
	TEXT("-1.5e10"),
	TEXT("1E+2"),
	TEXT("1e-2"),
	TEXT("0.0"),
	TEXT("-0.0"),
	TEXT("1e22"),
	TEXT("1e23"),
	TEXT("123456789012345678901234567890.0"),
	TEXT("0.1e-6"),
	TEXT("2.2250738585072011e-308"),
	TEXT("5e-324"),
	TEXT("1e-400"),
	TEXT("1.7976931348623157e308"),
	TEXT("9007199254740993.0"),
	TEXT("0.30000000000000004"),
	TEXT("1e0000000000000000000000000000001"),
	TEXT("0.000000000000000000000000000000000000000000000000000000000000001"),
	TEXT("1e-99999999999999999999"),
	TEXT("[-1.0, 1e1, 10.25e-3]"),
	TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	TEXT("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\""),
	TEXT("\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""),
	TEXT("\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\""),
	TEXT("\"\x7f\""),
	TEXT("\"\\uFFFF\\ufdd0\""),
	TEXT("\"a\\u0001b\""),
	TEXT("{\"a\":1,\"b\":1}"),
	TEXT("{\"a\\u0062\":1,\"ac\":2}"),
	TEXT("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
	TEXT("{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,"
	     "\"13\":1,\"14\":[{\"1\":2}]}"),
};

static const struct rk_bytes malformed[] = {
	TEXT(""),
	TEXT(" "),
	TEXT("["),
	TEXT("{"),
	TEXT("]"),
	TEXT("}"),
	TEXT(","),
	TEXT(":"),
	TEXT("[1"),
	TEXT("[1,"),
	TEXT("[1,]"),
	TEXT("[,1]"),
	TEXT("[1 2]"),
	TEXT("[1,,2]"),
	TEXT("[}"),
	TEXT("{]"),
	TEXT("{\"a\"}"),
	TEXT("{\"a\":}"),
	TEXT("{\"a\":1,}"),
	TEXT("{,}"),
	TEXT("{a:1}"),
	TEXT("{'a':1}"),
	TEXT("{1:1}"),
	TEXT("{\"a\" 1}"),
	TEXT("{\"a\":1 \"b\":2}"),
	TEXT("{\"a\":1}}"),
	TEXT("[]]"),
	TEXT("[] []"),
	TEXT("1 2"),
	TEXT("[1]x"),
	TEXT("nul"),
	TEXT("nulL"),
	TEXT("True"),
	TEXT("tru"),
	TEXT("truee"),
	TEXT("undefined"),
	TEXT("NaN"),
	TEXT("Infinity"),
	TEXT("-Infinity"),
	TEXT("-"),
	TEXT("+1"),
	TEXT("--1"),
	TEXT("01"),
	TEXT("-01"),
	TEXT("00"),
	TEXT("1."),
	TEXT(".5"),
	TEXT("-.5"),
	TEXT("1e"),
	TEXT("1e+"),
	TEXT("1.e1"),
	TEXT("1.5.5"),
	TEXT("0x1"),
	TEXT("1_0"),
	TEXT("1e5.5"),
	TEXT("9223372036854775808"),
	TEXT("-9223372036854775809"),
	TEXT("99999999999999999999999"),
	TEXT("1e309"),
	TEXT("-1e400"),
	TEXT("1e99999999999999999999"),
	TEXT("\""),
	TEXT("\"a"),
	TEXT("\"\\\""),
	TEXT("\"\\"),
	TEXT("\"\\x41\""),
	TEXT("\"\\u\""),
	TEXT("\"\\u12\""),
	TEXT("\"\\u123g\""),
	TEXT("\"\\u0000\""),
	TEXT("\"\\ud800\""),
	TEXT("\"\\udc00\""),
	TEXT("\"\\ud800\\u0041\""),
	TEXT("\"\\ud800\\ud800\""),
	TEXT("\"\\ud800a\""),
	TEXT("\"\\U0041\""),
	TEXT("\"\n\""),
	TEXT("\"\t\""),
	TEXT("\"\x01\""),
	TEXT("\"\x1f\""),
	TEXT("\"\x80\""),
	TEXT("\"\xc0\xaf\""),
	TEXT("\"\xc1\xbf\""),
	TEXT("\"\xc3\""),
	TEXT("\"\xc3\x28\""),
	TEXT("\"\xe0\x80\x80\""),
	TEXT("\"\xe2\x82\""),
	TEXT("\"\xed\xa0\x80\""),
	TEXT("\"\xf0\x80\x80\x80\""),
	TEXT("\"\xf4\x90\x80\x80\""),
	TEXT("\"\xf5\x80\x80\x80\""),
	TEXT("\"\xff\""),
	TEXT("\xef\xbb\xbf[]"),
	TEXT("\xff\xfe[\0]\0"),
	TEXT("[1]\0"),
	TEXT("[1]\0garbage"),
	TEXT("\"a\0b\""),
	TEXT("\0"),
	TEXT("// c\n[]"),
	TEXT("/* c */[]"),
	TEXT("[1]// c"),
	TEXT("{\"a\":1,\"a\":2}"),
	TEXT("{\"a\":1,\"\\u0061\":2}"),
	TEXT("[{\"x\":{\"k\":1,\"j\":2,\"k\":3}}]"),
	TEXT("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"),
	TEXT("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"),
	TEXT("[\xc2\xa0]"),
	TEXT("[\x0c]"),
	TEXT("[\x0b]"),
	TEXT("{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,"
	     "\"13\":1,\"14\":1,\"\\u0037\":1}"),
};

static void expect(struct rk_bytes text, bool is_valid)
{
	bool found;
	const char *difference = json_oracle_compare(text, &found);
	cr_assert_null(difference, "%.*s: %s", (int)text.size, text.data, difference);
	cr_assert_eq(found, is_valid, "%.*s: expected it to be %s", (int)text.size, text.data,
		     is_valid ? "valid" : "malformed");
}

Test(json, accepts_what_is_valid)
{
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		expect(valid[i], true);
}

Test(json, refuses_what_is_malformed)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		expect(malformed[i], false);
}

/* Every valid text inside arrays and objects, and cut at every byte. */
Test(json, agrees_on_nestings_and_prefixes)
{
	char text[512];
	bool is_valid;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		int n = snprintf(text, sizeof(text), "{\"k\":[%.*s,-1.25e1]}", (int)valid[i].size, valid[i].data);
		for (int size = 0; size <= n; size++)
			cr_assert_null(json_oracle_compare((struct rk_bytes){text, (size_t)size}, &is_valid), "%.*s",
				       size, text);
	}
}

static unsigned next(unsigned *state, unsigned n)
{
	*state = *state * 1664525U + 1013904223U;
	return (*state >> 8) % n;
}

/* One byte changed, inserted or left out, or a piece of another text put in. */
static size_t mutate(char *text, size_t size, size_t room, unsigned *state)
{
	static const char bytes[] = "{}[]\",:\\u0123456789.eE+-tfn \n\xc3\xa9\xed\xa0\x80\xf4";
	size_t at = next(state, (unsigned)size + 1);
	char byte = next(state, 8) == 0 ? (char)next(state, 256) : bytes[next(state, sizeof(bytes) - 1)];
	switch (next(state, 4)) {
	case 0:
		if (at < size)
			text[at] = byte;
		return size;
	case 1:
		if (size == room)
			return size;
		memmove(text + at + 1, text + at, size - at);
		text[at] = byte;
		return size + 1;
	case 2:
		if (at == size)
			return size;
		memmove(text + at, text + at + 1, size - at - 1);
		return size - 1;
	default: {
		struct rk_bytes piece = valid[next(state, sizeof(valid) / sizeof(valid[0]))];
		if (size + piece.size > room)
			return size;
		memmove(text + at + piece.size, text + at, size - at);
		memcpy(text + at, piece.data, piece.size);
		return size + piece.size;
	}
	}
}

Test(json, agrees_on_mutations)
{
	unsigned state = 1, n_valid = 0;
	enum { N_TEXTS = 100000 };
	for (unsigned i = 0; i < N_TEXTS; i++) {
		char text[256];
		struct rk_bytes seed = valid[next(&state, sizeof(valid) / sizeof(valid[0]))];
		size_t size = seed.size;
		memcpy(text, seed.data, size);
		for (unsigned n = 1 + next(&state, 4); n > 0; n--)
			size = mutate(text, size, sizeof(text), &state);
		bool is_valid;
		const char *difference = json_oracle_compare((struct rk_bytes){text, size}, &is_valid);
		cr_assert_null(difference, "text %u: %.*s: %s", i, (int)size, text, difference);
		n_valid += is_valid;
	}
	cr_assert_gt(n_valid, N_TEXTS / 50, "hardly any mutation is valid: the test sees one side only");
}

Test(json, many_keys_and_deep_values_fit_the_arena)
{
	static char text[1 << 18];
	bool is_valid;
	for (int kind = 0; kind < 3; kind++) {
		size_t size = 0;
		text[size++] = '{';
		for (unsigned i = 1; i < 12000; i++) {
			char *at = text + size;
			size += (size_t)(kind == 0   ? sprintf(at, "\"%x\":[],", i)
					 : kind == 1 ? sprintf(at, "\"\\u%04x\":1,", i)
						     : sprintf(at, "\"\\n%x\":{},", i));
		}
		text[size - 1] = '}';
		cr_assert_null(json_oracle_compare((struct rk_bytes){text, size}, &is_valid));
		cr_assert(is_valid);
	}
	memset(text, ',', sizeof(text));
	text[0] = '[';
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = '1';
	text[sizeof(text) - 1] = ']';
	text[sizeof(text) - 2] = ' ';
	text[sizeof(text) - 3] = '1';
	cr_assert_null(json_oracle_compare((struct rk_bytes){text, sizeof(text)}, &is_valid));
}

/* Which keys' hashes meet differs from process to process, so that a fault in the table shows only in many objects. */
Test(json, keys_may_meet_in_any_way)
{
	static _Alignas(RK_ARENA_ALIGNMENT) char memory[1 << 17];
	static char text[4096];
	for (unsigned set = 0; set < 40000; set++) {
		unsigned n = 13 + set % 52;
		size_t size = 0;
		for (unsigned i = 0; i < n; i++)
			size += (size_t)snprintf(&text[size], sizeof(text) - size, "%c\"%x.%x\":0", i == 0 ? '{' : ',',
						 set, i);
		struct rk_json_error error = {0};
		struct rk_arena arena;
		text[size] = '}';
		rk_arena_init(&arena, memory, sizeof(memory));
		cr_assert_not_null(rk_json_parse((struct rk_bytes){text, size + 1}, &arena, &error));
		size += (size_t)snprintf(&text[size], sizeof(text) - size, ",\"%x.%x\":0}", set, set % n);
		rk_arena_reset(&arena);
		cr_assert_null(rk_json_parse((struct rk_bytes){text, size}, &arena, &error));
	}
}

Test(json, an_arena_that_is_too_small_is_told)
{
	static _Alignas(RK_ARENA_ALIGNMENT) char memory[4096];
	static const char text[] = "{\"a\":[1,2,\"\\n\"],\"b\":1.00000000000000000001}";
	for (size_t size = 0; size <= sizeof(memory); size += RK_ARENA_ALIGNMENT) {
		struct rk_arena arena;
		struct rk_json_error error = {0};
		rk_arena_init(&arena, memory, size);
		const struct rk_json *value = rk_json_parse((struct rk_bytes){text, sizeof(text) - 1}, &arena, &error);
		cr_assert(value != NULL || error.detail == NULL, "only memory can be missing");
		cr_assert(value != NULL || size < rk_json_bytes(sizeof(text) - 1));
	}
}

Test(json, get_finds_members)
{
	static _Alignas(RK_ARENA_ALIGNMENT) char memory[8192];
	static const char text[] = "{\"a\":{\"x\":1},\"b\":[1,{\"c\":2}],\"c\":3}";
	struct rk_arena arena;
	struct rk_json_error error;
	rk_arena_init(&arena, memory, sizeof(memory));
	const struct rk_json *value = rk_json_parse((struct rk_bytes){text, sizeof(text) - 1}, &arena, &error);
	cr_assert_not_null(value);
	cr_assert_eq(rk_json_get(value, "c")->integer, 3);
	cr_assert_eq(rk_json_get(rk_json_get(value, "a"), "x")->integer, 1);
	cr_assert_null(rk_json_get(value, "x"));
	cr_assert_null(rk_json_get(rk_json_get(value, "b"), "c"));
	cr_assert_null(rk_json_get(NULL, "c"));
}
