/*
 * How many heap allocations the program's own code has made. The program is linked with --wrap, so that every call of
 * malloc and its kin in our objects goes through server/heap_wrap.c and is counted; what shared libraries allocate
 * inside themselves (libmicrohttpd: one a request and three a header) is not ours and not counted. Loading a model
 * allocates; answering a request must not.
 */
#ifndef RK_SERVER_HEAP_H
#define RK_SERVER_HEAP_H

#include <stdint.h>

uint64_t rk_heap_allocations(void);

/* Counts one more; for server/heap_wrap.c. */
void rk_heap_count(void);

#endif
