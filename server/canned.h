/* Whole HTTP messages that are prepared ahead and written to a socket that libmicrohttpd does not hold, or does not
 * answer any more: they end the connection. */
#ifndef RK_SERVER_CANNED_H
#define RK_SERVER_CANNED_H

#include "server/problem.h"

enum { RK_CANNED_BYTES = 1024, RK_RETRY_AFTER_S = 1 };

struct rk_canned {
	char text[RK_CANNED_BYTES];
	size_t size;
};

/* Status line, headers with `Connection: close`, the problem's document. `retry_after_s` 0: no Retry-After. */
void rk_canned_write(struct rk_canned *ret_canned, enum rk_problem problem, const char *detail, unsigned retry_after_s);

/* Sends it without waiting, as far as the socket takes it. False if not all of it went out. */
bool rk_canned_send(const struct rk_canned *canned, int socket);

#endif
