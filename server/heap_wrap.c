/*
 * What malloc and its kin are in this program's own objects: the linker's --wrap sends `malloc` here and leaves
 * `__real_malloc` for the library's. The names are the linker's, hence asm labels.
 */
#include "server/heap.h"

#include <stddef.h>

#define RK_WRAP(name, result, parameters, arguments)                                                                   \
	result rk_heap_real_##name parameters __asm__("__real_" #name);                                                \
	result rk_heap_##name parameters __asm__("__wrap_" #name);                                                     \
	result rk_heap_##name parameters                                                                               \
	{                                                                                                              \
		rk_heap_count();                                                                                       \
		return rk_heap_real_##name arguments;                                                                  \
	}

RK_WRAP(malloc, void *, (size_t size), (size))
RK_WRAP(calloc, void *, (size_t n, size_t size), (n, size))
RK_WRAP(realloc, void *, (void *memory, size_t size), (memory, size))
RK_WRAP(reallocarray, void *, (void *memory, size_t n, size_t size), (memory, n, size))
RK_WRAP(aligned_alloc, void *, (size_t alignment, size_t size), (alignment, size))
RK_WRAP(posix_memalign, int, (void **memory, size_t alignment, size_t size), (memory, alignment, size))
RK_WRAP(strdup, char *, (const char *text), (text))
RK_WRAP(strndup, char *, (const char *text, size_t size), (text, size))
