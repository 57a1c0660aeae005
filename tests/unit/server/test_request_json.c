/* What is no JSON is 400, whatever it would mean: the categories of JSON test collections, each inside a body that
 * would otherwise be fine. */
#include "tests/unit/server/support.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define VALUE(value) "{\"candidates\":[1],\"context\":{\"x\":" value "}}"

struct text {
	const char *bytes;
	size_t size;
};
#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof(literal) - 1                                                                           \
	}

static const struct text malformed[] = {
	/* nothing, or not all */
	TEXT(""),
	TEXT(" "),
	TEXT("\n"),
	TEXT("{"),
	TEXT("["),
	TEXT("\""),
	TEXT("{\"candidates\":[1]"),
	TEXT("{\"candidates\":[1"),
	TEXT("{\"candidates\":"),
	TEXT("{\"candidates\""),
	TEXT("{\"candidat"),
	TEXT("{\"candidates\":[1],"),
	TEXT("nul"),
	TEXT("-"),
	/* too much */
	TEXT("{\"candidates\":[1]}}"),
	TEXT("{\"candidates\":[1]} x"),
	TEXT("{\"candidates\":[1]}{}"),
	TEXT("1 2"),
	TEXT("{\"candidates\":[1]},"),
	TEXT("{\"candidates\":[1]}\0"),
	TEXT("{\"candidates\":[1]}#"),
	/* structure */
	TEXT("]"),
	TEXT("}"),
	TEXT("{]"),
	TEXT("[}"),
	TEXT("{\"candidates\":[1}]"),
	TEXT(VALUE("[1,]")),
	TEXT(VALUE("[,1]")),
	TEXT(VALUE("[1,,2]")),
	TEXT(VALUE("[1 2]")),
	TEXT(VALUE("[,]")),
	TEXT(VALUE("{,}")),
	TEXT(VALUE("{\"a\":1,}")),
	TEXT(VALUE("{\"a\" 1}")),
	TEXT(VALUE("{\"a\"}")),
	TEXT(VALUE("{\"a\":}")),
	TEXT(VALUE("{:1}")),
	TEXT(VALUE("{\"a\"::1}")),
	TEXT(VALUE("{\"a\":1 \"b\":2}")),
	TEXT(VALUE("{a:1}")),
	TEXT(VALUE("{'a':1}")),
	TEXT(VALUE("{1:1}")),
	TEXT(VALUE("{null:1}")),
	TEXT(VALUE("[\"a\":1]")),
	TEXT(VALUE("")),
	TEXT(VALUE(":")),
	TEXT(VALUE(",")),
	TEXT("{\"candidates\":[1];}"),
	TEXT(VALUE("(1)")),
	/* a key twice, also when spelled differently, also where nothing is read */
	TEXT("{\"candidates\":[1],\"candidates\":[1]}"),
	TEXT("{\"candidates\":[1],\"c\\u0061ndidates\":[1]}"),
	TEXT(VALUE("{\"a\":1,\"a\":1}")),
	TEXT("{\"candidates\":[{\"item\":1,\"item\":2}]}"),
	TEXT("{\"candidates\":[1],\"top_k\":null,\"top_k\":1}"),
	/* literals */
	TEXT(VALUE("True")),
	TEXT(VALUE("NULL")),
	TEXT(VALUE("nulL")),
	TEXT(VALUE("truer")),
	TEXT(VALUE("tru")),
	TEXT(VALUE("undefined")),
	TEXT(VALUE("NaN")),
	TEXT(VALUE("nan")),
	TEXT(VALUE("Infinity")),
	TEXT(VALUE("-Infinity")),
	TEXT(VALUE("inf")),
	TEXT(VALUE("-NaN")),
	TEXT(VALUE("false0")),
	/* numbers */
	TEXT(VALUE("01")),
	TEXT(VALUE("-01")),
	TEXT(VALUE("00")),
	TEXT(VALUE("+1")),
	TEXT(VALUE("-")),
	TEXT(VALUE("--1")),
	TEXT(VALUE("1.")),
	TEXT(VALUE(".5")),
	TEXT(VALUE("-.5")),
	TEXT(VALUE("1.e5")),
	TEXT(VALUE("1e")),
	TEXT(VALUE("1e+")),
	TEXT(VALUE("1E-")),
	TEXT(VALUE("1ee5")),
	TEXT(VALUE("1e5.5")),
	TEXT(VALUE("0x10")),
	TEXT(VALUE("1_000")),
	TEXT(VALUE("1,5")),
	TEXT(VALUE("1 000")),
	TEXT(VALUE("1f")),
	TEXT(VALUE("1.2.3")),
	TEXT(VALUE("\xef\xbc\x91")),
	TEXT(VALUE("1e1000")),
	TEXT(VALUE("-1e1000")),
	TEXT(VALUE("9223372036854775808")),
	TEXT(VALUE("-9223372036854775809")),
	TEXT("{\"candidates\":[9223372036854775808]}"),
	TEXT("{\"candidates\":[99999999999999999999999]}"),
	/* strings */
	TEXT(VALUE("\"")),
	TEXT(VALUE("\"a")),
	TEXT(VALUE("'a'")),
	TEXT(VALUE("`a`")),
	TEXT(VALUE("\"\\\"")),
	TEXT(VALUE("\"\\x41\"")),
	TEXT(VALUE("\"\\a\"")),
	TEXT(VALUE("\"\\'\"")),
	TEXT(VALUE("\"\\0\"")),
	TEXT(VALUE("\"\\u\"")),
	TEXT(VALUE("\"\\u12\"")),
	TEXT(VALUE("\"\\u12G4\"")),
	TEXT(VALUE("\"\\U0041\"")),
	TEXT(VALUE("\"\\ud800\"")),
	TEXT(VALUE("\"\\udc00\"")),
	TEXT(VALUE("\"\\ud800\\ud800\"")),
	TEXT(VALUE("\"\\ud800x\"")),
	TEXT(VALUE("\"\\ud800\\n\"")),
	TEXT(VALUE("\"\\u0000\"")),
	TEXT("{\"candidates\":[\"a\\u0000b\"]}"),
	TEXT("{\"candidates\":[1],\"\\u0000\":1}"),
	TEXT(VALUE("\"a\tb\"")),
	TEXT(VALUE("\"a\nb\"")),
	TEXT(VALUE("\"a\x01"
		   "b\"")),
	TEXT(VALUE("\"a\0b\"")),
	TEXT(VALUE("\"a\x1f\"")),
	/* UTF-8: alone, cut, overlong, surrogates, beyond U+10FFFF */
	TEXT(VALUE("\"\x80\"")),
	TEXT(VALUE("\"\xbf\"")),
	TEXT(VALUE("\"\xff\"")),
	TEXT(VALUE("\"\xfe\"")),
	TEXT(VALUE("\"\xc3\"")),
	TEXT(VALUE("\"\xe8\xa7\"")),
	TEXT(VALUE("\"\xf0\x9f\x98\"")),
	TEXT(VALUE("\"\xc3(\"")),
	TEXT(VALUE("\"\xc0\xaf\"")),
	TEXT(VALUE("\"\xc1\xbf\"")),
	TEXT(VALUE("\"\xe0\x80\xaf\"")),
	TEXT(VALUE("\"\xf0\x80\x80\xaf\"")),
	TEXT(VALUE("\"\xed\xa0\x80\"")),
	TEXT(VALUE("\"\xed\xbf\xbf\"")),
	TEXT(VALUE("\"\xf4\x90\x80\x80\"")),
	TEXT(VALUE("\"\xf5\x80\x80\x80\"")),
	TEXT(VALUE("\"\xf8\x88\x80\x80\x80\"")),
	TEXT("{\"\xff\":1}"),
	TEXT("\xef\xbb\xbf{\"candidates\":[1]}"),
	TEXT("\xff\xfe{\0}\0"),
	TEXT("{\0\"\0a\0\"\0:\0"
	     "1\0}\0"),
	/* other languages */
	TEXT("{\"candidates\":[1]/**/}"),
	TEXT("{\"candidates\":[1]//\n}"),
	TEXT("/* */{\"candidates\":[1]}"),
	TEXT("{\"candidates\":[1]\x0b}"),
	TEXT("{\"candidates\":[1]\x0c}"),
	TEXT("{\"candidates\":[1]\xc2\xa0}"),
	TEXT("candidates=1"),
	TEXT("<candidates/>"),
	TEXT("\0"),
	TEXT("{\"candidates\":[1]\0}"),
	/* nesting */
	TEXT(VALUE("[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]")),
	TEXT("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"),
	TEXT("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
	     "{"
	     "\"a\":{\"a\":{}}}}}}}}}}}}}}}}}}"),
};

static const struct text well_formed[] = {
	TEXT(VALUE("[[[[[[[[[[[[[[]]]]]]]]]]]]]]")),
	TEXT(VALUE("\"[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\\\\\"")),
	TEXT(VALUE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\u2028\"")),
	TEXT(VALUE("\"\xe8\xa7\x86\xf0\x9f\x98\x80\xc3\xa9\x7f\xef\xbf\xbf\xf4\x8f\xbf\xbf\"")),
	TEXT(VALUE("[0,-0,1,-1,0.5,-0.0,1e5,1E+5,1e-5,1e-999,123456789012345678,4e-320]")),
	TEXT(VALUE("[true,false,null,\"\",{},[],{\"\":{}}]")),
	TEXT("\t\n\r {\t\"candidates\"\n:\r[ 1 ]\n}\n\n"),
};

Test(request_json, malformed_is_400_with_an_offset_within_the_body)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct test_decoding decoding;
		struct rk_bytes body = test_body(malformed[i].bytes, malformed[i].size);
		test_decode(&decoding, version, body, "", &test_limits, rk_request_arena_bytes(&test_limits));
		cr_assert_not(decoding.decoded, "%s", malformed[i].bytes);
		cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_MALFORMED_JSON, "%s: %s", malformed[i].bytes,
			     decoding.refusal.detail);
		cr_assert_geq(decoding.refusal.offset, 0);
		cr_assert_leq(decoding.refusal.offset, (int64_t)malformed[i].size, "%s", malformed[i].bytes);
		cr_assert_eq(decoding.refusal.faults.n, 0);
		cr_assert_null(decoding.request.version);
	}
}

Test(request_json, well_formed_is_read)
{
	struct rk_version *version = test_version("sasrec_mlp", &test_limits);
	for (size_t i = 0; i < sizeof(well_formed) / sizeof(well_formed[0]); i++) {
		struct test_decoding decoding;
		struct rk_bytes body = test_body(well_formed[i].bytes, well_formed[i].size);
		test_decode(&decoding, version, body, "", &test_limits, rk_request_arena_bytes(&test_limits));
		cr_assert(decoding.decoded, "%s: %s", well_formed[i].bytes, decoding.refusal.detail);
	}
}

Test(request_json, the_seventeenth_level_is_pointed_at)
{
	struct test_decoding decoding;
	test_decode(&decoding, NULL, rk_bytes_of("[[[[[[[[ [[[[[[[[ ["), "", &test_limits,
		    rk_request_arena_bytes(&test_limits));
	cr_assert_eq(decoding.refusal.offset, 18);
}

Test(request_json, a_million_open_brackets_cost_no_stack)
{
	static char body[1000000];
	static const struct rk_request_limits limits = {8, 4, sizeof(body)};
	struct test_decoding decoding;
	memset(body, '[', sizeof(body));
	test_decode(&decoding, NULL, (struct rk_bytes){body, sizeof(body)}, "", &limits,
		    rk_request_arena_bytes(&limits));
	cr_assert_eq(decoding.refusal.problem, RK_PROBLEM_MALFORMED_JSON);
	cr_assert_eq(decoding.refusal.offset, RK_MAX_NESTING);
}
