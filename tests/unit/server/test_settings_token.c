/* The admin token's file: who may read it, how long it is, what it may hold. */
#include "server/settings.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rk_error error;

static enum rk_status read_token(const char *text, size_t size, mode_t mode, char *ret_token, size_t room,
				 size_t *ret_bytes)
{
	char path[] = "/tmp/rankd-token-XXXXXX";
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, size), (ssize_t)size);
	cr_assert_eq(fchmod(fd, mode), 0);
	(void)close(fd);
	error = (struct rk_error){0};
	enum rk_status status = rk_settings_read_token(path, ret_token, room, ret_bytes, &error);
	(void)unlink(path);
	return status;
}

Test(settings_token, token)
{
	static char text[5000], token[4096];
	size_t n = 0;
	memset(text, 't', sizeof(text));
	cr_assert_eq(read_token(text, 32, 0600, token, sizeof(token), &n), RK_OK, "%s", error.message);
	cr_assert_eq(n, 32);
	cr_assert_eq(memcmp(token, text, 32), 0);
	text[40] = '\r';
	text[41] = '\n';
	cr_assert_eq(read_token(text, 42, 0400, token, sizeof(token), &n), RK_OK);
	cr_assert_eq(n, 40);
	text[40] = text[41] = 't';
	cr_assert_eq(read_token(text, 4096, 0600, token, sizeof(token), &n), RK_OK);
	cr_assert_eq(n, 4096);
	cr_assert_eq(read_token(text, 4097, 0600, token, sizeof(token), &n), RK_INVALID);
	cr_assert_eq(read_token(text, 5000, 0600, token, sizeof(token), &n), RK_INVALID);
	cr_assert_not_null(strstr(error.message, "expected a token of 32 to 4096 bytes, found more than 4096"));
	cr_assert_eq(read_token(text, 31, 0600, token, sizeof(token), &n), RK_INVALID);
	cr_assert_not_null(strstr(error.message, "expected a token of 32 to 4096 bytes, found 31"));
	cr_assert_eq(read_token(text, 64, 0600, token, 63, &n), RK_LIMIT);
	cr_assert_eq(read_token(text, 64, 0640, token, sizeof(token), &n), RK_INVALID);
	cr_assert_not_null(strstr(error.message, "expected mode 0600, found 0640"));
	cr_assert_eq(read_token(text, 64, 0604, token, sizeof(token), &n), RK_INVALID);
	cr_assert_null(strstr(error.message, "ttt"));
	cr_assert_eq(rk_settings_read_token("/tmp", token, sizeof(token), &n, &error), RK_INVALID);
	cr_assert_eq(rk_settings_read_token("/nowhere/token", token, sizeof(token), &n, &error), RK_IO);
}

Test(settings_token, what_no_header_can_carry_is_refused)
{
	static const struct {
		size_t at;
		char byte;
	} cases[] = {{5, '\0'}, {5, '\n'}, {5, '\r'}, {5, 0x1b}, {5, 0x7f}, {0, ' '}, {0, '\t'}, {39, ' '}, {39, '\t'}};
	char text[40], token[4096];
	size_t n = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(text, 't', sizeof(text));
		text[cases[i].at] = cases[i].byte;
		cr_assert_eq(read_token(text, sizeof(text), 0600, token, sizeof(token), &n), RK_INVALID, "%zu", i);
		cr_assert_not_null(strstr(error.message, "on one line"), "%s", error.message);
	}
	memset(text, 't', sizeof(text));
	text[5] = ' ';
	text[6] = (char)0xc3;
	text[7] = (char)0xa9;
	cr_assert_eq(read_token(text, sizeof(text), 0600, token, sizeof(token), &n), RK_OK, "%s", error.message);
}
