/*
 * Sockets are registered once, edge-triggered, for both directions: a request costs no epoll_ctl. So a socket is read
 * until it has no more, and a send that found no room goes on when epoll says so.
 *
 * A connection that broke is opened again at once only if it had answered something before: a server that takes
 * connections and drops them is tried every retry_interval_ns, not as fast as it can refuse.
 */
#include "bench/load/client_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

static const uint64_t retry_interval_ns = 10 * 1000 * 1000;

static void set_idle(struct rk_load_client *client, uint32_t index)
{
	struct rk_load_connection *connection = &client->connections[index];
	connection->state = RK_LOAD_IDLE;
	if (connection->is_listed)
		return;
	connection->is_listed = true;
	client->idle[(client->idle_first + client->n_idle) % client->plan.n_connections] = index;
	client->n_idle++;
}

bool rk_load_connection_take_idle(struct rk_load_client *client, uint32_t *ret_index)
{
	while (client->n_idle > 0) {
		const uint32_t index = client->idle[client->idle_first];
		struct rk_load_connection *connection = &client->connections[index];
		client->idle_first = (client->idle_first + 1) % client->plan.n_connections;
		client->n_idle--;
		connection->is_listed = false;
		if (connection->state == RK_LOAD_IDLE) {
			*ret_index = index;
			return true;
		}
	}
	return false;
}

static int open_socket(const struct rk_load_target *target, bool blocks)
{
	const int family = target->address.ss_family;
	const int handle = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (blocks ? 0 : SOCK_NONBLOCK), 0);
	if (handle < 0)
		return -1;
	const int on = 1;
	const struct timeval patience = {.tv_sec = 5};
	if (family != AF_UNIX)
		(void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (blocks)
		(void)setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return handle;
}

enum rk_status rk_load_connection_open(struct rk_load_client *client, uint32_t index, bool blocks,
				       struct rk_error *reterr)
{
	const struct rk_load_target *target = client->plan.target;
	struct rk_load_connection *connection = &client->connections[index];
	const int handle = open_socket(target, blocks);
	if (handle < 0)
		return rk_error_set(reterr, RK_IO, "connection %u: socket: %s", index, strerror(errno));
	/* every send and recv below passes MSG_DONTWAIT, so a socket that blocked for connect may stay so */
	const bool stands = connect(handle, (const struct sockaddr *)&target->address, target->address_size) == 0;
	if (!stands && (blocks || errno != EINPROGRESS)) {
		const int reason = errno;
		(void)close(handle);
		return rk_error_set(reterr, RK_IO, "connection %u: connect: %s", index, strerror(reason));
	}
	connection->socket = handle;
	connection->has_answered = false;
	connection->state = RK_LOAD_CONNECTING;
	if (stands)
		set_idle(client, index);
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = index};
	if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, handle, &event) != 0) {
		const int reason = errno;
		(void)close(handle);
		connection->socket = -1;
		connection->state = RK_LOAD_DOWN;
		return rk_error_set(reterr, RK_IO, "connection %u: epoll: %s", index, strerror(reason));
	}
	return RK_OK;
}

static void reopen(struct rk_load_client *client, uint32_t index)
{
	if (rk_load_connection_open(client, index, false, NULL) != RK_OK) {
		client->total.connect_failures++;
		return;
	}
	client->n_down--;
	client->total.reconnects += client->connections[index].state == RK_LOAD_IDLE;
}

void rk_load_connections_retry(struct rk_load_client *client)
{
	for (uint32_t i = 0; i < client->plan.n_connections && client->n_down > 0; i++)
		if (client->connections[i].state == RK_LOAD_DOWN)
			reopen(client, i);
	client->retry_ns = rk_load_client_now_ns(client) + retry_interval_ns;
}

static void finish_sample(struct rk_load_client *client, const struct rk_load_connection *connection,
			  enum rk_load_outcome outcome)
{
	struct rk_load_sample *sample = &client->samples[connection->sample];
	sample->done_ns = rk_load_client_now_ns(client);
	sample->outcome = (uint8_t)outcome;
	if (outcome == RK_LOAD_ANSWERED) {
		sample->status = connection->response.status;
		sample->is_degraded =
			connection->response.status == 200 && rk_load_response_is_degraded(&connection->response);
	}
}

void rk_load_connection_drop(struct rk_load_client *client, uint32_t index, enum rk_load_outcome outcome)
{
	struct rk_load_connection *connection = &client->connections[index];
	if (connection->state == RK_LOAD_BUSY)
		finish_sample(client, connection, outcome);
	if (connection->state == RK_LOAD_CONNECTING)
		client->total.connect_failures++;
	(void)close(connection->socket);
	connection->socket = -1;
	connection->state = RK_LOAD_DOWN;
	client->n_down++;
	if (connection->has_answered)
		reopen(client, index);
}

/* Takes received bytes; false once the connection is gone or open anew. */
static bool take_bytes(struct rk_load_client *client, uint32_t index, size_t size)
{
	struct rk_load_connection *connection = &client->connections[index];
	struct rk_load_response *response = &connection->response;
	const size_t taken =
		connection->state == RK_LOAD_BUSY ? rk_load_response_feed(response, client->buffer, size) : 0;
	const bool is_done = connection->state == RK_LOAD_BUSY && response->state == RK_LOAD_RESPONSE_DONE;
	if (!is_done && taken == size)
		return true;
	/* what comes without a request, or after its answer, makes the connection useless */
	const bool is_clean = is_done && taken == size && connection->n_sent == connection->request->size;
	if (is_clean && !response->closes) {
		finish_sample(client, connection, RK_LOAD_ANSWERED);
		connection->has_answered = true;
		set_idle(client, index);
		return true;
	}
	connection->has_answered = connection->has_answered || is_done;
	rk_load_connection_drop(client, index, is_done ? RK_LOAD_ANSWERED : RK_LOAD_MALFORMED);
	return false;
}

static void take_end(struct rk_load_client *client, uint32_t index)
{
	struct rk_load_connection *connection = &client->connections[index];
	rk_load_response_end(&connection->response);
	const bool is_done = connection->state == RK_LOAD_BUSY && connection->response.state == RK_LOAD_RESPONSE_DONE;
	connection->has_answered = connection->has_answered || is_done;
	rk_load_connection_drop(client, index, is_done ? RK_LOAD_ANSWERED : RK_LOAD_RESET);
}

/* Reads until there is no more; `may_end`: look for the peer's close also after a read that did not fill the buffer. */
static void receive(struct rk_load_client *client, uint32_t index, bool may_end)
{
	const int handle = client->connections[index].socket;
	for (;;) {
		const ssize_t got = recv(handle, client->buffer, sizeof(client->buffer), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got < 0) {
			rk_load_connection_drop(client, index, RK_LOAD_RESET);
			return;
		}
		if (got == 0) {
			take_end(client, index);
			return;
		}
		client->total.received_bytes += (uint64_t)got;
		if (!take_bytes(client, index, (size_t)got))
			return;
		if ((size_t)got < sizeof(client->buffer) && !may_end)
			return;
	}
}

static void send_rest(struct rk_load_client *client, uint32_t index)
{
	struct rk_load_connection *connection = &client->connections[index];
	const struct rk_load_request *request = connection->request;
	while (connection->n_sent < request->size) {
		const ssize_t sent = send(connection->socket, request->data + connection->n_sent,
					  request->size - connection->n_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			/* a server that refuses a body answers before it closes: the answer may be there */
			receive(client, index, true);
			return;
		}
		connection->n_sent += (size_t)sent;
		client->total.sent_bytes += (uint64_t)sent;
	}
}

void rk_load_connection_start(struct rk_load_client *client, uint32_t index, size_t sample)
{
	struct rk_load_connection *connection = &client->connections[index];
	connection->state = RK_LOAD_BUSY;
	connection->sample = sample;
	connection->request = &client->plan.pool->requests[sample % client->plan.pool->n];
	connection->n_sent = 0;
	rk_load_response_reset(&connection->response);
	client->samples[sample].outcome = RK_LOAD_IN_FLIGHT;
	client->samples[sample].connection = index;
	client->samples[sample].sent_ns = rk_load_client_now_ns(client);
	send_rest(client, index);
}

static void take_connect(struct rk_load_client *client, uint32_t index)
{
	int failure = 0;
	socklen_t size = sizeof(failure);
	(void)getsockopt(client->connections[index].socket, SOL_SOCKET, SO_ERROR, &failure, &size);
	if (failure != 0) {
		rk_load_connection_drop(client, index, RK_LOAD_RESET);
		return;
	}
	client->total.reconnects++;
	set_idle(client, index);
}

void rk_load_connection_handle(struct rk_load_client *client, uint32_t index, uint32_t events)
{
	struct rk_load_connection *connection = &client->connections[index];
	if (connection->state == RK_LOAD_DOWN)
		return;
	if (connection->state == RK_LOAD_CONNECTING) {
		if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
			take_connect(client, index);
		return;
	}
	const int handle = connection->socket;
	if (connection->state == RK_LOAD_BUSY && (events & EPOLLOUT) != 0 &&
	    connection->n_sent < connection->request->size)
		send_rest(client, index);
	/* send_rest may have found the connection broken and opened another */
	const bool is_same = connection->state >= RK_LOAD_IDLE && connection->socket == handle;
	if (is_same && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		receive(client, index, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}
