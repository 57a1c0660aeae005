/* Listening sockets: TCP over IPv4 and IPv6, and Unix sockets. */
#ifndef RK_SERVER_LISTEN_H
#define RK_SERVER_LISTEN_H

#include "server/address.h"

#include <stdbool.h>

enum { RK_LISTEN_URL_BYTES = 320 };

struct rk_listen {
	int socket;        /* -1: off */
	bool is_inherited; /* the service manager's: it goes on listening when we close ours */
	enum rk_address_kind kind;
	char path[108];                /* Unix: removed at close */
	char url[RK_LISTEN_URL_BYTES]; /* http://127.0.0.1:8080, http://[::1]:8080, unix:/path, off */
};

/* Binds and listens; port 0 picks a free one, which `url` then shows. Non-blocking, close-on-exec. A Unix socket gets
 * mode 0600, and one that nobody listens on any more is replaced. RK_IO says what failed. */
RK_NODISCARD enum rk_status rk_listen_open(struct rk_listen *ret_listen, const struct rk_address *address,
					   struct rk_error *reterr);

/* Takes over a listening socket that the service manager has opened (server/inherited.h). */
void rk_listen_adopt(struct rk_listen *ret_listen, int socket);

void rk_listen_close(struct rk_listen *listen);

/* Takes the file of a Unix socket away and closes nothing: for a process that ends at once, while others still accept.
 */
void rk_listen_unlink(const struct rk_listen *listen);

#endif
