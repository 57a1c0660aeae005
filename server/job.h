/*
 * One /rank request without HTTP: a body goes in, a reply's body or a problem comes out.
 * Used by the workers, by the golden check and warm-up, by `rankd validate` and by tests.
 * decode (server/request.h) → pin → rank (model/model.h) → write (server/reply.h), in caller-owned memory only.
 */
#ifndef RK_SERVER_JOB_H
#define RK_SERVER_JOB_H

#include "loader/registry.h"
#include "server/anytime.h"
#include "server/problem.h"
#include "server/request.h"

#include <stdint.h>

enum rk_stage { RK_STAGE_QUEUE, RK_STAGE_DECODE, RK_STAGE_ENCODE_USER, RK_STAGE_SCORE, RK_STAGE_WRITE, RK_N_STAGES };

/* What a worker owns: made once, reused by every job. */
struct rk_job_context {
	struct rk_registry *registry;     /* NULL when `fixed_version` is set */
	struct rk_version *fixed_version; /* golden check and validate: this version, not pinned */
	struct rk_request_limits limits;
	uint32_t worker;               /* index of the scratch in every version */
	struct rk_arena decode_arena;  /* rk_job_arena_bytes(limits) */
	struct rk_anytime_clock clock; /* for tests; zeros: CLOCK_MONOTONIC */
};

/* Bytes of decode arena that any request within the limits needs. */
size_t rk_job_arena_bytes(const struct rk_request_limits *limits);

/* Bytes of reply buffer that any answer of this version within the limits needs. */
size_t rk_job_reply_bytes(const struct rk_request_limits *limits, const struct rk_config *config);

struct rk_job {
	/* in */
	struct rk_bytes body;
	struct rk_bytes path_model;        /* from the path; size 0: none */
	struct rk_bytes header_request_id; /* checked against [A-Za-z0-9._-]{1,64} by the caller; size 0: none */
	double budget_ms;                  /* the smallest of the setting and the headers */
	uint64_t received_ns;              /* CLOCK_MONOTONIC of the request line */
	char *reply;                       /* buffer for the answer's body */
	size_t reply_size;
	/* out */
	unsigned status;         /* HTTP status: 200 or a problem's */
	enum rk_problem problem; /* where status is not 200 */
	size_t reply_bytes;      /* length of the answer's body */
	char request_id[65];     /* always set: the body's, the header's, or generated */
	char model[65];          /* "" if none was resolved */
	uint64_t model_version;
	char user_id[RK_MAX_ID_BYTES + 1]; /* for the log only; "": none */
	uint32_t n_candidates, n_events;
	uint32_t n_unknown_items; /* candidates and events together */
	uint32_t n_nonfinite;
	uint32_t n_scored, n_unreached; /* n_unreached > 0: the answer is degraded */
	uint64_t stage_ns[RK_N_STAGES]; /* RK_STAGE_QUEUE is filled by the caller */
};

/* Runs the job to its end. Never fails otherwise than by job->status; allocates nothing. All that is marked `out` is
 * written anew, also in a job that has run before. */
void rk_job_run(struct rk_job_context *context, struct rk_job *job);

/* rk_rank_body_fn for the loader: context is a struct rk_job_bench (below). */
struct rk_job_bench {
	struct rk_job_context job; /* fixed_version is set by each call */
	char *reply;
	size_t reply_size;
	struct rk_pages memory;       /* the decode arena */
	struct rk_pages reply_memory; /* grows to what the version at hand needs */
};
RK_NODISCARD enum rk_status rk_job_bench_open(struct rk_job_bench *ret_bench, const struct rk_request_limits *limits,
					      uint32_t worker, struct rk_error *reterr);
void rk_job_bench_close(struct rk_job_bench *bench);
enum rk_status rk_job_bench_rank(void *context, struct rk_version *version, struct rk_bytes request,
				 struct rk_bytes *ret_reply, struct rk_error *reterr);

#endif
