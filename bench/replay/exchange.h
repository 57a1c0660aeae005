/* One request and its whole answer, waiting for each: the replay's way to talk. */
#ifndef RK_BENCH_REPLAY_EXCHANGE_H
#define RK_BENCH_REPLAY_EXCHANGE_H

#include "bench/load/target.h"
#include "model/base/span.h"

struct rk_replay_answer {
	unsigned status;
	struct rk_bytes body; /* in the caller's buffer */
};

/* Posts the body on a connection of its own, and waits at most a minute. `buffer` takes the answer, head and body.
 * RK_IO: no connection or no answer; RK_LIMIT: the answer is larger than `size`. */
RK_NODISCARD enum rk_status rk_replay_exchange(const struct rk_load_target *target, struct rk_bytes body, char *buffer,
					       size_t size, struct rk_replay_answer *ret_answer,
					       struct rk_error *reterr);

#endif
