/*
 * What bfloat16 costs: a version that computes in bf16 against the same folder computed in f32, over its warm-up
 * requests. `rankd validate` reports it.
 */
#ifndef RK_SERVER_PRECISION_H
#define RK_SERVER_PRECISION_H

#include "server/request.h"

struct rk_precision_report {
	uint32_t n_requests;
	double top10_overlap; /* mean share of the f32 order's first ten that are among the bf16 order's first ten */
	double kendall_tau;   /* mean of tau-a over the pairs of scored candidates; 1: the same order */
	double max_error;     /* largest |bf16 − f32| / max(1, |f32|) of a score */
};

/* Ranks every line of warmup.jsonl in the folder `path` with both. `halved` is the bf16 version; both have a scratch 0
 * that nobody else uses. RK_NOT_FOUND where there is no such file. */
RK_NODISCARD enum rk_status rk_precision_compare(struct rk_version *halved, struct rk_version *exact, const char *path,
						 const struct rk_request_limits *limits,
						 struct rk_precision_report *ret_report, struct rk_error *reterr);

#endif
