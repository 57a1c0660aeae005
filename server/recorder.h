/*
 * The flight recorder: the slowest requests of the last ten minutes, with where their time went, and with bodies and
 * answers where the settings ask for it. Its memory is made at the start and bounded.
 *
 * A request that is not slow enough costs two atomic reads. One that is takes a lock for as long as its body and answer
 * take to be copied. Readers copy one record at a time under that lock, and write outside of it.
 */
#ifndef RK_SERVER_RECORDER_H
#define RK_SERVER_RECORDER_H

#include "model/base/pages.h"
#include "server/job.h"
#include "server/text.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	RK_RECORDER_RECORDS = 64,
	RK_RECORDER_KEPT_BYTES = 64 * 1024, /* largest body and largest answer that are kept; none is kept in part */
	RK_RECORDER_WINDOW_S = 600,         /* records older than this make room first */
};

struct rk_record {
	uint64_t sequence;  /* 0: there is none */
	uint64_t done_ns;   /* CLOCK_MONOTONIC */
	uint64_t total_ns;  /* from the request line to the answer's last byte in memory */
	uint64_t arrive_ns; /* of it: from the request line to the queue */
	uint64_t stage_ns[RK_N_STAGES];
	double budget_ms;    /* the smallest of the setting and the headers; the body's own is in the body */
	double predicted_us; /* by the admission */
	size_t body_bytes, answer_bytes;
	size_t kept_body_bytes, kept_answer_bytes; /* 0: not kept */
	unsigned status;
	uint32_t n_candidates, n_events, n_scored, n_unreached;
	char request_id[65], model[65], path_model[65]; /* path_model: of the path, "": it named none */
	uint64_t model_version;
};

struct rk_recorder {
	/* private */
	atomic_uint_fast64_t least_ns;   /* of the records, once they are as many as there may be */
	atomic_uint_fast64_t expires_ns; /* when the oldest of them leaves the window */
	pthread_mutex_t lock;            /* of the records and what they keep */
	pthread_mutex_t reading;         /* of `copy`: one reader at a time */
	struct rk_record records[RK_RECORDER_RECORDS];
	uint64_t n_recorded;
	struct rk_pages kept; /* [records][body, answer]; nothing without bodies */
	struct rk_pages copy; /* [body, answer] of the record being read */
};

RK_NODISCARD enum rk_status rk_recorder_open(struct rk_recorder *ret_recorder, bool with_bodies,
					     struct rk_error *reterr);
void rk_recorder_close(struct rk_recorder *recorder);

struct rk_slot;

/* Takes the request in the slot, whose worker is done with it, if it is among the slowest. */
void rk_recorder_note(struct rk_recorder *recorder, const struct rk_slot *slot, uint64_t now_ns);

/* A record and what is kept of it; both size 0 where nothing is. */
struct rk_recorder_view {
	struct rk_record record;
	struct rk_bytes body, answer;
};

/* Calls `visit` for the records, the slowest first, until it returns false. The view lives for the call. */
void rk_recorder_each(struct rk_recorder *recorder, bool (*visit)(void *context, const struct rk_recorder_view *view),
		      void *context);

/* {"window_s":600,"requests":[…]}; where not all fits, bodies are left out first, then the fastest requests. False: not
 * even the frame fits. */
bool rk_recorder_write(struct rk_recorder *recorder, uint64_t now_ns, struct rk_text *text);

/* The same as log lines, event `slow_request`; bodies and answers as far as a line takes them. */
void rk_recorder_dump(struct rk_recorder *recorder, uint64_t now_ns);

#endif
