#include "bench/model/report.h"

#include "model/kernels/kernels.h"
#include "server/text.h"

#include <inttypes.h>

static const char *const stage_names[] = {
#define STAGE_NAME(name, text) text,
	RK_MODEL_BENCH_STAGE_TABLE(STAGE_NAME)
#undef STAGE_NAME
};

static const char *const precision_names[] = {
#define PRECISION_NAME(name, text) text,
	RK_PRECISION_TABLE(PRECISION_NAME)
#undef PRECISION_NAME
};

static const char *tier_name(const struct rk_model_bench *bench)
{
	static const enum rk_cpu_tier tiers[] = {
#define TIER(name, text) RK_CPU_##name,
		RK_CPU_TIER_TABLE(TIER)
#undef TIER
	};
	const enum rk_cpu_tier highest = rk_cpu_detect();
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
		if (tiers[i] <= highest && rk_kernels_of(tiers[i]) == bench->version->model.kernels)
			return rk_cpu_tier_name(tiers[i]);
	return "unknown";
}

/* Rates of the score stage; shares are of the measured peak, 0 where there is none. */
struct rates {
	double encode_gflops, score_gflops; /* of the model's products as they are written */
	double score_share, folded_share;
};

static struct rates rates_of(const struct rk_model_bench *bench, const struct rk_model_bench_result *result)
{
	const double encode_us = result->median_us[RK_MODEL_BENCH_ENCODE_USER];
	const double score_us = result->median_us[RK_MODEL_BENCH_SCORE];
	struct rates rates = {
		.encode_gflops = encode_us > 0 ? result->encode_flop / encode_us / 1e3 : 0,
		.score_gflops = score_us > 0 ? result->score_flop / score_us / 1e3 : 0,
	};
	if (bench->peak_gflops > 0 && score_us > 0) {
		rates.score_share = rates.score_gflops / bench->peak_gflops;
		rates.folded_share = result->folded_flop / score_us / 1e3 / bench->peak_gflops;
	}
	return rates;
}

static void write_text_size(const struct rk_model_bench *bench, const struct rk_model_bench_result *result,
			    FILE *stream)
{
	const struct rates rates = rates_of(bench, result);
	(void)fprintf(stream, "%10.0f", result->pool.n_candidates.sum / (double)result->pool.n);
	for (size_t stage = 0; stage < RK_MODEL_BENCH_N_STAGES; stage++)
		(void)fprintf(stream, " %11.1f", result->median_us[stage]);
	(void)fprintf(stream, " %9.1f %8.1f %7.1f %9.1f\n", rates.encode_gflops, rates.score_gflops,
		      100 * rates.score_share, 100 * rates.folded_share);
}

void rk_model_bench_write_text(const struct rk_model_bench *bench, const struct rk_load_machine *machine, FILE *stream)
{
	const struct rk_version *version = bench->version;
	const struct rk_model_bench_options *options = bench->options;
	const struct rk_model_bench_result *first = &bench->results[0];
	(void)fprintf(stream, "CPU      %s, core %d of %ld\n", machine->cpu_model, bench->core, machine->n_cores);
	(void)fprintf(stream, "model    %s/%" PRIu64 ", kernels: %s, precision: %s\n", version->name, version->number,
		      tier_name(bench), precision_names[version->model.config.precision]);
	(void)fprintf(stream, "peak     %.1f GFLOP/s of f32 multiply-adds on registers\n", bench->peak_gflops);
	(void)fprintf(stream,
		      "bodies   %zu a size, %.0f bytes (first size), %.1f events, %.1f positive, %.1f negative\n",
		      first->pool.n, first->pool.body_bytes.sum / (double)first->pool.n, first->mean_events,
		      first->mean_selected[RK_POSITIVE], first->mean_selected[RK_NEGATIVE]);
	(void)fprintf(
		stream,
		"medians of %" PRIu32 " x %.3g s, microseconds a request\n"
		"GF/s count the products as the model writes them; folded %%: those that are left, over the peak\n\n",
		options->repeat, options->seconds);
	(void)fprintf(stream, "%10s", "candidates");
	for (size_t stage = 0; stage < RK_MODEL_BENCH_N_STAGES; stage++)
		(void)fprintf(stream, " %11s", stage_names[stage]);
	(void)fprintf(stream, " %9s %8s %7s %9s\n", "enc GF/s", "GF/s", "% peak", "folded %");
	for (uint32_t i = 0; i < options->n_sizes; i++)
		write_text_size(bench, &bench->results[i], stream);
}

static void write_json_string(const char *string, FILE *stream)
{
	char buffer[8 * sizeof(((struct rk_load_machine *)NULL)->cpu_model)]; /* an escape takes 6 bytes at most */
	struct rk_text text;
	rk_text_init(&text, buffer, sizeof(buffer));
	rk_text_put_json_untrusted(&text, rk_bytes_of(string));
	(void)fwrite(text.data, 1, text.used, stream);
}

static void write_json_stages(const double *us, FILE *stream)
{
	for (size_t stage = 0; stage < RK_MODEL_BENCH_N_STAGES; stage++)
		(void)fprintf(stream, "%s\"%s\": %.3f", stage == 0 ? "{" : ", ", stage_names[stage], us[stage]);
	(void)fputc('}', stream);
}

static void write_json_size(const struct rk_model_bench *bench, const struct rk_model_bench_result *result,
			    FILE *stream)
{
	const double n = (double)result->pool.n;
	const double *us = result->median_us;
	const struct rates rates = rates_of(bench, result);
	(void)fprintf(stream,
		      "{\"candidates\": %.15g, \"bodies\": %.0f, \"body_bytes\": %.15g, \"requests\": %" PRIu64
		      ", \"events\": %.15g, \"positive\": %.15g, \"negative\": %.15g,\n  \"us\": ",
		      result->pool.n_candidates.sum / n, n, result->pool.body_bytes.sum / n, result->n_requests,
		      result->mean_events, result->mean_selected[RK_POSITIVE], result->mean_selected[RK_NEGATIVE]);
	write_json_stages(us, stream);
	(void)fputs(",\n  \"runs_us\": [", stream);
	for (uint32_t round = 0; round < bench->options->repeat; round++) {
		(void)fputs(round == 0 ? "" : ",\n    ", stream);
		write_json_stages(result->runs_us[round], stream);
	}
	(void)fprintf(
		stream,
		"],\n  \"encode_mflop\": %.6f, \"score_mflop\": %.6f, \"folded_mflop\": %.6f, \"encode_gflops\": %.3f, "
		"\"score_gflops\": %.3f, \"score_share_of_peak\": %.4f, \"folded_share_of_peak\": %.4f}",
		result->encode_flop / 1e6, result->score_flop / 1e6, result->folded_flop / 1e6, rates.encode_gflops,
		rates.score_gflops, rates.score_share, rates.folded_share);
}

void rk_model_bench_write_json(const struct rk_model_bench *bench, const struct rk_load_machine *machine, FILE *stream)
{
	const struct rk_version *version = bench->version;
	const struct rk_model_bench_options *options = bench->options;
	(void)fprintf(stream,
		      "{\"tool\": \"rankd bench model\", \"model\": \"%s\", \"version\": %" PRIu64
		      ", \"tier\": \"%s\", \"precision\": \"%s\",\n",
		      version->name, version->number, tier_name(bench),
		      precision_names[version->model.config.precision]);
	(void)fputs("\"cpu_model\": ", stream);
	write_json_string(machine->cpu_model, stream);
	(void)fprintf(stream,
		      ", \"core\": %d, \"cores\": %ld, \"repeat\": %" PRIu32
		      ", \"seconds\": %.15g, \"peak_gflops\": %.3f,\n\"sizes\": [",
		      bench->core, machine->n_cores, options->repeat, options->seconds, bench->peak_gflops);
	for (uint32_t i = 0; i < options->n_sizes; i++) {
		(void)fputs(i == 0 ? "\n " : ",\n ", stream);
		write_json_size(bench, &bench->results[i], stream);
	}
	(void)fputs("]}\n", stream);
}
