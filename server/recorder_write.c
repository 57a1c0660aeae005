/* Records as JSON: GET /v1/slow, and log lines. `rankd replay` reads both (bench/replay/records.h). */
#include "model/base/check.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/recorder.h"

static const char *const stage_keys[RK_N_STAGES] = {
	[RK_STAGE_QUEUE] = "queue_ms", [RK_STAGE_DECODE] = "decode_ms", [RK_STAGE_ENCODE_USER] = "encode_user_ms",
	[RK_STAGE_SCORE] = "score_ms", [RK_STAGE_WRITE] = "write_ms",
};

static void put_key(struct rk_text *text, const char *key)
{
	rk_text_put_text(text, ",\"");
	rk_text_put_text(text, key);
	rk_text_put_text(text, "\":");
}

static void put_count(struct rk_text *text, const char *key, uint64_t count)
{
	put_key(text, key);
	rk_text_put_unsigned(text, count);
}

static void put_ms(struct rk_text *text, const char *key, uint64_t ns)
{
	put_key(text, key);
	rk_text_put_fixed(text, (double)ns / (double)RK_NS_PER_MS, 3);
}

/* null for what is not there */
static void put_string(struct rk_text *text, const char *key, struct rk_bytes value)
{
	put_key(text, key);
	if (value.size == 0)
		rk_text_put_text(text, "null");
	else
		rk_text_put_json_untrusted(text, value);
}

static void put_model(struct rk_text *text, const struct rk_record *record)
{
	put_key(text, "model");
	if (record->model[0] == '\0') {
		rk_text_put_text(text, "null");
		return;
	}
	rk_text_put_text(text, "{\"name\":");
	rk_text_put_json_untrusted(text, rk_bytes_of(record->model));
	put_count(text, "version", record->model_version);
	rk_text_put_char(text, '}');
}

static void put_degraded(struct rk_text *text, const struct rk_record *record)
{
	put_key(text, "degraded");
	if (record->n_unreached == 0) {
		rk_text_put_text(text, "null");
		return;
	}
	rk_text_put_text(text, "{\"reason\":\"deadline\"");
	put_count(text, "scored", record->n_scored);
	put_count(text, "unscored", record->n_unreached);
	rk_text_put_char(text, '}');
}

/* `,"request_id":…` and on: what follows something else in an object. */
static void put_members(struct rk_text *text, const struct rk_record *record, uint64_t now_ns)
{
	put_string(text, "request_id", rk_bytes_of(record->request_id));
	put_count(text, "status", record->status);
	put_model(text, record);
	put_string(text, "path_model", rk_bytes_of(record->path_model));
	put_key(text, "age_s");
	rk_text_put_fixed(text, (double)(now_ns - record->done_ns) / (double)RK_NS_PER_S, 3);
	put_ms(text, "total_ms", record->total_ns);
	put_ms(text, "arrive_ms", record->arrive_ns);
	for (size_t stage = 0; stage < RK_N_STAGES; stage++)
		put_ms(text, stage_keys[stage], record->stage_ns[stage]);
	put_key(text, "predicted_ms");
	rk_text_put_fixed(text, record->predicted_us / 1000, 3);
	put_key(text, "budget_ms");
	rk_text_put_fixed(text, record->budget_ms, 3);
	put_count(text, "candidates", record->n_candidates);
	put_count(text, "events", record->n_events);
	put_count(text, "body_bytes", record->body_bytes);
	put_count(text, "answer_bytes", record->answer_bytes);
	put_degraded(text, record);
}

/* How much of a record is told; each step is tried when the one before does not fit. */
enum detail { DETAIL_ALL, DETAIL_BODY, DETAIL_NONE, N_DETAILS };

static void put_kept(struct rk_text *text, const struct rk_recorder_view *view, enum detail detail)
{
	put_string(text, "body", detail <= DETAIL_BODY ? view->body : (struct rk_bytes){0});
	put_string(text, "answer", detail == DETAIL_ALL ? view->answer : (struct rk_bytes){0});
}

struct writing {
	struct rk_text *text;
	uint64_t now_ns;
	bool is_first;
};

static bool write_one(void *context, const struct rk_recorder_view *view)
{
	struct writing *writing = context;
	for (int detail = DETAIL_ALL; detail < N_DETAILS; detail++) {
		struct rk_text before = *writing->text;
		rk_text_put_text(writing->text,
				 writing->is_first ? "{\"event\":\"slow_request\"" : ",{\"event\":\"slow_request\"");
		put_members(writing->text, &view->record, writing->now_ns);
		put_kept(writing->text, view, (enum detail)detail);
		rk_text_put_char(writing->text, '}');
		writing->is_first = writing->is_first && writing->text->overflowed;
		if (!writing->text->overflowed)
			return true;
		*writing->text = before;
	}
	return false;
}

bool rk_recorder_write(struct rk_recorder *recorder, uint64_t now_ns, struct rk_text *text)
{
	enum { END_BYTES = 2 };
	struct writing writing = {.text = text, .now_ns = now_ns, .is_first = true};
	rk_text_put_text(text, "{\"window_s\":");
	rk_text_put_unsigned(text, RK_RECORDER_WINDOW_S);
	rk_text_put_text(text, ",\"requests\":[");
	if (text->overflowed || text->size - text->used < END_BYTES)
		return false;
	text->size -= END_BYTES;
	rk_recorder_each(recorder, write_one, &writing);
	text->size += END_BYTES;
	rk_text_put_text(text, "]}");
	return !text->overflowed;
}

static bool dump_one(void *context, const struct rk_recorder_view *view)
{
	const uint64_t *now_ns = context;
	char members[RK_LOG_LINE_BYTES];
	for (int detail = DETAIL_ALL; detail < N_DETAILS; detail++) {
		struct rk_text text;
		rk_text_init(&text, members, sizeof(members));
		put_members(&text, &view->record, *now_ns);
		put_kept(&text, view, (enum detail)detail);
		if (!text.overflowed &&
		    rk_log_members(RK_LOG_INFO, "slow_request", (struct rk_bytes){text.data, text.used}))
			break;
	}
	return true;
}

void rk_recorder_dump(struct rk_recorder *recorder, uint64_t now_ns)
{
	rk_recorder_each(recorder, dump_one, &now_ns);
}
