/*
 * POST /rank on the I/O thread: a slot for the body, the door of the queue, and the answer out of the slot.
 *
 * Who gives the slot back: the exchange while it has it (exchange->slot), from an answer on the response's callback,
 * which the library calls when the last byte is out or the connection has died.
 */
#include "server/http_internal.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/drain.h"

#include <stdio.h>
#include <string.h>

enum {
	EARLY_BYTES = 64 * 1024,
	SLOW_ARRIVAL_MS = 5 /* without a free slot, bodies that take longer to come make room */
};

static void copy_text(char *target, size_t size, struct rk_bytes source)
{
	RK_ASSERT(source.size < size);
	if (source.size > 0)
		memcpy(target, source.data, source.size);
	target[source.size] = '\0';
}

double rk_http_budget_ms(const struct rk_connection *connection)
{
	double setting_ms = connection->http->server->settings.budget_ms;
	double asked_ms = connection->exchange.guard.head.budget_ms;
	return asked_ms > 0 && asked_ms < setting_ms ? asked_ms : setting_ms;
}

/* What the head says about the job. */
static void fill_job(const struct rk_connection *connection, struct rk_slot *slot)
{
	const struct rk_exchange *exchange = &connection->exchange;
	const struct rk_head *head = &exchange->guard.head;
	struct rk_job *job = &slot->job;
	copy_text(slot->path_model, sizeof(slot->path_model), head->segment);
	copy_text(slot->request_id, sizeof(slot->request_id), rk_bytes_of(exchange->request_id));
	job->path_model = rk_bytes_of(slot->path_model);
	job->header_request_id = rk_bytes_of(slot->request_id);
	job->budget_ms = rk_http_budget_ms(connection);
	job->received_ns = exchange->received_ns;
}

/* What learns and tells the cost: a predictor for each model that the path can name, and the first for bodies that may
 * name any. */
static uint32_t predictor_of(const struct rk_server *server, struct rk_bytes path_model)
{
	uint32_t index;
	if (path_model.size == 0 || !rk_registry_index(atomic_load(&server->registry), path_model, &index))
		return 0;
	return 1 + index;
}

/* A body of which it is clear already that it would be shed at its end is thrown away as it comes. One that takes long
 * to come is not judged so early: the queue may be empty by then. */
static bool is_shed_early(struct rk_connection *connection, uint64_t now_ns)
{
	const struct rk_head *head = &connection->exchange.guard.head;
	if (head->chunked || head->content_length > EARLY_BYTES)
		return false;
	bool is_full = rk_queue_is_full(&connection->http->server->queue, 1000 * rk_http_budget_ms(connection), now_ns);
	rk_io_policy_note(&connection->http->policy, is_full, now_ns);
	return is_full;
}

static void refuse_for_slots(struct rk_connection *connection)
{
	rk_metrics_count_shed(&connection->http->server->metrics, RK_SHED_SLOTS);
	rk_http_refuse_later(connection, RK_PROBLEM_OVERLOADED, "too many requests are under way");
}

/* A slot, if need be that of bodies that drip: they must not keep out those that come at once. */
static struct rk_slot *acquire_slot(struct rk_http *http, uint64_t now_ns)
{
	struct rk_slot *slot = rk_slot_acquire(&http->server->slots);
	for (uint32_t i = 0; slot == NULL && i < http->n_pool; i++) {
		struct rk_connection *other = &http->pool[i];
		if (other->exchange.stage != RK_EXCHANGE_RECEIVE || other->exchange.slot == NULL ||
		    now_ns - other->exchange.received_ns < SLOW_ARRIVAL_MS * RK_NS_PER_MS)
			continue;
		refuse_for_slots(other);
		slot = rk_slot_acquire(&http->server->slots);
	}
	return slot;
}

void rk_http_rank_begin(struct rk_connection *connection)
{
	struct rk_exchange *exchange = &connection->exchange;
	struct rk_server *server = connection->http->server;
	uint64_t now_ns = rk_clock_ns();
	enum rk_service service = rk_phase_service(rk_life_phase(&server->life), rk_life_was_ready(&server->life));
	if (service == RK_SERVICE_ENDED) {
		rk_http_refuse_later(connection, RK_PROBLEM_DRAINING, "the server is shutting down");
	} else if (service == RK_SERVICE_NOT_YET) {
		rk_http_refuse_later(connection, RK_PROBLEM_NOT_READY, "no model is ready yet");
	} else if (exchange->guard.head.segment.size > sizeof(exchange->slot->path_model) - 1) {
		rk_http_refuse_later(connection, RK_PROBLEM_UNKNOWN_MODEL, "there is no such model");
	} else if (is_shed_early(connection, now_ns)) {
		rk_metrics_count_shed(&server->metrics, RK_SHED_QUEUE);
		rk_http_refuse_later(connection, RK_PROBLEM_OVERLOADED, "too much work waits already");
	} else if ((exchange->slot = acquire_slot(connection->http, now_ns)) == NULL) {
		refuse_for_slots(connection);
	} else {
		exchange->stage = RK_EXCHANGE_RECEIVE;
		exchange->slot->connection = connection;
		exchange->slot->predictor = predictor_of(server, exchange->guard.head.segment);
		fill_job(connection, exchange->slot);
	}
}

void rk_http_rank_receive(struct rk_connection *connection, const char *data, size_t size)
{
	/* the caller counts: more than a slot takes never comes here */
	RK_ASSERT(rk_slot_append(connection->exchange.slot, data, size));
}

/* Under the queue's lock, before a worker can see the slot. */
static void accept_into_queue(struct rk_slot *slot)
{
	struct rk_connection *connection = slot->connection;
	struct rk_http *http = connection->http;
	connection->exchange.stage = RK_EXCHANGE_SUSPENDED;
	rk_metrics_add(&http->server->metrics, RK_METRIC_INFLIGHT, 1);
	rk_http_suspend(slot->mhd, http);
}

void rk_http_rank_done(struct rk_slot *slot)
{
	/* the slot and its connection are the I/O thread's as soon as this resumes them */
	struct rk_connection *connection = slot->connection;
	struct rk_http *http = connection->http;
	rk_metrics_add(&http->server->metrics, RK_METRIC_INFLIGHT, -1);
	rk_http_resume(slot->mhd, http);
}

static enum MHD_Result shed(struct rk_connection *connection, struct MHD_Connection *mhd, enum rk_verdict verdict)
{
	static const struct {
		enum rk_shed reason;
		enum rk_problem problem;
		const char *detail;
	} answers[] = {
		[RK_VERDICT_ADMIT] = {0},
		[RK_VERDICT_QUEUE_FULL] = {RK_SHED_QUEUE, RK_PROBLEM_OVERLOADED, "too much work waits already"},
		[RK_VERDICT_TOO_LATE] = {RK_SHED_BUDGET, RK_PROBLEM_OVERLOADED,
					 "the budget does not suffice for the wait"},
		[RK_VERDICT_EXPIRED] = {RK_SHED_DEADLINE, RK_PROBLEM_DEADLINE_EXCEEDED,
					"the budget had passed before the request had arrived"},
		[RK_VERDICT_CLOSED] = {RK_N_SHED, RK_PROBLEM_DRAINING, "the server is shutting down"},
	};
	RK_ASSERT(verdict != RK_VERDICT_ADMIT);
	if (answers[verdict].reason != RK_N_SHED)
		rk_metrics_count_shed(&connection->http->server->metrics, answers[verdict].reason);
	rk_http_refuse_later(connection, answers[verdict].problem, answers[verdict].detail);
	return rk_http_answer_refusal(connection, mhd, &connection->exchange.guard.refusal);
}

enum MHD_Result rk_http_rank_end(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_exchange *exchange = &connection->exchange;
	uint64_t now_ns = rk_clock_ns();
	if (!rk_connection_move(connection, RK_CONNECTION_ARRIVING, RK_CONNECTION_WORKING, now_ns))
		return MHD_NO;
	exchange->slot->mhd = mhd;
	struct rk_server *server = connection->http->server;
	/* after the drain's end nobody waits for an answer that is not under way yet; 503 is better than none */
	enum rk_verdict verdict = rk_life_phase(&server->life) >= RK_PHASE_REFUSING
					  ? RK_VERDICT_CLOSED
					  : rk_queue_offer(&server->queue, exchange->slot, now_ns, accept_into_queue);
	/* once admitted, the slot is a worker's: nothing of it may be touched here */
	return verdict == RK_VERDICT_ADMIT ? MHD_YES : shed(connection, mhd, verdict);
}

static void give_slot_back(void *slot)
{
	rk_slot_release(rk_slot_of(slot));
}

/* Milliseconds of each stage, and of all from the request line until now. */
static void write_timing(char *ret_text, size_t size, const struct rk_job *job)
{
	double ms[RK_N_STAGES];
	for (int stage = 0; stage < RK_N_STAGES; stage++)
		ms[stage] = (double)job->stage_ns[stage] / (double)RK_NS_PER_MS;
	double total_ms = (double)(rk_clock_ns() - job->received_ns) / (double)RK_NS_PER_MS;
	(void)snprintf(
		ret_text, size,
		"queue;dur=%.3f, decode;dur=%.3f, encode_user;dur=%.3f, score;dur=%.3f, write;dur=%.3f, total;dur=%.3f",
		ms[RK_STAGE_QUEUE], ms[RK_STAGE_DECODE], ms[RK_STAGE_ENCODE_USER], ms[RK_STAGE_SCORE],
		ms[RK_STAGE_WRITE], total_ms);
}

static bool add_headers(const struct rk_connection *connection, struct MHD_Response *response, const struct rk_job *job)
{
	char timing[256], version[96];
	bool is_good = rk_http_add_closing(connection->http, response) && rk_http_add_trace(connection, response);
	if (job->request_id[0] != '\0')
		is_good = is_good && rk_http_add_header(response, "X-Request-Id", job->request_id);
	if (job->status != 200) {
		is_good = is_good &&
			  rk_http_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json");
		if (job->status == 429 || job->status == 503)
			is_good = is_good && rk_http_add_header(response, MHD_HTTP_HEADER_RETRY_AFTER,
								rk_http_is_later(job->received_ns) ? "2" : "1");
		return is_good;
	}
	write_timing(timing, sizeof(timing), job);
	(void)snprintf(version, sizeof(version), "%s/%llu", job->model, (unsigned long long)job->model_version);
	return is_good && rk_http_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json") &&
	       rk_http_add_header(response, "Server-Timing", timing) &&
	       rk_http_add_header(response, "X-Model-Version", version);
}

enum MHD_Result rk_http_rank_answer(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	struct rk_exchange *exchange = &connection->exchange;
	struct rk_slot *slot = exchange->slot;
	const struct rk_job *job = &slot->job;
	unsigned status = job->status;
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		job->reply_bytes, job->reply, give_slot_back, slot);
	if (response == NULL)
		return MHD_NO; /* the exchange still has the slot */
	exchange->slot = NULL;
	memcpy(exchange->request_id, job->request_id, sizeof(exchange->request_id));
	if (connection->http->server->settings.log_ids)
		memcpy(exchange->user_id, job->user_id, sizeof(exchange->user_id));
	rk_slot_move(slot, RK_SLOT_DONE, RK_SLOT_SENDING);
	bool is_good = add_headers(connection, response, job);
	enum MHD_Result result = is_good ? rk_http_queue(connection, mhd, status, response) : MHD_NO;
	MHD_destroy_response(response); /* the connection holds it now, if it was queued */
	return result;
}
