/*
 * One version of a model, loaded: a folder <name>/<version>/ read into private memory, checked, immutable.
 * Opened off the hot path, shared by pins (loader/registry.h), closed when the last pin goes.
 */
#ifndef RK_LOADER_VERSION_H
#define RK_LOADER_VERSION_H

#include "loader/ids.h"
#include "loader/tempo.h"
#include "model/base/pages.h"
#include "model/model.h"

#include <stdatomic.h>
#include <stdint.h>

/* What was read from model.safetensors, for inspect, /v1/models and the log. */
struct rk_tensor_report {
	struct rk_bytes name;
	const char *dtype; /* as the file names it; static text */
	uint32_t n_dims;
	uint64_t dims[8];
	uint64_t bytes;
	bool used; /* false: training-only, dropped without being read */
};

struct rk_load_report {
	uint32_t n_tensors;                     /* in the file */
	const struct rk_tensor_report *tensors; /* [n_tensors] in the file's order */
	uint32_t n_used, n_dropped;
	uint64_t used_bytes, dropped_bytes;
	uint64_t file_bytes;
	char sha256[65];         /* of model.safetensors without its training-only bytes, lower-case hex */
	uint32_t n_golden;       /* golden requests checked */
	double parity_max_error; /* largest |ours − expected| / max(1, |expected|); 0 without golden.jsonl */
	uint32_t n_warmup;       /* warm-up requests replayed */
};

struct rk_version_options {
	struct rk_limits limits;
	enum rk_cpu_tier tier;
	bool in_f32;        /* computes in f32 even where the config says bf16, to compare */
	uint32_t n_workers; /* scratches to make: worker w uses scratches[w]; one more, the last, is the loader's own */
};

struct rk_version {
	char name[65]; /* the model's name: its folder's */
	uint64_t number;
	struct rk_model model;
	struct rk_ids ids;
	struct rk_load_report report;
	uint32_t n_scratches;
	struct rk_scratch **scratches;       /* [n_scratches] */
	size_t weights_bytes, scratch_bytes; /* resident memory taken */
	struct rk_tempo tempo;               /* the only part that changes: what ranking on it takes */
	/* private */
	struct rk_pages own_memory; /* this struct, config, report */
	struct rk_pages memory;     /* tensors, ids */
	struct rk_pages packed_memory;
	struct rk_pages scratch_memory;
	atomic_uint pins;
};

/* Loads the folder `path` as version `number` of model `name`: config, tensors, ids, plan, scratches. Does not run
 * golden.jsonl (loader/golden.h does). *ret_version lies in a mapping of its own; close it with rk_version_close.
 * Errors name the file and, for a tensor, tensor, expected and found.
 *
 * model.safetensors is read once, in its order, into private memory: each used tensor straight to its place.
 * Training-only tensors are not read, so report.sha256 is of the other bytes: where there are no such tensors, what
 * `sha256sum model.safetensors` prints. */
RK_NODISCARD enum rk_status rk_version_open(struct rk_version **ret_version, const char *path, const char *name,
					    uint64_t number, const struct rk_version_options *options,
					    struct rk_error *reterr);

/* Frees everything. NULL is fine. No pin may be left. */
void rk_version_close(struct rk_version *version);

#endif
