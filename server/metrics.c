#include "server/metrics.h"

#include "model/base/check.h"
#include "server/clock.h"

#include <math.h>

struct bucket {
	uint64_t bound; /* inclusive */
	const char *text;
};

/* ns; the texts are what docs/http-api.md promises */
static const struct bucket duration_buckets[] = {
	{250000, "0.00025"}, {500000, "0.0005"}, {1000000, "0.001"},  {2500000, "0.0025"}, {5000000, "0.005"},
	{10000000, "0.01"},  {20000000, "0.02"}, {30000000, "0.03"},  {40000000, "0.04"},  {50000000, "0.05"},
	{75000000, "0.075"}, {100000000, "0.1"}, {250000000, "0.25"},
};

static const struct bucket candidate_buckets[] = {
	{1, "1"},       {10, "10"},     {50, "50"},     {100, "100"},     {200, "200"},     {500, "500"},
	{1000, "1000"}, {2000, "2000"}, {4096, "4096"}, {16384, "16384"}, {65536, "65536"},
};

/* thousandths */
static const struct bucket ratio_buckets[] = {
	{250, "0.25"}, {500, "0.5"}, {800, "0.8"}, {1000, "1"},   {1250, "1.25"},
	{1500, "1.5"}, {2000, "2"},  {4000, "4"},  {10000, "10"},
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(N_OF(duration_buckets) <= RK_MAX_BUCKETS && N_OF(candidate_buckets) <= RK_MAX_BUCKETS &&
		       N_OF(ratio_buckets) <= RK_MAX_BUCKETS,
	       "buckets");

struct buckets {
	const struct bucket *buckets;
	size_t n;
	double unit; /* of the sum, in the text's unit */
};

static const struct buckets durations = {duration_buckets, N_OF(duration_buckets), 1e-9};
static const struct buckets counts = {candidate_buckets, N_OF(candidate_buckets), 1};
static const struct buckets ratios = {ratio_buckets, N_OF(ratio_buckets), 1e-3};

/* The last stands for any other. */
static const uint16_t codes[RK_N_CODES] = {200, 204, 304, 400, 401, 403, 404, 405, 408, 409,
					   413, 415, 422, 429, 500, 503, 504, 505, 0};

static const struct {
	const char *name, *type, *help;
} scalars[RK_N_METRICS] = {
#define RK_METRIC_ENTRY(name, text, type, help) {text, type, help},
	RK_METRIC_TABLE(RK_METRIC_ENTRY)
#undef RK_METRIC_ENTRY
};

#define RK_WORD_ENTRY(name, word) word,
static const char *const shed_words[RK_N_SHED] = {RK_SHED_TABLE(RK_WORD_ENTRY)};
static const char *const load_words[RK_N_LOAD_RESULTS] = {RK_LOAD_RESULT_TABLE(RK_WORD_ENTRY)};
#undef RK_WORD_ENTRY

static const char *const stage_words[RK_N_STAGES] = {
	[RK_STAGE_QUEUE] = "queue", [RK_STAGE_DECODE] = "decode", [RK_STAGE_ENCODE_USER] = "encode_user",
	[RK_STAGE_SCORE] = "score", [RK_STAGE_WRITE] = "write",
};

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct rk_histogram *histogram, const struct buckets *buckets, uint64_t value)
{
	size_t i = 0;
	while (i < buckets->n && value > buckets->buckets[i].bound)
		i++;
	add(&histogram->counts[i], 1);
	add(&histogram->sum, value);
}

void rk_metrics_count_answer(struct rk_metrics *metrics, enum rk_route route, unsigned status)
{
	size_t i = 0;
	while (i + 1 < RK_N_CODES && codes[i] != status)
		i++;
	add(&metrics->requests[route][i], 1);
}

void rk_metrics_count_job(struct rk_metrics *metrics, const struct rk_job *job, uint64_t total_ns)
{
	rk_metrics_add(metrics, RK_METRIC_UNKNOWN_ITEMS, job->n_unknown_items);
	rk_metrics_add(metrics, RK_METRIC_NONFINITE_SCORES, job->n_nonfinite);
	if (job->status != 200)
		return;
	observe(&metrics->rank_duration, &durations, total_ns);
	rk_tail_add(&metrics->tail, rk_clock_ns(), total_ns);
	if (job->n_unreached > 0)
		add(&metrics->degraded, 1);
	observe(&metrics->candidates, &counts, job->n_candidates);
	for (size_t stage = 0; stage < RK_N_STAGES; stage++)
		observe(&metrics->stages[stage], &durations, job->stage_ns[stage]);
}

void rk_metrics_count_cost(struct rk_metrics *metrics, double predicted_us, const struct rk_cost *cost)
{
	if (predicted_us > 0)
		observe(&metrics->cost_ratio, &ratios, (uint64_t)(1000 * cost->wall_us / predicted_us));
}

void rk_metrics_write_head(struct rk_text *text, const char *name, const char *type, const char *help)
{
	rk_text_put_text(text, "# HELP ");
	rk_text_put_text(text, name);
	rk_text_put_char(text, ' ');
	rk_text_put_text(text, help);
	rk_text_put_text(text, "\n# TYPE ");
	rk_text_put_text(text, name);
	rk_text_put_char(text, ' ');
	rk_text_put_text(text, type);
	rk_text_put_char(text, '\n');
}

void rk_metrics_write_number(struct rk_text *text, const char *name, const char *labels, double value)
{
	rk_text_put_text(text, name);
	rk_text_put_text(text, labels);
	rk_text_put_char(text, ' ');
	if (value >= 0 && value < 1e15 && value == floor(value))
		rk_text_put_unsigned(text, (uint64_t)value);
	else
		rk_text_put_fixed(text, value, 9);
	rk_text_put_char(text, '\n');
}

static void put_label(struct rk_text *text, const char *key, const char *value, bool is_first)
{
	rk_text_put_char(text, is_first ? '{' : ',');
	rk_text_put_text(text, key);
	rk_text_put_text(text, "=\"");
	rk_text_put_text(text, value);
	rk_text_put_char(text, '"');
}

static void put_sample(struct rk_text *text, const char *name, const char *key, const char *value, uint64_t number)
{
	rk_text_put_text(text, name);
	put_label(text, key, value, true);
	rk_text_put_text(text, "} ");
	rk_text_put_unsigned(text, number);
	rk_text_put_char(text, '\n');
}

/* `stage` is NULL for a histogram without that label. */
static void put_histogram(struct rk_text *text, const char *name, const char *stage, const struct buckets *buckets,
			  const struct rk_histogram *histogram)
{
	uint64_t total = 0;
	for (size_t i = 0; i <= buckets->n; i++) {
		total += get(&histogram->counts[i]);
		rk_text_put_text(text, name);
		rk_text_put_text(text, "_bucket");
		if (stage != NULL)
			put_label(text, "stage", stage, true);
		put_label(text, "le", i < buckets->n ? buckets->buckets[i].text : "+Inf", stage == NULL);
		rk_text_put_text(text, "} ");
		rk_text_put_unsigned(text, total);
		rk_text_put_char(text, '\n');
	}
	for (int is_sum = 1; is_sum >= 0; is_sum--) {
		rk_text_put_text(text, name);
		rk_text_put_text(text, is_sum ? "_sum" : "_count");
		if (stage != NULL) {
			put_label(text, "stage", stage, true);
			rk_text_put_char(text, '}');
		}
		double value = is_sum ? (double)get(&histogram->sum) * buckets->unit : (double)total;
		rk_metrics_write_number(text, "", "", value);
	}
}

/*
 * A counter that appears with its first event hides that event from rate(), which needs a value before it. So what the
 * objective counts of the rankings, and a 500 of any route, stand at 0 from the start; the other pairs are too many.
 */
static bool is_shown_at_zero(enum rk_route route, uint16_t code)
{
	return code == 500 || (route == RK_ROUTE_RANK && (code == 200 || code == 429 || code == 503 || code == 504));
}

static void put_requests(struct rk_text *text, const struct rk_metrics *metrics)
{
	static const char name[] = "rankd_http_requests_total";
	rk_metrics_write_head(text, name, "counter", "Answers by route and status");
	for (unsigned route = 0; route < RK_N_ROUTES; route++) {
		for (size_t code = 0; code < RK_N_CODES; code++) {
			uint64_t n = get(&metrics->requests[route][code]);
			if (n == 0 && !is_shown_at_zero((enum rk_route)route, codes[code]))
				continue;
			rk_text_put_text(text, name);
			put_label(text, "route", rk_route_label((enum rk_route)route), true);
			rk_text_put_text(text, ",code=\"");
			if (codes[code] == 0)
				rk_text_put_text(text, "other");
			else
				rk_text_put_unsigned(text, codes[code]);
			rk_text_put_text(text, "\"} ");
			rk_text_put_unsigned(text, n);
			rk_text_put_char(text, '\n');
		}
	}
}

void rk_metrics_write(const struct rk_metrics *metrics, struct rk_text *text)
{
	put_requests(text, metrics);
	rk_metrics_write_head(text, "rankd_rank_duration_seconds", "histogram",
			      "Ranking requests answered with 200: request line to answer");
	put_histogram(text, "rankd_rank_duration_seconds", NULL, &durations, &metrics->rank_duration);
	rk_metrics_write_head(text, "rankd_stage_duration_seconds", "histogram", "The same by stage");
	for (size_t stage = 0; stage < RK_N_STAGES; stage++)
		put_histogram(text, "rankd_stage_duration_seconds", stage_words[stage], &durations,
			      &metrics->stages[stage]);
	rk_metrics_write_head(text, "rankd_candidates", "histogram", "Candidates of a request");
	put_histogram(text, "rankd_candidates", NULL, &counts, &metrics->candidates);
	rk_metrics_write_head(text, "rankd_cost_ratio", "histogram",
			      "Time that a ranking took over what the admission had predicted");
	put_histogram(text, "rankd_cost_ratio", NULL, &ratios, &metrics->cost_ratio);
	rk_metrics_write_head(text, "rankd_reload_p99_delta_seconds", "gauge",
			      "Rise of the p99 of /rank around the last swap of a model that could be measured");
	rk_metrics_write_number(text, "rankd_reload_p99_delta_seconds", "", rk_tail_delta_s(&metrics->tail));
	rk_metrics_write_head(text, "rankd_shed_total", "counter",
			      "Requests and connections refused to save the others");
	for (size_t i = 0; i < RK_N_SHED; i++)
		put_sample(text, "rankd_shed_total", "reason", shed_words[i], get(&metrics->shed[i]));
	rk_metrics_write_head(text, "rankd_degraded_total", "counter", "Answers that left candidates without a score");
	put_sample(text, "rankd_degraded_total", "reason", "deadline", get(&metrics->degraded));
	rk_metrics_write_head(text, "rankd_model_loads_total", "counter", "Versions of models that were tried");
	for (size_t i = 0; i < RK_N_LOAD_RESULTS; i++)
		put_sample(text, "rankd_model_loads_total", "result", load_words[i], get(&metrics->loads[i]));
	for (size_t i = 0; i < RK_N_METRICS; i++) {
		int64_t value = atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
		rk_metrics_write_head(text, scalars[i].name, scalars[i].type, scalars[i].help);
		rk_metrics_write_number(text, scalars[i].name, "", (double)(value > 0 ? value : 0));
	}
}
