/* What `rankd bench model` tells: as a table for people and as JSON. */
#ifndef RK_BENCH_MODEL_REPORT_H
#define RK_BENCH_MODEL_REPORT_H

#include "bench/load/machine.h"
#include "bench/model/measure.h"

/* Write errors stay in the stream (ferror). `machine` comes from rk_load_machine_read, before the thread was pinned. */
void rk_model_bench_write_text(const struct rk_model_bench *bench, const struct rk_load_machine *machine, FILE *stream);
void rk_model_bench_write_json(const struct rk_model_bench *bench, const struct rk_load_machine *machine, FILE *stream);

#endif
