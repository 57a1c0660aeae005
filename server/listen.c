#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static enum rk_status fail(int socket, const char *what, const char *where, struct rk_error *reterr)
{
	int number = errno;
	if (socket >= 0)
		(void)close(socket);
	return rk_error_set(reterr, RK_IO, "%s: cannot %s: %s", where, what, strerror(number));
}

static void write_url(struct rk_listen *listen)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);
	char number[INET6_ADDRSTRLEN] = "?", port[8] = "0";
	if (getsockname(listen->socket, (struct sockaddr *)&bound, &size) == 0)
		(void)getnameinfo((struct sockaddr *)&bound, size, number, sizeof(number), port, sizeof(port),
				  NI_NUMERICHOST | NI_NUMERICSERV);
	const char *format = strchr(number, ':') != NULL ? "http://[%s]:%s" : "http://%s:%s";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(listen->url, sizeof(listen->url), format, number, port);
#pragma GCC diagnostic pop
}

static int open_socket(const struct addrinfo *info, const char **ret_what)
{
	int on = 1;
	*ret_what = "make a socket";
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	*ret_what = "bind";
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0) {
		*ret_what = "listen";
		if (listen(fd, BACKLOG) == 0)
			return fd;
	}
	int number = errno;
	(void)close(fd);
	errno = number;
	return -1;
}

static enum rk_status open_tcp(struct rk_listen *listen, const struct rk_address *address, struct rk_error *reterr)
{
	char where[RK_ADDRESS_TEXT_BYTES], port[8];
	rk_address_write(address, where, sizeof(where));
	(void)snprintf(port, sizeof(port), "%u", (unsigned)address->port);
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int error = getaddrinfo(address->host, port, &hints, &found);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "%s: cannot resolve: %s", where, gai_strerror(error));
	const char *what = "listen";
	for (const struct addrinfo *info = found; info != NULL && listen->socket < 0; info = info->ai_next)
		listen->socket = open_socket(info, &what);
	int number = errno;
	freeaddrinfo(found);
	errno = number;
	if (listen->socket < 0)
		return fail(-1, what, where, reterr);
	write_url(listen);
	return RK_OK;
}

/* Whether somebody still answers at the path; a leftover of a process that died does not. */
static bool is_alive(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	bool refused = connect(fd, (const struct sockaddr *)name, sizeof(*name)) != 0 && errno == ECONNREFUSED;
	(void)close(fd);
	return !refused;
}

static enum rk_status open_unix(struct rk_listen *listen_, const struct rk_address *address, struct rk_error *reterr)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	_Static_assert(sizeof(name.sun_path) >= sizeof(address->path), "a path fits");
	memcpy(name.sun_path, address->path, strlen(address->path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-1, "make a socket", address->path, reterr);
	struct stat old;
	if (lstat(address->path, &old) == 0 && S_ISSOCK(old.st_mode) && !is_alive(&name))
		(void)unlink(address->path);
	/* the mode of the socket's file is decided at bind: nobody may come in between */
	mode_t mask = umask(0177);
	int bound = bind(fd, (const struct sockaddr *)&name, sizeof(name));
	(void)umask(mask);
	if (bound != 0)
		return fail(fd, "bind", address->path, reterr);
	if (listen(fd, BACKLOG) != 0)
		return fail(fd, "listen", address->path, reterr);
	listen_->socket = fd;
	memcpy(listen_->path, address->path, sizeof(listen_->path));
	(void)snprintf(listen_->url, sizeof(listen_->url), "unix:%s", address->path);
	return RK_OK;
}

enum rk_status rk_listen_open(struct rk_listen *ret_listen, const struct rk_address *address, struct rk_error *reterr)
{
	*ret_listen = (struct rk_listen){.socket = -1, .kind = address->kind, .url = "off"};
	switch (address->kind) {
	case RK_ADDRESS_TCP:
		return open_tcp(ret_listen, address, reterr);
	case RK_ADDRESS_UNIX:
		return open_unix(ret_listen, address, reterr);
	case RK_ADDRESS_OFF:
		break;
	}
	return RK_OK;
}

void rk_listen_adopt(struct rk_listen *ret_listen, int socket)
{
	struct sockaddr_un name = {.sun_family = AF_UNSPEC};
	socklen_t size = sizeof(name);
	(void)getsockname(socket, (struct sockaddr *)&name, &size);
	bool is_unix = name.sun_family == AF_UNIX;
	*ret_listen = (struct rk_listen){
		.socket = socket, .is_inherited = true, .kind = is_unix ? RK_ADDRESS_UNIX : RK_ADDRESS_TCP};
	if (!is_unix) {
		write_url(ret_listen);
		return;
	}
	size_t n = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
	(void)snprintf(ret_listen->url, sizeof(ret_listen->url), "unix:%.*s", (int)n, name.sun_path);
}

void rk_listen_unlink(const struct rk_listen *listen)
{
	if (listen->socket >= 0 && listen->kind == RK_ADDRESS_UNIX && !listen->is_inherited)
		(void)unlink(listen->path);
}

void rk_listen_close(struct rk_listen *listen)
{
	if (listen->socket >= 0)
		(void)close(listen->socket);
	rk_listen_unlink(listen);
	listen->socket = -1;
}
