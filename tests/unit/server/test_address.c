#include "server/address.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(address, forms_are_read_and_written_back)
{
	static const char *const texts[] = {"off",       "127.0.0.1:8080",       "localhost:0",       "[::1]:65535",
					    "[::]:8080", "unix:/run/rankd.sock", "a-b.c_d.example:80"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rk_address address;
		char text[RK_ADDRESS_TEXT_BYTES];
		cr_assert_eq(rk_address_parse(texts[i], &address, NULL), RK_OK, "%s", texts[i]);
		rk_address_write(&address, text, sizeof(text));
		cr_assert_str_eq(text, texts[i]);
	}
}

Test(address, parts)
{
	struct rk_address address;
	cr_assert_eq(rk_address_parse("[2001:db8::1]:443", &address, NULL), RK_OK);
	cr_assert_eq(address.kind, RK_ADDRESS_TCP);
	cr_assert_str_eq(address.host, "2001:db8::1");
	cr_assert_eq(address.port, 443);
	cr_assert_eq(rk_address_parse("unix:/a", &address, NULL), RK_OK);
	cr_assert_eq(address.kind, RK_ADDRESS_UNIX);
	cr_assert_str_eq(address.path, "/a");
}

Test(address, anything_else_is_refused)
{
	static const char *const texts[] = {
		"",         ":",         "8080",         ":8080",       "host",     "host:",     "host:65536",
		"host:-1",  "host:+1",   "host:8 ",      "host:0x50",   "::1:8080", "[::1]8080", "[::1]",
		"[]:80",    "[host]:80", "[1.2.3.4]:80", "a b:80",      "a/b:80",   "unix:",     "unix:a",
		"unix:./a", "Off",       "http://h:80",  "host:000080", "[::1:80",  "::1]:80"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rk_address address = {.port = 7};
		struct rk_error error = {0};
		cr_assert_eq(rk_address_parse(texts[i], &address, &error), RK_INVALID, "%s", texts[i]);
		cr_assert_eq(address.port, 7, "written only on success");
		cr_assert_neq(error.message[0], '\0');
	}
}

Test(address, lengths_have_limits)
{
	struct rk_address address;
	char text[400] = "unix:/";
	memset(text + 6, 'a', 106);
	cr_assert_eq(rk_address_parse(text, &address, NULL), RK_OK);
	strcat(text, "a");
	cr_assert_eq(rk_address_parse(text, &address, NULL), RK_INVALID);
	memset(text, 'h', 255);
	(void)snprintf(text + 255, sizeof(text) - 255, ":1");
	cr_assert_eq(rk_address_parse(text, &address, NULL), RK_OK);
	memset(text, 'h', 256);
	(void)snprintf(text + 256, sizeof(text) - 256, ":1");
	cr_assert_eq(rk_address_parse(text, &address, NULL), RK_INVALID);
}
