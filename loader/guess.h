/* The sample of items from which a version learns to guess (model/guess.h). */
#ifndef RK_LOADER_GUESS_H
#define RK_LOADER_GUESS_H

#include "loader/version.h"

/* Ranks items spread evenly over the table for a user without history and features, on the loader's own scratch; the
 * same each time. RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_guess_learn(struct rk_version *version, struct rk_error *reterr);

#endif
