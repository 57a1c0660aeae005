#include "bench/load/target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const char http_scheme[] = "http://";
static const char unix_scheme[] = "unix:";

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 v6;
	memcpy(&v6, address, sizeof(v6));
	return memcmp(&v6.sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

/* Only what can stand in a request line as it is. */
static enum rk_status set_path(struct rk_load_target *target, const char *path, struct rk_error *reterr)
{
	const size_t size = strlen(path);
	if (path[0] != '/' || size >= sizeof(target->path))
		return rk_error_set(reterr, RK_INVALID, "path: expected 1 to %zu bytes that begin with /, found %s",
				    sizeof(target->path) - 1, path);
	for (size_t i = 0; i < size; i++)
		if (path[i] <= ' ' || path[i] >= 0x7f)
			return rk_error_set(reterr, RK_INVALID, "path: expected printable ASCII without spaces");
	memcpy(target->path, path, size + 1);
	return RK_OK;
}

static enum rk_status parse_unix(const char *socket_path, struct rk_load_target *target, struct rk_error *reterr)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t size = strlen(socket_path);
	if (socket_path[0] != '/' || size >= sizeof(address.sun_path))
		return rk_error_set(reterr, RK_INVALID,
				    "--url: expected unix:/path of at most %zu bytes, found unix:%s",
				    sizeof(address.sun_path) - 1, socket_path);
	memcpy(address.sun_path, socket_path, size + 1);
	memcpy(&target->address, &address, sizeof(address));
	target->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
	target->is_local = true;
	(void)snprintf(target->host, sizeof(target->host), "localhost");
	return RK_OK;
}

static enum rk_status resolve(const char *host, const char *port, struct rk_load_target *target,
			      struct rk_error *reterr)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	const int failure = getaddrinfo(host, port, &hints, &found);
	if (failure != 0)
		return rk_error_set(reterr, RK_NOT_FOUND, "--url: %s: %s", host, gai_strerror(failure));
	memcpy(&target->address, found->ai_addr, found->ai_addrlen);
	target->address_size = found->ai_addrlen;
	target->is_local = is_loopback(&target->address);
	freeaddrinfo(found);
	return RK_OK;
}

/* host, host:port, [v6] or [v6]:port */
static enum rk_status parse_authority(const char *authority, size_t size, struct rk_load_target *target,
				      struct rk_error *reterr)
{
	char host[256];
	const char *end = authority + size;
	const char *host_end;
	const char *after;
	if (size > 0 && authority[0] == '[') {
		authority++;
		host_end = memchr(authority, ']', (size_t)(end - authority));
		after = host_end == NULL ? end : host_end + 1;
	} else {
		host_end = memchr(authority, ':', size);
		host_end = host_end == NULL ? end : host_end;
		after = host_end;
	}
	if (host_end == NULL || host_end == authority || (size_t)(host_end - authority) >= sizeof(host) ||
	    (after != end && *after != ':'))
		return rk_error_set(reterr, RK_INVALID, "--url: expected http://host:port/path with a host");
	memcpy(host, authority, (size_t)(host_end - authority));
	host[host_end - authority] = '\0';

	uint32_t port = after == end ? 80 : 0;
	for (const char *digit = after + 1; after != end && digit < end; digit++) {
		if (*digit < '0' || *digit > '9' || port > 65535)
			port = 65536;
		else
			port = port * 10 + (uint32_t)(*digit - '0');
	}
	if (port < 1 || port > 65535)
		return rk_error_set(reterr, RK_INVALID, "--url: expected a port from 1 to 65535");
	char port_text[12];
	(void)snprintf(port_text, sizeof(port_text), "%u", port);
	return resolve(host, port_text, target, reterr);
}

enum rk_status rk_load_target_parse(const char *url, const char *path, struct rk_load_target *ret_target,
				    struct rk_error *reterr)
{
	struct rk_load_target target = {0};
	enum rk_status status;
	const char *own_path = "";
	if (strncmp(url, unix_scheme, strlen(unix_scheme)) == 0) {
		status = parse_unix(url + strlen(unix_scheme), &target, reterr);
	} else if (strncmp(url, http_scheme, strlen(http_scheme)) == 0) {
		const char *authority = url + strlen(http_scheme);
		const size_t size = strcspn(authority, "/");
		own_path = authority + size;
		status = parse_authority(authority, size, &target, reterr);
		if (status == RK_OK)
			(void)snprintf(target.host, sizeof(target.host), "%.*s", (int)size, authority);
	} else {
		status = rk_error_set(reterr, RK_INVALID,
				      "--url: expected http://host:port/path or unix:/path, found %s", url);
	}
	if (status != RK_OK)
		return status;
	if (path == NULL)
		path = own_path[0] == '\0' ? "/rank" : own_path;
	status = set_path(&target, path, reterr);
	if (status == RK_OK)
		*ret_target = target;
	return status;
}
