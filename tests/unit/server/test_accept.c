#include "server/accept.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct rk_listen listener;
static struct rk_acceptor acceptor;
static atomic_uint n_admitted, n_refused;
static atomic_uint limit = 1000;

static bool admit(void *context, int socket, const struct sockaddr *peer, socklen_t peer_size)
{
	(void)context;
	cr_assert_gt(peer_size, 0);
	cr_assert(peer->sa_family == AF_INET || peer->sa_family == AF_UNIX);
	if (atomic_load(&n_admitted) >= atomic_load(&limit))
		return false;
	atomic_fetch_add(&n_admitted, 1);
	cr_assert_eq(send(socket, "hello", 5, MSG_NOSIGNAL), 5);
	(void)close(socket);
	return true;
}

static void refused(void *context)
{
	(void)context;
	atomic_fetch_add(&n_refused, 1);
}

static struct rk_linger linger;
static const struct rk_acceptor_options options = {.admit = admit, .refused = refused, .linger = &linger};

static void listen_at(const char *text)
{
	struct rk_address address;
	struct rk_error error;
	cr_assert_eq(rk_address_parse(text, &address, &error), RK_OK);
	cr_assert_eq(rk_listen_open(&listener, &address, &error), RK_OK, "%s", error.message);
}

static void start(void)
{
	struct rk_error error;
	cr_assert_eq(rk_linger_start(&linger, &error), RK_OK);
	cr_assert_eq(rk_acceptor_start(&acceptor, &listener, &options, &error), RK_OK);
}

static int connect_tcp(void)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(getsockname(listener.socket, (struct sockaddr *)&address, &size), 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&address, size), 0);
	return client;
}

/* All that comes until the other side closes. */
static const char *read_all(int client)
{
	static char text[4096];
	size_t used = 0;
	ssize_t n;
	while ((n = recv(client, text + used, sizeof(text) - 1 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	(void)close(client);
	return text;
}

Test(listen, a_free_port_shows_in_the_url)
{
	listen_at("127.0.0.1:0");
	unsigned port = 0;
	cr_assert_eq(sscanf(listener.url, "http://127.0.0.1:%u", &port), 1, "%s", listener.url);
	cr_assert_gt(port, 0);
	rk_listen_close(&listener);
	cr_assert_eq(listener.socket, -1);
	rk_listen_close(&listener);
}

Test(listen, a_taken_port_is_an_error)
{
	struct rk_listen second;
	struct rk_address address;
	struct rk_error error;
	listen_at("127.0.0.1:0");
	const char *text = listener.url + strlen("http://");
	cr_assert_eq(rk_address_parse(text, &address, &error), RK_OK);
	cr_assert_eq(rk_listen_open(&second, &address, &error), RK_IO);
	cr_assert_not_null(strstr(error.message, text), "%s", error.message);
	cr_assert_not_null(strstr(error.message, "bind"), "%s", error.message);
	rk_listen_close(&listener);
}

Test(listen, off_opens_nothing)
{
	struct rk_address address = {.kind = RK_ADDRESS_OFF};
	struct rk_error error;
	cr_assert_eq(rk_listen_open(&listener, &address, &error), RK_OK);
	cr_assert_eq(listener.socket, -1);
	cr_assert_str_eq(listener.url, "off");
	start();
	rk_acceptor_stop(&acceptor);
}

Test(listen, a_unix_socket_is_ours_alone_and_goes_with_us)
{
	char folder[] = "/tmp/rk_listen_XXXXXX", text[64];
	struct stat found;
	struct rk_listen second;
	struct rk_address address;
	struct rk_error error;
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(text, sizeof(text), "unix:%s/s", folder);
	listen_at(text);
	cr_assert_eq(stat(text + 5, &found), 0);
	cr_assert(S_ISSOCK(found.st_mode));
	cr_assert_eq(found.st_mode & 0777, 0600);
	cr_assert_str_eq(listener.url, text);
	cr_assert_eq(rk_address_parse(text, &address, &error), RK_OK);
	cr_assert_eq(rk_listen_open(&second, &address, &error), RK_IO, "somebody listens there");
	(void)close(listener.socket); /* as a process that was killed leaves it */
	cr_assert_eq(rk_listen_open(&second, &address, &error), RK_OK, "%s", error.message);
	rk_listen_close(&second);
	cr_assert_neq(stat(text + 5, &found), 0);
	(void)rmdir(folder);
}

Test(listen, a_file_in_the_way_is_left_alone)
{
	char path[] = "/tmp/rk_listen_XXXXXX", text[64];
	struct stat found;
	struct rk_address address;
	struct rk_error error;
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	cr_assert_eq(rk_address_parse(text, &address, &error), RK_OK);
	cr_assert_eq(rk_listen_open(&listener, &address, &error), RK_IO);
	cr_assert_eq(stat(path, &found), 0);
	(void)unlink(path);
}

Test(accept, hands_every_connection_over)
{
	listen_at("127.0.0.1:0");
	start();
	for (int i = 0; i < 200; i++)
		cr_assert_str_eq(read_all(connect_tcp()), "hello");
	rk_acceptor_stop(&acceptor);
	cr_assert_eq(n_admitted, 200);
	cr_assert_eq(n_refused, 0);
}

Test(accept, what_waits_in_the_backlog_is_taken_in_at_the_stop)
{
	enum { N = 100 };
	int clients[N];
	listen_at("127.0.0.1:0");
	for (int i = 0; i < N; i++)
		clients[i] = connect_tcp();
	start();
	rk_acceptor_stop(&acceptor);
	cr_assert_eq(n_admitted, N);
	for (int i = 0; i < N; i++)
		cr_assert_str_eq(read_all(clients[i]), "hello");
	cr_assert_eq(listener.socket, -1);
	rk_acceptor_stop(&acceptor);
}

Test(accept, over_the_limit_a_503_is_read_whole)
{
	atomic_store(&limit, 2);
	listen_at("127.0.0.1:0");
	start();
	for (int i = 0; i < 100; i++) { /* more than linger at a time */
		int client = connect_tcp();
		(void)send(client, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
		const char *answer = read_all(client);
		if (i < 2)
			continue;
		cr_assert_eq(strncmp(answer, "HTTP/1.1 503 ", 13), 0, "%s", answer);
		cr_assert_not_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
		cr_assert_not_null(strstr(answer, "\r\nConnection: close\r\n"));
		const char *body = strstr(answer, "\r\n\r\n") + 4;
		unsigned length = 0;
		cr_assert_eq(sscanf(strstr(answer, "Content-Length: "), "Content-Length: %u", &length), 1);
		cr_assert_eq(strlen(body), length);
	}
	rk_acceptor_stop(&acceptor);
	cr_assert_eq(n_admitted, 2);
	cr_assert_eq(n_refused, 98);
	rk_linger_stop(&linger);
}

static uint32_t count_after(unsigned wait_ms)
{
	(void)usleep(wait_ms * 1000);
	return rk_linger_count(&linger);
}

Test(linger, reads_what_still_comes_and_the_answer_arrives)
{
	enum { N_WRITES = 200 };
	static char block[65536];
	struct rk_error error;
	int pair[2];
	cr_assert_eq(rk_linger_start(&linger, &error), RK_OK);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(send(pair[0], "413", 3, 0), 3);
	(void)shutdown(pair[0], SHUT_WR);
	rk_linger_add(&linger, pair[0]);
	for (int i = 0; i < N_WRITES; i++) /* far more than a socket buffers */
		cr_assert_eq(send(pair[1], block, sizeof(block), MSG_NOSIGNAL), (ssize_t)sizeof(block));
	cr_assert_eq(rk_linger_count(&linger), 1);
	cr_assert_str_eq(read_all(pair[1]), "413");
	cr_assert_eq(count_after(200), 0, "the client has closed");
	rk_linger_stop(&linger);
	rk_linger_stop(&linger);
}

Test(linger, has_an_end)
{
	struct rk_error error;
	int pair[2];
	cr_assert_eq(rk_linger_start(&linger, &error), RK_OK);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	rk_linger_add(&linger, pair[0]);
	cr_assert_eq(count_after(500), 1);
	cr_assert_eq(count_after(1500), 0);
	cr_assert_eq(send(pair[1], "x", 1, MSG_NOSIGNAL), -1);
	(void)close(pair[1]);
	rk_linger_stop(&linger);
}

Test(linger, is_bounded_in_sockets)
{
	struct rk_error error;
	cr_assert_eq(rk_linger_start(&linger, &error), RK_OK);
	int others[RK_LINGER_SOCKETS + 10];
	for (int i = 0; i < RK_LINGER_SOCKETS + 10; i++) {
		int pair[2];
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		rk_linger_add(&linger, pair[0]);
		others[i] = pair[1];
	}
	cr_assert_eq(rk_linger_count(&linger), RK_LINGER_SOCKETS);
	cr_assert_eq(recv(others[9], &(char){0}, 1, MSG_DONTWAIT), 0, "the oldest went");
	cr_assert_eq(recv(others[10], &(char){0}, 1, MSG_DONTWAIT), -1);
	cr_assert(rk_linger_drop_oldest(&linger));
	cr_assert_eq(recv(others[10], &(char){0}, 1, MSG_DONTWAIT), 0);
	rk_linger_stop(&linger);
	for (int i = 0; i < RK_LINGER_SOCKETS + 10; i++)
		(void)close(others[i]);
}
