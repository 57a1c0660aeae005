/* The command line of `rankd bench model`. */
#ifndef RK_BENCH_MODEL_OPTIONS_H
#define RK_BENCH_MODEL_OPTIONS_H

#include "model/base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { RK_MODEL_BENCH_MAX_SIZES = 16, RK_MODEL_BENCH_MAX_REPEAT = 100, RK_MODEL_BENCH_MAX_CANDIDATES = 65536 };

/* Texts are borrowed from the arguments. */
struct rk_model_bench_options {
	const char *model;                        /* folder of a version */
	const char *bodies;                       /* file; NULL: warmup.jsonl of the folder */
	uint32_t sizes[RK_MODEL_BENCH_MAX_SIZES]; /* candidates a request; 0: as the bodies have them */
	uint32_t n_sizes;                         /* ≥ 1 */
	const char *cpu;                          /* tier, or auto */
	uint32_t repeat;                          /* measurements of each size */
	double seconds;                           /* of each measurement */
	int32_t core;                             /* to run on; -1: where the thread happens to be */
	const char *json;                         /* file; NULL: none */
	const char *replies;                      /* file; NULL: none */
	bool help;
};

/* arguments[0 … n) are the flags (`--name value` or `--name=value`) and the model's folder. RK_INVALID says what is
 * wrong; with --help nothing else is checked. */
RK_NODISCARD enum rk_status rk_model_bench_options_parse(int n, char *const *arguments,
							 struct rk_model_bench_options *ret_options,
							 struct rk_error *reterr);

void rk_model_bench_options_write_help(FILE *stream);

#endif
