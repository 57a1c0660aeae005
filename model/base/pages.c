#include "model/base/pages.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE_BYTES = 2 * 1024 * 1024 };

static size_t page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);
	return size > 0 ? (size_t)size : 4096;
}

enum rk_status rk_pages_open(struct rk_pages *ret_pages, size_t size, struct rk_error *reterr)
{
	if (size == 0) {
		*ret_pages = (struct rk_pages){0};
		return RK_OK;
	}
	size_t page = page_size();
	size_t rounded;
	if (__builtin_add_overflow(size, page - 1, &rounded))
		return rk_error_set(reterr, RK_NO_MEMORY, "cannot map %zu bytes", size);
	rounded -= rounded % page;
	void *base = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return rk_error_set(reterr, RK_NO_MEMORY, "cannot map %zu bytes: %s", rounded, strerror(errno));
	if (rounded >= HUGE_PAGE_BYTES)
		(void)madvise(base, rounded, MADV_HUGEPAGE); /* a hint: without it all works, only slower */
	*ret_pages = (struct rk_pages){base, rounded};
	return RK_OK;
}

void rk_pages_close(struct rk_pages *pages)
{
	if (pages->base != NULL)
		(void)munmap(pages->base, pages->size);
	*pages = (struct rk_pages){0};
}

void rk_pages_refuse_huge(const struct rk_pages *pages)
{
	if (pages->size > 0)
		(void)madvise(pages->base, pages->size, MADV_NOHUGEPAGE); /* a hint */
}

void rk_pages_touch(const struct rk_pages *pages)
{
	volatile char *bytes = pages->base;
	size_t page = page_size();
	for (size_t at = 0; at < pages->size; at += page)
		bytes[at] = bytes[at];
}
