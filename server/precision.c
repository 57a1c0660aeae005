#include "server/precision.h"

#include "loader/golden.h"
#include "model/base/pages.h"

#include <math.h>
#include <string.h>

enum { TOP = 10 };

struct comparison {
	struct rk_version *exact;
	const struct rk_request_limits *limits;
	struct rk_arena arena; /* of decoding; the scores follow */
	struct rk_precision_report sums;
};

static struct rk_version *acquire(void *context, struct rk_bytes name, bool *ret_known)
{
	(void)name;
	*ret_known = true;
	return context;
}

/* Ranks the body on a version; the result lies in the version's scratch. */
static enum rk_status rank(struct comparison *comparison, struct rk_version *version, struct rk_bytes body,
			   struct rk_rank_result *ret_result, struct rk_error *reterr)
{
	struct rk_request request;
	struct rk_request_refusal refusal;
	struct rk_ranking ranking;
	const struct rk_request_source source = {
		.body = body, .limits = comparison->limits, .resolver = {.acquire = acquire, .context = version}};
	if (!rk_request_decode(&source, &comparison->arena, &request, &refusal))
		return rk_error_set(reterr, RK_INVALID, "refused: %s", refusal.detail);
	rk_ranking_begin(&ranking, &version->model, version->scratches[0], &request.input);
	rk_ranking_encode_user(&ranking);
	rk_ranking_score(&ranking, 0, request.input.n_candidates);
	rk_ranking_finish(&ranking, ret_result);
	return RK_OK;
}

static double share_in_common(const struct rk_rank_result *a, const struct rk_rank_result *b)
{
	uint32_t n = a->n_candidates < TOP ? a->n_candidates : TOP, n_common = 0;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			n_common += a->order[i] == b->order[j];
	return n == 0 ? 1.0 : (double)n_common / (double)n;
}

/* Kendall, "A new measure of rank correlation" (1938), tau-a: the share of pairs in the same order less that of pairs
 * in the opposite order. Ties count as neither. */
static double tau(const struct rk_rank_result *a, const struct rk_rank_result *b)
{
	int64_t n_pairs = 0, n_same = 0;
	for (uint32_t i = 0; i < a->n_candidates; i++)
		for (uint32_t j = i + 1; j < a->n_candidates; j++) {
			if (a->states[i] != RK_SCORED || a->states[j] != RK_SCORED || a->scores[i] == a->scores[j])
				continue;
			bool less = a->scores[i] < a->scores[j];
			n_pairs++;
			n_same += b->scores[i] == b->scores[j] ? 0 : less == (b->scores[i] < b->scores[j]) ? 1 : -1;
		}
	return n_pairs == 0 ? 1.0 : (double)n_same / (double)n_pairs;
}

static void add(struct rk_precision_report *sums, const struct rk_rank_result *exact,
		const struct rk_rank_result *halved)
{
	sums->n_requests++;
	sums->top10_overlap += share_in_common(exact, halved);
	sums->kendall_tau += tau(exact, halved);
	for (uint32_t i = 0; i < exact->n_candidates; i++) {
		double score = (double)exact->scores[i], error = fabs((double)halved->scores[i] - score);
		if (exact->states[i] == RK_SCORED)
			sums->max_error = fmax(sums->max_error, error / fmax(1.0, fabs(score)));
	}
}

/* An rk_rank_body_fn: replays one line on both versions. There is no reply. */
static enum rk_status compare_line(void *context, struct rk_version *halved, struct rk_bytes body,
				   struct rk_bytes *ret_reply, struct rk_error *reterr)
{
	struct comparison *comparison = context;
	struct rk_rank_result exact_result, halved_result;
	rk_arena_reset(&comparison->arena);
	enum rk_status status = rank(comparison, comparison->exact, body, &exact_result, reterr);
	if (status == RK_OK)
		status = rank(comparison, halved, body, &halved_result, reterr);
	if (status != RK_OK)
		return status;
	add(&comparison->sums, &exact_result, &halved_result);
	*ret_reply = (struct rk_bytes){0};
	return RK_OK;
}

enum rk_status rk_precision_compare(struct rk_version *halved, struct rk_version *exact, const char *path,
				    const struct rk_request_limits *limits, struct rk_precision_report *ret_report,
				    struct rk_error *reterr)
{
	struct rk_pages memory;
	size_t bytes = 2 * rk_request_arena_bytes(limits); /* both decode */
	enum rk_status status = rk_pages_open(&memory, bytes, reterr);
	if (status != RK_OK)
		return status;
	struct comparison comparison = {.exact = exact, .limits = limits};
	rk_arena_init(&comparison.arena, memory.base, bytes);
	status = rk_warmup_run(halved, path, compare_line, &comparison, reterr);
	rk_pages_close(&memory);
	if (status != RK_OK)
		return status;
	struct rk_precision_report *sums = &comparison.sums;
	if (sums->n_requests == 0)
		return rk_error_set(reterr, RK_NOT_FOUND, "warmup.jsonl: no request to compare with");
	*ret_report = *sums;
	ret_report->top10_overlap /= sums->n_requests;
	ret_report->kendall_tau /= sums->n_requests;
	return RK_OK;
}
