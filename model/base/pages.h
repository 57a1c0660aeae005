/* Large private mappings: page-aligned, zeroed, given back whole. The only way this project takes big memory. */
#ifndef RK_BASE_PAGES_H
#define RK_BASE_PAGES_H

#include "model/base/status.h"

#include <stddef.h>

struct rk_pages {
	void *base;
	size_t size; /* bytes, a multiple of the page size */
};

/* Maps at least `size` bytes (size 0 maps nothing and succeeds). Physical memory is taken when touched;
 * huge pages are asked for from 2 MiB upwards. RK_NO_MEMORY when the kernel refuses. */
RK_NODISCARD enum rk_status rk_pages_open(struct rk_pages *ret_pages, size_t size, struct rk_error *reterr);

/* Unmaps; safe on a zeroed struct, and twice. */
void rk_pages_close(struct rk_pages *pages);

/* For what is used only in part: there a huge page would take 2 MiB for a few bytes. */
void rk_pages_refuse_huge(const struct rk_pages *pages);

/* Touches every page, so that none is faulted in on a request's way. */
void rk_pages_touch(const struct rk_pages *pages);

#endif
