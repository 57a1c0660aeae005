/*
 * Sockets that the service manager has opened (sd_listen_fds(3), by hand): LISTEN_FDS of them from descriptor 3 on, if
 * LISTEN_PID is this process. LISTEN_FDNAMES may call them "data" and "admin"; where no name is one of these, the first
 * is the data port's and the second the admin port's.
 */
#ifndef RK_SERVER_INHERITED_H
#define RK_SERVER_INHERITED_H

#include "model/base/status.h"

struct rk_inherited {
	int data, admin; /* -1: none was given */
};

/* Takes the variables out of the environment. RK_INVALID says what is wrong with what was given: another number than 1
 * or 2, a name twice or beside an unknown one, no listening stream socket. */
RK_NODISCARD enum rk_status rk_inherited_take(struct rk_inherited *ret_inherited, struct rk_error *reterr);

#endif
