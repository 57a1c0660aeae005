/*
 * Requests ranked over and over on one core: the whole way from a body to a reply (server/job.h), with the time of each
 * stage. Sizes take turns within a repeat, so that what disturbs the machine for a while disturbs all of them.
 */
#ifndef RK_BENCH_MODEL_MEASURE_H
#define RK_BENCH_MODEL_MEASURE_H

#include "bench/load/pool.h"
#include "bench/model/options.h"
#include "loader/version.h"

/* enumerator, name in the reports */
#define RK_MODEL_BENCH_STAGE_TABLE(X)                                                                                  \
	X(DECODE, "decode")                                                                                            \
	X(ENCODE_USER, "encode_user")                                                                                  \
	X(SCORE, "score") /* with reward and order */                                                                  \
	X(WRITE, "write")                                                                                              \
	X(TOTAL, "total")

enum rk_model_bench_stage {
#define RK_MODEL_BENCH_STAGE_ENUM(name, text) RK_MODEL_BENCH_##name,
	RK_MODEL_BENCH_STAGE_TABLE(RK_MODEL_BENCH_STAGE_ENUM)
#undef RK_MODEL_BENCH_STAGE_ENUM
		RK_MODEL_BENCH_N_STAGES
};

enum { RK_MODEL_BENCH_BODIES = 64 }; /* different requests of a size, at most */

/* One size. */
struct rk_model_bench_result {
	struct rk_load_pool pool;                                           /* its requests */
	double encode_flop, score_flop, folded_flop;                        /* of a request, mean of the pool */
	double mean_events, mean_selected[RK_N_POLARITIES];                 /* of the pool */
	double runs_us[RK_MODEL_BENCH_MAX_REPEAT][RK_MODEL_BENCH_N_STAGES]; /* medians of each repeat */
	double median_us[RK_MODEL_BENCH_N_STAGES];                          /* of the repeats */
	uint64_t n_requests;                                                /* measured, all repeats */
};

struct rk_model_bench {
	const struct rk_model_bench_options *options;
	struct rk_version *version;
	int core;           /* pinned to */
	double peak_gflops; /* multiply-adds on registers on this core and tier: median of the repeats */
	struct rk_model_bench_result results[RK_MODEL_BENCH_MAX_SIZES]; /* [options->n_sizes] */
};

/* Pins the thread, loads the model, renders the bodies, measures. Errors name the flag or the file. Large: keep it off
 * the stack. Close it in any case. */
RK_NODISCARD enum rk_status rk_model_bench_run(struct rk_model_bench *bench,
					       const struct rk_model_bench_options *options, struct rk_error *reterr);
void rk_model_bench_close(struct rk_model_bench *bench);

/* Median of values[0 … n), n ≥ 1, which are put in order. */
double rk_model_bench_median(double *values, size_t n);

#endif
