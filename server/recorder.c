/*
 * A list without order: what has to be found is the record to give up, and 64 are looked through in less time than a
 * body takes to be copied. `least_ns` and `expires_ns` follow every change under the lock; a reading that is a moment
 * old lets through a request that no longer belongs in (the lock's owner sees that) or misses one at the margin.
 */
#include "server/recorder.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/slot.h"

#include <string.h>

static const uint64_t window_ns = RK_RECORDER_WINDOW_S * RK_NS_PER_S;

enum rk_status rk_recorder_open(struct rk_recorder *ret_recorder, bool with_bodies, struct rk_error *reterr)
{
	size_t each = with_bodies ? 2 * (size_t)RK_RECORDER_KEPT_BYTES : 0;
	*ret_recorder = (struct rk_recorder){.n_recorded = 0};
	RK_ASSERT(pthread_mutex_init(&ret_recorder->lock, NULL) == 0);
	RK_ASSERT(pthread_mutex_init(&ret_recorder->reading, NULL) == 0);
	enum rk_status status = rk_pages_open(&ret_recorder->kept, RK_RECORDER_RECORDS * each, reterr);
	if (status == RK_OK)
		status = rk_pages_open(&ret_recorder->copy, each, reterr);
	return status;
}

void rk_recorder_close(struct rk_recorder *recorder)
{
	rk_pages_close(&recorder->kept);
	rk_pages_close(&recorder->copy);
	(void)pthread_mutex_destroy(&recorder->lock);
	(void)pthread_mutex_destroy(&recorder->reading);
}

static char *kept_body(const struct rk_recorder *recorder, size_t index)
{
	return (char *)recorder->kept.base + index * 2 * RK_RECORDER_KEPT_BYTES;
}

static char *kept_answer(const struct rk_recorder *recorder, size_t index)
{
	return kept_body(recorder, index) + RK_RECORDER_KEPT_BYTES;
}

/* A free place; else of those that have left the window the oldest; else the fastest. */
static size_t find_victim(const struct rk_recorder *recorder, uint64_t now_ns)
{
	const struct rk_record *records = recorder->records;
	size_t oldest = 0, fastest = 0;
	for (size_t i = 0; i < RK_RECORDER_RECORDS; i++) {
		if (records[i].sequence == 0)
			return i;
		oldest = records[i].done_ns < records[oldest].done_ns ? i : oldest;
		fastest = records[i].total_ns < records[fastest].total_ns ? i : fastest;
	}
	return now_ns - records[oldest].done_ns >= window_ns ? oldest : fastest;
}

/* What lets the next request pass by. */
static void set_bar(struct rk_recorder *recorder)
{
	uint64_t least_ns = UINT64_MAX, first_ns = UINT64_MAX;
	bool is_full = true;
	for (size_t i = 0; i < RK_RECORDER_RECORDS; i++) {
		const struct rk_record *record = &recorder->records[i];
		is_full = is_full && record->sequence != 0;
		least_ns = record->total_ns < least_ns ? record->total_ns : least_ns;
		first_ns = record->done_ns < first_ns ? record->done_ns : first_ns;
	}
	atomic_store_explicit(&recorder->expires_ns, is_full ? first_ns + window_ns : UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&recorder->least_ns, is_full ? least_ns : 0, memory_order_relaxed);
}

static size_t keep(char *place, struct rk_bytes bytes)
{
	if (bytes.size > RK_RECORDER_KEPT_BYTES || bytes.size == 0)
		return 0;
	memcpy(place, bytes.data, bytes.size);
	return bytes.size;
}

static struct rk_record record_of(const struct rk_slot *slot, uint64_t now_ns)
{
	const struct rk_job *job = &slot->job;
	struct rk_record record = {.done_ns = now_ns,
				   .total_ns = now_ns - job->received_ns,
				   .arrive_ns = slot->queued_ns - job->received_ns,
				   .budget_ms = job->budget_ms,
				   .predicted_us = slot->predicted_us,
				   .body_bytes = slot->n_body,
				   .answer_bytes = job->reply_bytes,
				   .status = job->status,
				   .n_candidates = job->n_candidates,
				   .n_events = job->n_events,
				   .n_scored = job->n_scored,
				   .n_unreached = job->n_unreached,
				   .model_version = job->model_version};
	memcpy(record.stage_ns, job->stage_ns, sizeof(record.stage_ns));
	memcpy(record.request_id, job->request_id, sizeof(record.request_id));
	memcpy(record.model, job->model, sizeof(record.model));
	memcpy(record.path_model, slot->path_model, sizeof(record.path_model));
	return record;
}

static bool is_passed_by(struct rk_recorder *recorder, uint64_t total_ns, uint64_t now_ns)
{
	return total_ns <= atomic_load_explicit(&recorder->least_ns, memory_order_relaxed) &&
	       now_ns < atomic_load_explicit(&recorder->expires_ns, memory_order_relaxed);
}

void rk_recorder_note(struct rk_recorder *recorder, const struct rk_slot *slot, uint64_t now_ns)
{
	uint64_t total_ns = now_ns - slot->job.received_ns;
	if (is_passed_by(recorder, total_ns, now_ns))
		return;
	struct rk_record record = record_of(slot, now_ns);
	RK_ASSERT(pthread_mutex_lock(&recorder->lock) == 0);
	if (!is_passed_by(recorder, total_ns, now_ns)) {
		size_t index = find_victim(recorder, now_ns);
		if (recorder->kept.size > 0) {
			record.kept_body_bytes =
				keep(kept_body(recorder, index), (struct rk_bytes){slot->body, slot->n_body});
			record.kept_answer_bytes = keep(kept_answer(recorder, index),
							(struct rk_bytes){slot->job.reply, slot->job.reply_bytes});
		}
		record.sequence = ++recorder->n_recorded;
		recorder->records[index] = record;
		set_bar(recorder);
	}
	RK_ASSERT(pthread_mutex_unlock(&recorder->lock) == 0);
}

struct place {
	size_t index;
	uint64_t sequence, total_ns;
};

/* By insertion: there are few. */
static size_t list_slowest_first(struct rk_recorder *recorder, struct place *places)
{
	size_t n = 0;
	RK_ASSERT(pthread_mutex_lock(&recorder->lock) == 0);
	for (size_t i = 0; i < RK_RECORDER_RECORDS; i++) {
		const struct rk_record *record = &recorder->records[i];
		if (record->sequence == 0)
			continue;
		size_t at = n++;
		for (; at > 0 && places[at - 1].total_ns < record->total_ns; at--)
			places[at] = places[at - 1];
		places[at] = (struct place){i, record->sequence, record->total_ns};
	}
	RK_ASSERT(pthread_mutex_unlock(&recorder->lock) == 0);
	return n;
}

/* False: the record has made room for another. */
static bool copy_record(struct rk_recorder *recorder, const struct place *place, struct rk_recorder_view *ret_view)
{
	char *body = recorder->copy.base;
	RK_ASSERT(pthread_mutex_lock(&recorder->lock) == 0);
	const struct rk_record *record = &recorder->records[place->index];
	bool is_there = record->sequence == place->sequence;
	if (is_there) {
		*ret_view = (struct rk_recorder_view){.record = *record};
		if (record->kept_body_bytes > 0)
			memcpy(body, kept_body(recorder, place->index), record->kept_body_bytes);
		if (record->kept_answer_bytes > 0)
			memcpy(body + RK_RECORDER_KEPT_BYTES, kept_answer(recorder, place->index),
			       record->kept_answer_bytes);
		if (record->kept_body_bytes > 0)
			ret_view->body = (struct rk_bytes){body, record->kept_body_bytes};
		if (record->kept_answer_bytes > 0)
			ret_view->answer = (struct rk_bytes){body + RK_RECORDER_KEPT_BYTES, record->kept_answer_bytes};
	}
	RK_ASSERT(pthread_mutex_unlock(&recorder->lock) == 0);
	return is_there;
}

void rk_recorder_each(struct rk_recorder *recorder, bool (*visit)(void *context, const struct rk_recorder_view *view),
		      void *context)
{
	struct place places[RK_RECORDER_RECORDS];
	struct rk_recorder_view view;
	size_t n = list_slowest_first(recorder, places);
	bool goes_on = true;
	RK_ASSERT(pthread_mutex_lock(&recorder->reading) == 0);
	for (size_t i = 0; i < n && goes_on; i++)
		if (copy_record(recorder, &places[i], &view))
			goes_on = visit(context, &view);
	RK_ASSERT(pthread_mutex_unlock(&recorder->reading) == 0);
}
