/* Inside the client: what client.c (the loop) and connection.c (the sockets) share. */
#ifndef RK_BENCH_LOAD_CLIENT_STATE_H
#define RK_BENCH_LOAD_CLIENT_STATE_H

#include "bench/load/client.h"
#include "bench/load/response.h"

#include <stdbool.h>

enum { RK_LOAD_BUFFER_BYTES = 64 * 1024 };

enum rk_load_connection_state {
	RK_LOAD_DOWN, /* to be opened again */
	RK_LOAD_CONNECTING,
	RK_LOAD_IDLE,
	RK_LOAD_BUSY, /* sample and request are set */
};

struct rk_load_connection {
	int socket; /* -1 when down */
	enum rk_load_connection_state state;
	bool is_listed;    /* stands in the list of idle ones (perhaps without being idle any more) */
	bool has_answered; /* since it was opened */
	size_t sample;
	const struct rk_load_request *request;
	size_t n_sent; /* bytes of the request */
	struct rk_load_response response;
};

struct rk_load_client {
	struct rk_load_plan plan;
	int epoll, timer;
	uint64_t start_ns, timer_ns; /* monotonic clock; what the timer is set to (from the start) */
	uint64_t retry_ns;           /* when connections that are down are tried again */

	struct rk_load_connection *connections; /* [plan.n_connections] */
	uint32_t n_down;
	uint32_t *idle; /* ring of [plan.n_connections] places: the one that idles longest is taken first */
	uint32_t idle_first, n_idle;

	/* Samples in the order of their intended instants: 0 ≤ oldest, next_send ≤ n_due ≤ capacity */
	struct rk_load_sample *samples;
	size_t capacity;
	size_t n_due;     /* noticed so far */
	size_t next_send; /* those below were sent, or timed out unsent */
	size_t oldest;    /* those below are final */

	struct rk_load_counters total, at_begin, at_end;
	bool is_begun, is_ended; /* the measured time */
	struct rk_pages connection_pages, idle_pages, sample_pages;
	char buffer[RK_LOAD_BUFFER_BYTES];
};

/* ns since the run's start */
uint64_t rk_load_client_now_ns(const struct rk_load_client *client);

/* Opens and registers; `blocks` waits until it stands. RK_IO. */
RK_NODISCARD enum rk_status rk_load_connection_open(struct rk_load_client *client, uint32_t index, bool blocks,
						    struct rk_error *reterr);

/* Starts a request on an idle connection; `index` of the connection, of the sample. */
void rk_load_connection_start(struct rk_load_client *client, uint32_t index, size_t sample);

/* epoll says something about it. */
void rk_load_connection_handle(struct rk_load_client *client, uint32_t index, uint32_t events);

/* Closes it; the sample in flight, if any, ends with `outcome`. Opens it again at once where that is no endless loop.
 */
void rk_load_connection_drop(struct rk_load_client *client, uint32_t index, enum rk_load_outcome outcome);

/* Opens those that are down. */
void rk_load_connections_retry(struct rk_load_client *client);

/* The connection that idles longest; false where there is none. */
bool rk_load_connection_take_idle(struct rk_load_client *client, uint32_t *ret_index);

#endif
