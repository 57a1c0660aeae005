#include "bench/replay/exchange.h"

#include "bench/load/response.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

static enum rk_status connect_to(const struct rk_load_target *target, int *ret_socket, struct rk_error *reterr)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const int handle = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (handle < 0)
		return rk_error_set(reterr, RK_IO, "socket: %s", strerror(errno));
	(void)setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(handle, (const struct sockaddr *)&target->address, target->address_size) != 0) {
		const int reason = errno;
		(void)close(handle);
		return rk_error_set(reterr, RK_IO, "connect: %s", strerror(reason));
	}
	*ret_socket = handle;
	return RK_OK;
}

static enum rk_status send_all(int handle, const char *data, size_t size, struct rk_error *reterr)
{
	while (size > 0) {
		const ssize_t sent = send(handle, data, size, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return rk_error_set(reterr, RK_IO, "send: %s", strerror(errno));
		data += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
	}
	return RK_OK;
}

/* The answer is complete when the response says so; its body is the last body_bytes of what came. */
static enum rk_status receive(int handle, char *buffer, size_t size, struct rk_replay_answer *ret_answer,
			      struct rk_error *reterr)
{
	struct rk_load_response response;
	size_t used = 0;
	rk_load_response_reset(&response);
	while (response.state < RK_LOAD_RESPONSE_DONE) {
		if (used == size)
			return rk_error_set(reterr, RK_LIMIT, "the answer is larger than %zu bytes", size);
		const ssize_t got = recv(handle, buffer + used, size - used, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return rk_error_set(reterr, RK_IO, "recv: %s", strerror(errno));
		if (got == 0)
			break;
		used += rk_load_response_feed(&response, buffer + used, (size_t)got);
	}
	rk_load_response_end(&response);
	if (response.state != RK_LOAD_RESPONSE_DONE)
		return rk_error_set(reterr, RK_IO, "the answer broke off, or is not HTTP/1.1 with a length");
	const size_t body_bytes = (size_t)response.body_bytes;
	*ret_answer =
		(struct rk_replay_answer){.status = response.status, .body = {buffer + used - body_bytes, body_bytes}};
	return RK_OK;
}

enum rk_status rk_replay_exchange(const struct rk_load_target *target, struct rk_bytes body, char *buffer, size_t size,
				  struct rk_replay_answer *ret_answer, struct rk_error *reterr)
{
	char head[1400];
	const int head_bytes = snprintf(head, sizeof(head),
					"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
					"Connection: close\r\nContent-Length: %zu\r\n\r\n",
					target->path, target->host, body.size);
	if (head_bytes < 0 || (size_t)head_bytes >= sizeof(head))
		return rk_error_set(reterr, RK_LIMIT, "the path is too long");
	int handle = -1;
	enum rk_status status = connect_to(target, &handle, reterr);
	if (status != RK_OK)
		return status;
	status = send_all(handle, head, (size_t)head_bytes, reterr);
	if (status == RK_OK)
		status = send_all(handle, body.data, body.size, reterr);
	if (status == RK_OK)
		status = receive(handle, buffer, size, ret_answer, reterr);
	(void)close(handle);
	return status;
}
