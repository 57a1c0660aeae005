#include "server/admin.h"
#include "server/admin_request.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

static struct rk_admin with_token(const char *token)
{
	struct rk_admin admin = {.n_token = strlen(token)};
	memcpy(admin.token, token, admin.n_token);
	return admin;
}

static struct sockaddr_storage peer_of(const char *address)
{
	struct sockaddr_storage peer = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
		memcpy(&peer, &v4, sizeof(v4));
	} else {
		cr_assert_eq(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
		memcpy(&peer, &v6, sizeof(v6));
	}
	return peer;
}

static enum rk_access access_of(const struct rk_admin *admin, const char *authorization, const char *address)
{
	struct sockaddr_storage peer = peer_of(address);
	return rk_admin_access(admin, rk_bytes_of(authorization), (const struct sockaddr *)&peer);
}

Test(admin, without_a_token_only_this_machine)
{
	static const struct rk_admin none;
	static const char *const local[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
	static const char *const remote[] = {"10.0.0.1",        "128.0.0.1",   "::2",
					     "::ffff:10.0.0.1", "2001:db8::1", "0.0.0.0"};
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		cr_assert_eq(access_of(&none, "", local[i]), RK_ACCESS_GRANTED, "%s", local[i]);
	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
		cr_assert_eq(access_of(&none, "", remote[i]), RK_ACCESS_FORBIDDEN, "%s", remote[i]);
		cr_assert_eq(access_of(&none, "Bearer ", remote[i]), RK_ACCESS_FORBIDDEN, "%s", remote[i]);
	}
	struct sockaddr local_socket = {.sa_family = AF_UNIX};
	cr_assert_eq(rk_admin_access(&none, (struct rk_bytes){0}, &local_socket), RK_ACCESS_GRANTED);
	cr_assert_eq(rk_admin_access(&none, (struct rk_bytes){0}, NULL), RK_ACCESS_FORBIDDEN);
}

Test(admin, with_a_token_everybody_needs_it)
{
	struct rk_admin admin = with_token("0123456789abcdef0123456789abcdef");
	cr_assert_eq(access_of(&admin, "Bearer 0123456789abcdef0123456789abcdef", "10.0.0.1"), RK_ACCESS_GRANTED);
	cr_assert_eq(access_of(&admin, "bearer 0123456789abcdef0123456789abcdef", "127.0.0.1"), RK_ACCESS_GRANTED);
	static const char *const wrong[] = {"",
					    "Bearer",
					    "Bearer ",
					    "Basic 0123456789abcdef0123456789abcdef",
					    "0123456789abcdef0123456789abcdef",
					    "Bearer 0123456789abcdef0123456789abcdeF",
					    "Bearer 0123456789abcdef0123456789abcde",
					    "Bearer 0123456789abcdef0123456789abcdef0",
					    "Bearer  0123456789abcdef0123456789abcdef",
					    "Bearer 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(access_of(&admin, wrong[i], "127.0.0.1"), RK_ACCESS_UNAUTHORIZED, "%s", wrong[i]);
}

static const struct {
	const char *body;
	unsigned status; /* 0: good */
	uint64_t number; /* or the offset of a 400 */
	const char *pointer;
} orders[] = {
	{"", 0, 0, NULL},
	{" \r\n\t", 0, 0, NULL},
	{"{}", 0, 0, NULL},
	{"{\"version\":null}", 0, 0, NULL},
	{" { \"version\" : 3 }\n", 0, 3, NULL},
	{"{\"version\":9223372036854775807}", 0, INT64_MAX, NULL},
	{"{\"version\":0}", 422, 0, "/version"},
	{"{\"version\":-1}", 422, 0, "/version"},
	{"{\"version\":1.0}", 422, 0, "/version"},
	{"{\"version\":\"1\"}", 422, 0, "/version"},
	{"{\"version\":true}", 422, 0, "/version"},
	{"{\"version\":[1]}", 422, 0, "/version"},
	{"{\"versions\":1}", 422, 0, "/versions"},
	{"{\"a/b~c\":1}", 422, 0, "/a~1b~0c"},
	{"{\"\":1}", 422, 0, "/"},
	{"[]", 422, 0, ""},
	{"null", 422, 0, ""},
	{"1", 422, 0, ""},
	{"{", 400, 1, NULL},
	{"{\"version\":1,\"version\":2}", 400, 22, NULL},
	{"{\"version\":1}x", 400, 14, NULL},
	{"{\"version\":99999999999999999999}", 400, 31, NULL},
};

Test(admin_request, reads_the_order_to_reload)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct rk_admin_order order;
		const struct rk_refusal *refusal = &order.refusal;
		bool good = rk_admin_request_read(rk_bytes_of(orders[i].body), &order);
		cr_assert_eq(good, orders[i].status == 0, "%s", orders[i].body);
		if (good) {
			cr_assert_eq(order.number, orders[i].number, "%s", orders[i].body);
			continue;
		}
		cr_assert_eq(refusal->status, orders[i].status, "%s", orders[i].body);
		cr_assert_eq(refusal->has_offset, orders[i].status == 400, "%s", orders[i].body);
		cr_assert_eq(refusal->offset, orders[i].number, "%s: %zu", orders[i].body, (size_t)refusal->offset);
		cr_assert_eq(refusal->pointer == NULL, orders[i].pointer == NULL, "%s", orders[i].body);
		if (orders[i].pointer != NULL)
			cr_assert_str_eq(refusal->pointer, orders[i].pointer);
	}
	struct rk_admin_order order;
	cr_assert_not(rk_admin_request_read((struct rk_bytes){"\0", 1}, &order));
}

Test(admin_request, a_refusal_says_what_was_expected_and_found)
{
	static const struct {
		const char *body, *detail;
	} cases[] = {
		{"{\"version\":\"1\"}", "expected an integer, found a string"},
		{"{\"version\":1.0}", "expected an integer, found a number with a fraction or an exponent"},
		{"{\"version\":0}", "expected an integer of at least 1"},
		{"{\"versions\":1}", "unknown field; the only one is version"},
		{"[]", "expected an object, found an array"},
		{"null", "expected an object, found null"},
		{"{", "the body ends too early"},
		{"{\"version\":1,\"version\":2}", "an object has a key twice"},
		{"{\"version\":1}x", "there is more after the end of the value"},
		{"{\"version\":99999999999999999999}", "a number is out of range"},
		{"{\"version\":01}", "invalid syntax"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_admin_order order;
		cr_assert_not(rk_admin_request_read(rk_bytes_of(cases[i].body), &order), "%s", cases[i].body);
		cr_assert_str_eq(order.refusal.detail, cases[i].detail);
	}
}

Test(admin_request, long_keys_are_cut_between_characters)
{
	char body[512] = "{\"";
	for (int i = 0; i < 100; i++)
		(void)strcat(body, "\xc3\xa4");
	(void)strcat(body, "\":1}");
	struct rk_admin_order order;
	cr_assert_not(rk_admin_request_read(rk_bytes_of(body), &order));
	size_t n = strlen(order.refusal.pointer);
	cr_assert_gt(n, 80);
	cr_assert_eq((n - 1) % 2, 0);
}
