#include "bench/replay/compare.h"

#include <criterion/criterion.h>
#include <string.h>

static struct rk_replay_difference difference;

static enum rk_replay_verdict compare(const char *recorded, const char *found)
{
	return rk_replay_compare(rk_bytes_of(recorded), rk_bytes_of(found), &difference);
}

#define ANSWER(items) "{\"model\":{\"name\":\"m\",\"version\":1},\"items\":[" items "],\"degraded\":null}"
static const char before[] =
	ANSWER("{\"item\":1,\"score\":0.5},{\"item\":\"2\",\"score\":0.25},{\"item\":3,\"score\":null}");

Test(replay_compare, the_same)
{
	cr_assert_eq(compare(before, before), RK_REPLAY_SAME);
	cr_assert_eq(difference.n_items, 3);
	cr_assert_eq(difference.first_place, 3);
	cr_assert_not(difference.is_other_version);
}

Test(replay_compare, what_differs)
{
	static const struct {
		const char *found;
		size_t n_moved, n_scores, first_place;
		double largest;
	} cases[] = {
		{ANSWER("{\"item\":\"2\",\"score\":0.25},{\"item\":1,\"score\":0.5},{\"item\":3,\"score\":null}"), 2, 0,
		 0, 0},
		{ANSWER("{\"item\":1,\"score\":0.5},{\"item\":\"2\",\"score\":0.125},{\"item\":3,\"score\":null}"), 0,
		 1, 1, 0.125},
		{ANSWER("{\"item\":1,\"score\":0.5},{\"item\":\"2\",\"score\":0.25},{\"item\":3,\"score\":0}"), 0, 1, 2,
		 0},
		{ANSWER("{\"item\":1,\"score\":0.5},{\"item\":2,\"score\":0.25},{\"item\":3,\"score\":null}"), 1, 0, 1,
		 0},
		{ANSWER("{\"item\":1,\"score\":0.5},{\"item\":\"2\",\"score\":0.25}"), 1, 0, 2, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(compare(before, cases[i].found), RK_REPLAY_DIFFERS, "case %zu", i);
		cr_assert_eq(difference.n_moved, cases[i].n_moved, "case %zu", i);
		cr_assert_eq(difference.n_scores, cases[i].n_scores, "case %zu", i);
		cr_assert_eq(difference.first_place, cases[i].first_place, "case %zu", i);
		cr_assert_float_eq(difference.largest, cases[i].largest, 1e-12);
	}
	cr_assert_eq(compare(ANSWER("{\"item\":1,\"score\":0.5}"), before), RK_REPLAY_DIFFERS, "one has more items");
}

Test(replay_compare, another_version_and_degraded_answers_are_told)
{
	static const char other[] = "{\"model\":{\"name\":\"m\",\"version\":2},\"items\":[]}";
	static const char degraded[] =
		"{\"items\":[],\"degraded\":{\"reason\":\"deadline\",\"scored\":0,\"unscored\":2}}";
	cr_assert_eq(compare("{\"model\":{\"name\":\"m\",\"version\":1},\"items\":[]}", other), RK_REPLAY_SAME);
	cr_assert(difference.is_other_version);
	cr_assert_eq(compare(before, degraded), RK_REPLAY_DEGRADED);
	cr_assert_eq(compare(degraded, before), RK_REPLAY_DEGRADED);
}

Test(replay_compare, what_is_no_answer)
{
	static const char *const texts[] = {"", "no JSON", "{}", "[]", "{\"items\":1}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(compare(texts[i], before), RK_REPLAY_UNREADABLE);
		cr_assert_eq(compare(before, texts[i]), RK_REPLAY_UNREADABLE);
	}
}
