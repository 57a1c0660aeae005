/*
 * Counts heap allocations of a running program, by who asked: libmicrohttpd, or anybody else. Loaded with LD_PRELOAD.
 * The counts lie in the file that ALLOC_COUNT_FILE names, mapped and shared, so that a test reads them at any time
 * without disturbing the program. The caller is told from the return address; functions of libc that allocate for their
 * caller (strdup and its kin) are replaced too, since the address would be libc's.
 */
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_CALLERS = 64 };

/* What the file holds: read by tests/alloc/test_allocations.py. */
struct counts {
	atomic_uint_fast64_t http_allocations, http_frees; /* libmicrohttpd's */
	atomic_uint_fast64_t own_allocations, own_frees;   /* everybody else's */
	atomic_uint_fast64_t base;                         /* where the program is loaded */
	atomic_uint_fast64_t n_callers;                    /* of own allocations, ever */
	atomic_uint_fast64_t callers[N_CALLERS];           /* the latest of them, a ring of return addresses */
};

static struct counts before; /* what happens before the constructor; never read */
static struct counts *counts = &before;
static uintptr_t http_begin, http_end;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static int find_http(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	bool *is_first = context;
	if (*is_first)
		atomic_store(&counts->base, info->dlpi_addr);
	*is_first = false;
	if (!strstr(info->dlpi_name, "libmicrohttpd"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		http_begin = info->dlpi_addr + segment->p_vaddr;
		http_end = http_begin + segment->p_memsz;
	}
	return 0;
}

__attribute__((constructor)) static void open_counts(void)
{
	const char *path = getenv("ALLOC_COUNT_FILE");
	if (!path)
		return;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*counts)) != 0)
		abort();
	void *memory = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	close(fd);
	counts = memory;
	dl_iterate_phdr(find_http, &(bool){true});
}

static bool is_http(uintptr_t caller)
{
	return caller >= http_begin && caller < http_end;
}

static void count_allocation(uintptr_t caller)
{
	if (is_http(caller)) {
		atomic_fetch_add(&counts->http_allocations, 1);
		return;
	}
	atomic_fetch_add(&counts->own_allocations, 1);
	uint_fast64_t place = atomic_fetch_add(&counts->n_callers, 1);
	atomic_store(&counts->callers[place % N_CALLERS], caller);
}

#define CALLER ((uintptr_t)__builtin_return_address(0))

void *malloc(size_t size)
{
	count_allocation(CALLER);
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count_allocation(CALLER);
	return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
	count_allocation(CALLER);
	return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count_allocation(CALLER);
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
	count_allocation(CALLER);
	*ret_memory = __libc_memalign(alignment, size);
	return *ret_memory ? 0 : 12; /* ENOMEM */
}

static char *copy_text(const char *text, size_t size)
{
	char *copy = __libc_malloc(size + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return copy;
}

char *strdup(const char *text)
{
	count_allocation(CALLER);
	return copy_text(text, strlen(text));
}

char *strndup(const char *text, size_t size)
{
	count_allocation(CALLER);
	return copy_text(text, strnlen(text, size));
}

void free(void *memory)
{
	if (memory)
		atomic_fetch_add(is_http(CALLER) ? &counts->http_frees : &counts->own_frees, 1);
	__libc_free(memory);
}
