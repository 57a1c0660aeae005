#include "bench/load/target.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static struct rk_load_target parse(const char *url, const char *path)
{
	struct rk_load_target target;
	struct rk_error error;
	cr_assert_eq(rk_load_target_parse(url, path, &target, &error), RK_OK, "%s: %s", url, error.message);
	return target;
}

static uint16_t port_of(const struct rk_load_target *target)
{
	struct sockaddr_in v4;
	memcpy(&v4, &target->address, sizeof(v4));
	return ntohs(v4.sin_port); /* the port stands at the same place in both families */
}

Test(load_target, reads_http_urls)
{
	struct rk_load_target target = parse("http://127.0.0.1:8080/rank/kuairand", NULL);
	cr_assert_eq(target.address.ss_family, AF_INET);
	cr_assert_eq(port_of(&target), 8080);
	cr_assert_str_eq(target.host, "127.0.0.1:8080");
	cr_assert_str_eq(target.path, "/rank/kuairand");
	cr_assert(target.is_local);
	target = parse("http://127.9.9.9", NULL);
	cr_assert_eq(port_of(&target), 80);
	cr_assert_str_eq(target.path, "/rank");
	cr_assert(target.is_local);
	target = parse("http://[::1]:9/", NULL);
	cr_assert_eq(target.address.ss_family, AF_INET6);
	cr_assert_eq(port_of(&target), 9);
	cr_assert_str_eq(target.host, "[::1]:9");
	cr_assert_str_eq(target.path, "/");
	cr_assert(target.is_local);
	target = parse("http://127.0.0.1:1/a", "/b?c=d");
	cr_assert_str_eq(target.path, "/b?c=d");
}

Test(load_target, reads_unix_sockets)
{
	const struct rk_load_target target = parse("unix:/run/rankd.sock", NULL);
	cr_assert(target.is_local);
	cr_assert_str_eq(target.host, "localhost");
	cr_assert_str_eq(target.path, "/rank");
	struct sockaddr_un address;
	memcpy(&address, &target.address, sizeof(address));
	cr_assert_eq(address.sun_family, AF_UNIX);
	cr_assert_str_eq(address.sun_path, "/run/rankd.sock");
}

Test(load_target, sees_what_is_elsewhere)
{
	cr_assert_not(parse("http://192.0.2.1:80/", NULL).is_local);
	cr_assert_not(parse("http://0.0.0.0:80/", NULL).is_local);
	cr_assert_not(parse("http://[2001:db8::1]:80/", NULL).is_local);
	cr_assert_not(parse("http://[::]:80/", NULL).is_local);
}

Test(load_target, refuses_wrong_forms)
{
	static const char *const urls[] = {
		"127.0.0.1:80",
		"https://127.0.0.1",
		"http://",
		"http://:80/",
		"http://127.0.0.1:",
		"http://127.0.0.1:0/",
		"http://127.0.0.1:x/",
		"http://127.0.0.1:65536/",
		"http://127.0.0.1:80 /",
		"http://[::1",
		"http://[::1]8/",
		"unix:relative",
		"http://127.0.0.1:80/a b",
		"http://127.0.0.1:80/\n",
		"unix:",
		"",
	};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct rk_load_target target;
		struct rk_error error;
		cr_assert_eq(rk_load_target_parse(urls[i], NULL, &target, &error), RK_INVALID, "%s", urls[i]);
	}
	struct rk_load_target target;
	char long_path[200] = "unix:/";
	memset(long_path + 6, 'x', sizeof(long_path) - 7);
	long_path[sizeof(long_path) - 1] = '\0';
	cr_assert_eq(rk_load_target_parse(long_path, NULL, &target, NULL), RK_INVALID);
	cr_assert_eq(rk_load_target_parse("unix:/a", "rank", &target, NULL), RK_INVALID);
}
