#include "server/address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static enum rk_status parse_port(const char *text, uint16_t *ret_port, struct rk_error *reterr)
{
	uint32_t port = 0;
	size_t n = strlen(text);
	bool fits = n >= 1 && n <= 5;
	for (size_t i = 0; fits && i < n; i++) {
		fits = text[i] >= '0' && text[i] <= '9';
		port = port * 10 + (uint32_t)(text[i] - '0');
	}
	if (!fits || port > UINT16_MAX)
		return rk_error_set(reterr, RK_INVALID, "expected a port from 0 to 65535 after the last colon");
	*ret_port = (uint16_t)port;
	return RK_OK;
}

static enum rk_status parse_unix(const char *path, struct rk_address *ret_address, struct rk_error *reterr)
{
	struct rk_address address = {.kind = RK_ADDRESS_UNIX};
	if (path[0] != '/')
		return rk_error_set(reterr, RK_INVALID, "expected an absolute path after unix:");
	if (strlen(path) >= sizeof(address.path))
		return rk_error_set(reterr, RK_INVALID,
				    "expected a path of at most %zu bytes after unix:", sizeof(address.path) - 1);
	memcpy(address.path, path, strlen(path));
	*ret_address = address;
	return RK_OK;
}

static bool is_host_name(const char *host, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = host[i];
		bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
			    c == '-' || c == '_';
		if (!fits)
			return false;
	}
	return size > 0;
}

static bool is_number_v6(const char *host)
{
	unsigned char number[16];
	return inet_pton(AF_INET6, host, number) == 1;
}

enum rk_status rk_address_parse(const char *text, struct rk_address *ret_address, struct rk_error *reterr)
{
	if (strcmp(text, "off") == 0) {
		*ret_address = (struct rk_address){.kind = RK_ADDRESS_OFF};
		return RK_OK;
	}
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, ret_address, reterr);

	struct rk_address address = {.kind = RK_ADDRESS_TCP};
	const char *colon = strrchr(text, ':');
	size_t size = colon == NULL ? 0 : (size_t)(colon - text);
	bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
	const char *host = bracketed ? text + 1 : text;
	size -= bracketed ? 2 : 0;
	if (colon == NULL || size >= sizeof(address.host))
		return rk_error_set(reterr, RK_INVALID, "expected host:port, [v6]:port or unix:/path");
	memcpy(address.host, host, size);
	if (bracketed ? !is_number_v6(address.host) : !is_host_name(host, size))
		return rk_error_set(reterr, RK_INVALID,
				    "expected a host name, an IPv4 address or an IPv6 address in brackets before the "
				    "port");
	enum rk_status status = parse_port(colon + 1, &address.port, reterr);
	if (status == RK_OK)
		*ret_address = address;
	return status;
}

void rk_address_write(const struct rk_address *address, char *ret_text, size_t size)
{
	bool is_v6 = strchr(address->host, ':') != NULL;
	switch (address->kind) {
	case RK_ADDRESS_OFF:
		(void)snprintf(ret_text, size, "off");
		break;
	case RK_ADDRESS_TCP:
		(void)snprintf(ret_text, size, "%s%s%s:%u", is_v6 ? "[" : "", address->host, is_v6 ? "]" : "",
			       (unsigned)address->port);
		break;
	case RK_ADDRESS_UNIX:
		(void)snprintf(ret_text, size, "unix:%s", address->path);
		break;
	}
}
