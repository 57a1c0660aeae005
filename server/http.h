/*
 * The HTTP daemons: one I/O thread for the data port, another for the admin port, each without a listening socket of
 * its own (server/accept.h hands connections in). Only server/http*.c know libmicrohttpd.
 *
 * A request's way: request line → guard (head) → body (into a slot, or discarded) → answer. The answer to anything but
 * /rank is queued at the handler's last call, since libmicrohttpd closes a connection that is answered before.
 */
#ifndef RK_SERVER_HTTP_H
#define RK_SERVER_HTTP_H

#include "model/base/status.h"
#include "server/connection.h"
#include "server/route.h"

#include <sys/socket.h>

struct rk_http;
struct rk_server;

/* Starts the daemon's thread. `server` must outlive it. */
RK_NODISCARD enum rk_status rk_http_open(struct rk_http **ret_http, enum rk_listener listener, uint32_t max_connections,
					 struct rk_server *server, struct rk_error *reterr);

/* Stops the thread and closes what is still open; no request may be suspended. NULL is fine. */
void rk_http_close(struct rk_http *http);

/* Takes the socket over, or returns false when the limit is reached (and leaves the socket alone). */
bool rk_http_admit(struct rk_http *http, int socket, const struct sockaddr *peer, socklen_t peer_size);

/* The same for the server's own question (server/watchdog.h), beyond the limit: one at a time. */
void rk_http_admit_own(struct rk_http *http, int socket, const struct sockaddr *peer, socklen_t peer_size);

/* Open connections; requests that are suspended. */
uint32_t rk_http_connections(const struct rk_http *http);
uint32_t rk_http_suspended(const struct rk_http *http);

/* Connections that have a request begun and not yet fully answered. */
uint32_t rk_http_busy(const struct rk_http *http);

struct rk_slot;

/* A worker is done with the slot (DONE): its connection goes on with the answer. On the worker's thread. */
void rk_http_rank_done(struct rk_slot *slot);

/* The pool, for the reaper. */
struct rk_connection *rk_http_pool(struct rk_http *http, uint32_t *ret_n);

#endif
