#include "bench/replay/compare.h"

#include <jansson.h>
#include <math.h>

static bool is_degraded(json_t *answer)
{
	return json_is_object(json_object_get(answer, "degraded"));
}

static void note(struct rk_replay_difference *difference, size_t place)
{
	if (place < difference->first_place)
		difference->first_place = place;
}

static void compare_item(json_t *a, json_t *b, size_t place, struct rk_replay_difference *difference)
{
	json_t *before = json_object_get(a, "score"), *after = json_object_get(b, "score");
	if (!json_equal(json_object_get(a, "item"), json_object_get(b, "item"))) {
		difference->n_moved++;
		note(difference, place);
		return;
	}
	bool had = json_is_number(before), has = json_is_number(after);
	double distance = had && has ? fabs(json_number_value(before) - json_number_value(after)) : 0;
	if (had == has && !(distance > 0))
		return;
	difference->n_scores++;
	difference->largest = fmax(difference->largest, distance);
	note(difference, place);
}

static enum rk_replay_verdict compare(json_t *recorded, json_t *found, struct rk_replay_difference *ret_difference)
{
	json_t *before = json_object_get(recorded, "items"), *after = json_object_get(found, "items");
	if (!json_is_array(before) || !json_is_array(after))
		return RK_REPLAY_UNREADABLE;
	size_t n = json_array_size(before), n_after = json_array_size(after);
	struct rk_replay_difference difference = {.n_items = n, .first_place = n};
	difference.is_other_version = !json_equal(json_object_get(recorded, "model"), json_object_get(found, "model"));
	for (size_t place = 0; place < n; place++)
		compare_item(json_array_get(before, place), json_array_get(after, place), place, &difference);
	*ret_difference = difference;
	if (is_degraded(recorded) || is_degraded(found))
		return RK_REPLAY_DEGRADED;
	return difference.first_place == n && n == n_after ? RK_REPLAY_SAME : RK_REPLAY_DIFFERS;
}

enum rk_replay_verdict rk_replay_compare(struct rk_bytes recorded, struct rk_bytes found,
					 struct rk_replay_difference *ret_difference)
{
	*ret_difference = (struct rk_replay_difference){0};
	json_t *before = json_loadb(recorded.data, recorded.size, 0, NULL);
	json_t *after = json_loadb(found.data, found.size, 0, NULL);
	enum rk_replay_verdict verdict =
		before == NULL || after == NULL ? RK_REPLAY_UNREADABLE : compare(before, after, ret_difference);
	json_decref(before);
	json_decref(after);
	return verdict;
}
