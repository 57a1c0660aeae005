/* Reads that go wrong on the way: pread and fstat are wrapped by the linker (see meson.build). */
#include "loader/file.h"
#include "loader/golden.h"
#include "loader/sha256.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct {
	size_t most;         /* bytes that one read gives; 0: any */
	int interrupt_every; /* every n-th read is interrupted; 0: none */
	int fail_at;         /* the n-th read fails with EIO; 0: none */
	int end_at;          /* the n-th read says that the file has ended; 0: none */
	int touch_at;        /* at the n-th read `touch` is called; 0: none */
	void (*touch)(void);
	int n_reads;
} plan;

ssize_t __real_pread64(int fd, void *buffer, size_t size, off_t offset);
ssize_t __wrap_pread64(int fd, void *buffer, size_t size, off_t offset);
ssize_t __wrap___pread64_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);

ssize_t __wrap_pread64(int fd, void *buffer, size_t size, off_t offset)
{
	int n = ++plan.n_reads;
	if (n == plan.touch_at)
		plan.touch();
	if (plan.interrupt_every > 0 && n % plan.interrupt_every == 0) {
		errno = EINTR;
		return -1;
	}
	if (n == plan.fail_at) {
		errno = EIO;
		return -1;
	}
	if (n == plan.end_at)
		return 0;
	return __real_pread64(fd, buffer, plan.most > 0 && size > plan.most ? plan.most : size, offset);
}

/* the name under _FORTIFY_SOURCE */
ssize_t __wrap___pread64_chk(int fd, void *buffer, size_t size, off_t offset, size_t room)
{
	cr_assert_leq(size, room);
	return __wrap_pread64(fd, buffer, size, offset);
}

static struct test_folder folder;
static char model[256], tensors[320];

static void setup(void)
{
	folder = test_folder_make();
	(void)snprintf(model, sizeof(model), "%s/1", folder.path);
	(void)snprintf(tensors, sizeof(tensors), "%s/model.safetensors", model);
	test_write_model(model);
	memset(&plan, 0, sizeof(plan));
}

static void teardown(void)
{
	test_folder_remove(&folder);
}

TestSuite(file, .init = setup, .fini = teardown);

static enum rk_status try_open(struct rk_error *error)
{
	struct rk_version *version;
	struct rk_version_options options = test_options();
	enum rk_status status = rk_version_open(&version, model, "m", 1, &options, error);
	if (status == RK_OK)
		rk_version_close(version);
	return status;
}

Test(file, short_and_interrupted_reads_go_on)
{
	struct rk_error error = {.status = RK_OK};
	for (size_t most = 1; most < 4000; most = most * 3 + 1) {
		plan.most = most;
		plan.interrupt_every = 3;
		plan.n_reads = 0;
		cr_assert_eq(try_open(&error), RK_OK, "%s", error.message);
		cr_assert_gt(plan.n_reads, 50, "the reads did not come here");
	}
}

/* Every read of a load, failing or ending early: always an error, and nothing is left behind. */
Test(file, every_read_that_fails_or_ends_is_an_error)
{
	struct rk_error error = {.status = RK_OK};
	cr_assert_eq(try_open(&error), RK_OK, "%s", error.message);
	int n = plan.n_reads;
	cr_assert_gt(n, 40);
	for (int k = 1; k <= n; k++) {
		plan.n_reads = 0;
		plan.fail_at = k;
		cr_assert_eq(try_open(&error), RK_IO, "read %d", k);
		cr_assert_not_null(strstr(error.message, "cannot be read: Input/output error"), "%s", error.message);
		plan.fail_at = 0;
		plan.n_reads = 0;
		plan.end_at = k;
		cr_assert_eq(try_open(&error), RK_IO, "read %d", k);
		cr_assert_not_null(strstr(error.message, "the file was cut at byte"), "%s", error.message);
		plan.end_at = 0;
	}
	/* no descriptor has leaked */
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_assert_lt(fd, 30);
	(void)close(fd);
}

static void cut(void)
{
	cr_assert_eq(truncate(tensors, 900), 0);
}

static void grow(void)
{
	int fd = open(tensors, O_WRONLY | O_APPEND | O_CLOEXEC);
	cr_assert_eq(write(fd, "x", 1), 1);
	(void)close(fd);
}

static void rewrite(void)
{
	struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	int fd = open(tensors, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(futimens(fd, past), 0);
	(void)close(fd);
}

Test(file, changes_while_it_is_read_are_seen)
{
	static const struct {
		void (*touch)(void);
		const char *message;
	} cases[] = {
		{cut, "the file was cut at byte "},
		{grow, "the file's size changed from "},
		{rewrite, "the file was written to while it was read"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_bytes whole = test_read(tensors);
		struct rk_error error = {.status = RK_OK};
		plan.n_reads = 0;
		plan.touch_at = 6;
		plan.touch = cases[i].touch;
		cr_expect_eq(try_open(&error), RK_IO);
		cr_expect_not_null(strstr(error.message, cases[i].message), "%s", error.message);
		plan.touch_at = 0;
		test_write(tensors, whole.data, whole.size);
	}
}

Test(file, a_file_larger_than_allowed_is_a_limit)
{
	int fd;
	struct rk_pages pages;
	struct rk_bytes text;
	struct rk_error error = {.status = RK_OK};
	test_write_text(test_path(folder.path, "f"), "12345");
	cr_assert_eq(rk_folder_open(&fd, folder.path, NULL), RK_OK);
	cr_assert_eq(rk_file_read_all(&pages, &text, fd, "f", 4, &error), RK_LIMIT);
	cr_assert_str_eq(error.message, "f: expected at most 4 bytes, found 5");
	cr_assert_eq(rk_file_read_all(&pages, &text, fd, "f", 5, &error), RK_OK);
	cr_assert(rk_bytes_equal(text, rk_bytes_of("12345")));
	rk_pages_close(&pages);
	(void)close(fd);
}
