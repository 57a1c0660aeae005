/*
 * The memory that serving will keep resident, part by part: what `rankd inspect` and `rankd doctor` predict. The parts
 * that follow from settings and model are reckoned; what the program and its libraries take is measured on the process
 * that predicts, which is the same program with the same libraries.
 *
 *     program + weights + (workers + 1) × scratch + workers × (arena + stack) + slots + connections
 */
#ifndef RK_SERVER_FOOTPRINT_H
#define RK_SERVER_FOOTPRINT_H

#include "loader/version.h"
#include "server/settings.h"

/* member, what it is */
#define RK_FOOTPRINT_TABLE(X)                                                                                          \
	X(program, "program and libraries")                                                                            \
	X(weights, "weights, ids, config")                                                                             \
	X(scratches, "scratch of the workers and of the loader")                                                       \
	X(arenas, "workers' arenas for requests")                                                                      \
	X(stacks, "workers' stacks")                                                                                   \
	X(connections, "tables of requests and connections")

struct rk_footprint {
#define RK_FOOTPRINT_MEMBER(name, text) size_t name; /* bytes */
	RK_FOOTPRINT_TABLE(RK_FOOTPRINT_MEMBER)
#undef RK_FOOTPRINT_MEMBER
	size_t total;
	size_t scratch; /* of one worker */
};

/* `version` is loaded with n_scratches = workers + 1, and is all that this process has taken so far, but for what it
 * took to rank its golden and warm-up requests if `has_ranked`. */
void rk_footprint_predict(const struct rk_settings *settings, const struct rk_version *version, bool has_ranked,
			  struct rk_footprint *ret_footprint);

/* A table on standard output, and the formula. */
void rk_footprint_print(const struct rk_footprint *footprint, const struct rk_settings *settings);

#endif
