/* Whom the load goes to: `http://host[:port][/path]` or `unix:/path`, resolved once. */
#ifndef RK_BENCH_LOAD_TARGET_H
#define RK_BENCH_LOAD_TARGET_H

#include "model/base/status.h"

#include <stdbool.h>
#include <sys/socket.h>

struct rk_load_target {
	struct sockaddr_storage address;
	socklen_t address_size;
	bool is_local;  /* a Unix socket, 127.0.0.0/8 or ::1 */
	char host[300]; /* the Host header's value */
	char path[512]; /* the request target, begins with '/' */
};

/* `path` replaces the URL's path (NULL: the URL's, or /rank where it has none). RK_INVALID: the form is wrong;
 * RK_NOT_FOUND: the host does not resolve. Opens no connection. */
RK_NODISCARD enum rk_status rk_load_target_parse(const char *url, const char *path, struct rk_load_target *ret_target,
						 struct rk_error *reterr);

#endif
