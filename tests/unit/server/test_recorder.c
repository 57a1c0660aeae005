/* Which requests are kept, in which order they are told, and what is left out where room is short. */
#include "server/clock.h"
#include "server/recorder.h"
#include "server/slot.h"
#include "tests/unit/server/json_kept.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { MS = 1000 * 1000 };

static struct rk_recorder recorder;
static char text_memory[1 << 23];

static void open_recorder(bool with_bodies)
{
	struct rk_error error;
	cr_assert_eq(rk_recorder_open(&recorder, with_bodies, &error), RK_OK);
}

/* A request that ended at now_ns and had taken total_ns. */
static void note(uint64_t now_ns, uint64_t total_ns, const char *id, const char *body, const char *answer)
{
	struct rk_slot slot = {.body = (char *)(uintptr_t)body, .n_body = strlen(body), .predicted_us = 1500};
	slot.queued_ns = now_ns - total_ns + MS;
	slot.job = (struct rk_job){.received_ns = now_ns - total_ns,
				   .budget_ms = 50,
				   .status = 200,
				   .reply = (char *)(uintptr_t)answer,
				   .reply_bytes = strlen(answer),
				   .model = "m",
				   .model_version = 3,
				   .n_candidates = 7,
				   .n_events = 5};
	for (int stage = 0; stage < RK_N_STAGES; stage++)
		slot.job.stage_ns[stage] = (uint64_t)(stage + 1) * MS;
	(void)snprintf(slot.job.request_id, sizeof(slot.job.request_id), "%s", id);
	rk_recorder_note(&recorder, &slot, now_ns);
}

static json_t *written(size_t size, uint64_t now_ns)
{
	struct rk_text text;
	rk_text_init(&text, text_memory, size);
	cr_assert(rk_recorder_write(&recorder, now_ns, &text));
	json_t *root = json_kept(text.data, text.used);
	cr_assert_not_null(root, "%.*s", (int)text.used, text.data);
	return json_object_get(root, "requests");
}

static const char *id_at(json_t *requests, size_t at)
{
	return json_string_value(json_object_get(json_array_get(requests, at), "request_id"));
}

Test(recorder, an_empty_one_is_told_as_such)
{
	open_recorder(false);
	cr_assert_eq(json_array_size(written(sizeof(text_memory), 1)), 0);
	rk_recorder_close(&recorder);
}

Test(recorder, the_slowest_stay_and_come_first)
{
	char id[16];
	open_recorder(false);
	for (uint64_t i = 0; i < 1000; i++) { /* 1 … 1000 ms in a mixed order */
		uint64_t total_ms = i * 387 % 1000 + 1;
		(void)snprintf(id, sizeof(id), "r%d", (int)total_ms);
		note(2000 * MS + i, total_ms * MS, id, "", "");
	}
	json_t *requests = written(sizeof(text_memory), 3000ULL * MS);
	cr_assert_eq(json_array_size(requests), RK_RECORDER_RECORDS);
	for (size_t at = 0; at < RK_RECORDER_RECORDS; at++) {
		(void)snprintf(id, sizeof(id), "r%d", (int)(1000 - at));
		cr_assert_str_eq(id_at(requests, at), id);
	}
}

Test(recorder, what_has_left_the_window_makes_room_the_oldest_first)
{
	char id[16];
	uint64_t later_ns = (uint64_t)RK_RECORDER_WINDOW_S * RK_NS_PER_S;
	open_recorder(false);
	for (uint64_t i = 0; i < RK_RECORDER_RECORDS; i++) {
		(void)snprintf(id, sizeof(id), "old%d", (int)i);
		note(1000 * MS + i, 500 * MS, id, "", "");
	}
	note(999 * MS + later_ns, 2 * MS, "fast", "", "");
	note(1000 * MS + later_ns, 3 * MS, "fast but recent", "", "");
	note(1000 * MS + later_ns, 4 * MS, "no other is old yet", "", "");
	json_t *requests = written(sizeof(text_memory), 1000 * MS + later_ns);
	cr_assert_eq(json_array_size(requests), RK_RECORDER_RECORDS);
	cr_assert_str_eq(id_at(requests, RK_RECORDER_RECORDS - 1), "no other is old yet");
	for (size_t at = 0; at < RK_RECORDER_RECORDS; at++)
		cr_assert(strcmp(id_at(requests, at), "old0") != 0 && strcmp(id_at(requests, at), "fast") != 0);
}

Test(recorder, where_the_time_went)
{
	open_recorder(false);
	note(1000 * MS, 20 * MS, "r", "a body", "an answer");
	json_t *record = json_array_get(written(sizeof(text_memory), 3000ULL * MS), 0);
	static const struct {
		const char *key;
		double value;
	} numbers[] = {{"status", 200},       {"age_s", 2},          {"total_ms", 20},   {"arrive_ms", 1},
		       {"queue_ms", 1},       {"decode_ms", 2},      {"score_ms", 4},    {"write_ms", 5},
		       {"predicted_ms", 1.5}, {"encode_user_ms", 3}, {"budget_ms", 50},  {"candidates", 7},
		       {"events", 5},         {"body_bytes", 6},     {"answer_bytes", 9}};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		cr_assert_float_eq(json_number_value(json_object_get(record, numbers[i].key)), numbers[i].value, 1e-9,
				   "%s", numbers[i].key);
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(record, "model"), "version")), 3);
	cr_assert(json_is_null(json_object_get(record, "body")), "nobody asked for bodies");
	cr_assert(json_is_null(json_object_get(record, "answer")));
	cr_assert(json_is_null(json_object_get(record, "degraded")));
}

Test(recorder, bodies_and_answers_are_kept_whole_or_not_at_all)
{
	static char largest[RK_RECORDER_KEPT_BYTES + 1], larger[RK_RECORDER_KEPT_BYTES + 2];
	memset(largest, 'a', sizeof(largest) - 1);
	memset(larger, 'b', sizeof(larger) - 1);
	open_recorder(true);
	note(1000 * MS, 30 * MS, "largest", largest, larger);
	note(1000 * MS, 20 * MS, "escaped", "{\"a\":\"\\n\"}", "\xff");
	json_t *requests = written(sizeof(text_memory), 1000 * MS);
	json_t *first = json_array_get(requests, 0), *second = json_array_get(requests, 1);
	cr_assert_str_eq(json_string_value(json_object_get(first, "body")), largest);
	cr_assert(json_is_null(json_object_get(first, "answer")));
	cr_assert_eq(json_integer_value(json_object_get(first, "answer_bytes")), RK_RECORDER_KEPT_BYTES + 1);
	cr_assert_str_eq(json_string_value(json_object_get(second, "body")), "{\"a\":\"\\n\"}");
	cr_assert_str_eq(json_string_value(json_object_get(second, "answer")), "\xef\xbf\xbd");
	rk_recorder_close(&recorder);
}

Test(recorder, where_room_is_short_answers_go_first_then_bodies_then_the_fastest)
{
	open_recorder(true);
	note(1000 * MS, 30 * MS, "a", "body of a", "answer to a");
	note(1000 * MS, 20 * MS, "b", "body of b", "answer to b");
	struct rk_text text;
	rk_text_init(&text, text_memory, sizeof(text_memory));
	cr_assert(rk_recorder_write(&recorder, 1000 * MS, &text));
	size_t n_before = 2, whole = text.used;
	bool has_seen_body_only = false, has_seen_none = false;
	for (size_t size = whole; n_before > 0; size--) {
		json_t *requests = written(size, 1000 * MS);
		size_t n = json_array_size(requests);
		cr_assert_leq(n, n_before);
		n_before = n;
		if (n == 2) {
			json_t *last = json_array_get(requests, 1);
			bool has_body = json_is_string(json_object_get(last, "body"));
			bool has_answer = json_is_string(json_object_get(last, "answer"));
			cr_assert_eq(has_answer, size == whole);
			cr_assert(has_body || !has_answer);
			has_seen_body_only = has_seen_body_only || (has_body && !has_answer);
			has_seen_none = has_seen_none || !has_body;
		}
	}
	cr_assert(has_seen_body_only && has_seen_none);
	rk_text_init(&text, text_memory, 10);
	cr_assert_not(rk_recorder_write(&recorder, 1000 * MS, &text));
}
