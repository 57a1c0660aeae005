#include "tests/unit/bench/tiny_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PEERS = 64, REQUEST_BYTES = 16 * 1024 };

struct peer {
	char text[REQUEST_BYTES];
	size_t n;
};

struct rk_tiny_server {
	rk_tiny_script *script;
	int listener, stopper;
	pthread_t thread;
	size_t n_requests;
	char url[160];
	struct pollfd polled[2 + MAX_PEERS];
	struct peer peers[MAX_PEERS];
};

static void open_listener(struct rk_tiny_server *server, const char *unix_path)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(v4);
	server->listener = socket(unix_path == NULL ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
	int failure;
	if (unix_path == NULL) {
		failure = bind(server->listener, (struct sockaddr *)&v4, sizeof(v4));
	} else {
		(void)snprintf(local.sun_path, sizeof(local.sun_path), "%s", unix_path);
		failure = bind(server->listener, (struct sockaddr *)&local, sizeof(local));
	}
	cr_assert_eq(failure, 0);
	cr_assert_eq(listen(server->listener, MAX_PEERS), 0);
	if (unix_path != NULL) {
		(void)snprintf(server->url, sizeof(server->url), "unix:%s", unix_path);
		return;
	}
	cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&v4, &size), 0);
	(void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u/rank", ntohs(v4.sin_port));
}

static void say(int handle, const char *text, size_t size)
{
	(void)!send(handle, text, size, MSG_NOSIGNAL);
}

/* Returns false if the connection is to be closed. */
static bool act(int handle, struct rk_tiny_step step)
{
	char text[4096];
	const struct timespec delay = {.tv_sec = step.delay_ms / 1000, .tv_nsec = step.delay_ms % 1000 * 1000000L};
	(void)nanosleep(&delay, NULL);
	const size_t body_bytes = step.body == NULL ? 0 : strlen(step.body);
	size_t size = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 %u Something\r\nServer: tiny\r\n", step.status);
	if (step.action != RK_TINY_ANSWER_TO_END)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "Content-Length: %zu\r\n", body_bytes);
	if (step.action == RK_TINY_ANSWER_AND_CLOSE)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "Connection: close\r\n");
	size += (size_t)snprintf(text + size, sizeof(text) - size, "\r\n%s", step.body == NULL ? "" : step.body);
	switch (step.action) {
	case RK_TINY_ANSWER:
		say(handle, text, size);
		return true;
	case RK_TINY_SILENCE:
		return true;
	case RK_TINY_BABBLE:
		say(handle, "what?\r\n\r\n", 9);
		return true;
	case RK_TINY_ANSWER_AND_CLOSE:
	case RK_TINY_ANSWER_TO_END:
		say(handle, text, size);
		return false;
	case RK_TINY_CUT:
		say(handle, text, size / 2);
		return false;
	case RK_TINY_HANG_UP:
	default:
		return false;
	}
}

/* Bytes of the request at the front, 0 if it is not whole yet. */
static size_t whole_request(const struct peer *peer)
{
	static const char name[] = "Content-Length: ";
	const char *head_end = memmem(peer->text, peer->n, "\r\n\r\n", 4);
	const char *length = memmem(peer->text, peer->n, name, strlen(name));
	if (head_end == NULL || length == NULL)
		return 0;
	const size_t size = (size_t)(head_end - peer->text) + 4 + strtoul(length + strlen(name), NULL, 10);
	return size <= peer->n ? size : 0;
}

static bool serve(struct rk_tiny_server *server, int handle, struct peer *peer)
{
	const ssize_t got = recv(handle, peer->text + peer->n, sizeof(peer->text) - peer->n, 0);
	if (got <= 0)
		return false;
	peer->n += (size_t)got;
	const size_t size = whole_request(peer);
	if (size == 0)
		return true;
	memmove(peer->text, peer->text + size, peer->n - size);
	peer->n -= size;
	return act(handle, server->script(server->n_requests++));
}

static void take_peer(struct rk_tiny_server *server)
{
	const int handle = accept(server->listener, NULL, NULL);
	for (size_t i = 0; handle >= 0 && i < MAX_PEERS; i++) {
		if (server->polled[2 + i].fd >= 0)
			continue;
		const int on = 1;
		(void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		server->polled[2 + i] = (struct pollfd){.fd = handle, .events = POLLIN};
		server->peers[i].n = 0;
		return;
	}
	(void)close(handle);
}

static void *run(void *argument)
{
	struct rk_tiny_server *server = argument;
	server->polled[0] = (struct pollfd){.fd = server->stopper, .events = POLLIN};
	server->polled[1] = (struct pollfd){.fd = server->listener, .events = POLLIN};
	for (size_t i = 0; i < MAX_PEERS; i++)
		server->polled[2 + i] = (struct pollfd){.fd = -1};
	while (poll(server->polled, 2 + MAX_PEERS, -1) > 0 && server->polled[0].revents == 0) {
		for (size_t i = 0; i < MAX_PEERS; i++) {
			struct pollfd *polled = &server->polled[2 + i];
			if (polled->fd < 0 || polled->revents == 0 || serve(server, polled->fd, &server->peers[i]))
				continue;
			(void)close(polled->fd);
			polled->fd = -1;
		}
		if (server->polled[1].revents != 0)
			take_peer(server);
	}
	return NULL;
}

struct rk_tiny_server *rk_tiny_server_open(rk_tiny_script *script, const char *unix_path)
{
	struct rk_tiny_server *server = calloc(1, sizeof(*server));
	cr_assert_not_null(server);
	server->script = script;
	server->stopper = eventfd(0, EFD_CLOEXEC);
	open_listener(server, unix_path);
	cr_assert_eq(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

const char *rk_tiny_server_url(const struct rk_tiny_server *server)
{
	return server->url;
}

size_t rk_tiny_server_close(struct rk_tiny_server *server)
{
	(void)eventfd_write(server->stopper, 1);
	(void)pthread_join(server->thread, NULL);
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (server->polled[2 + i].fd >= 0)
			(void)close(server->polled[2 + i].fd);
	(void)close(server->listener);
	(void)close(server->stopper);
	const size_t n_requests = server->n_requests;
	free(server);
	return n_requests;
}
