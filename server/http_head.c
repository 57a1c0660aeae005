/*
 * The head as the library shows it, held against its bytes.
 *
 * libmicrohttpd takes a line that begins with a colon or a NUL for the empty line that ends the head, cuts a value at a
 * NUL and joins folded lines. It does not show any of it, and what follows is a body or another request to it, but not
 * to others. So the fields are followed through its memory: a head is one piece of it, of a size that it tells, in
 * which line ends and the colons behind names have become NULs. Between the fields nothing else may stand.
 */
#include "server/http_internal.h"

#include "model/base/check.h"

#include <string.h>

/* As far as the head has been followed. */
struct walk {
	struct rk_guard *guard;
	const char *at, *end;
	size_t line_end; /* bytes of one, all alike: CR LF or a bare LF; 0: not known yet */
	bool is_clean;
};

/* Goes on to `next` over what may stand between two parts of a field. Returns how far that was. */
static size_t go_to(struct walk *walk, const char *next, size_t size)
{
	uintptr_t at = (uintptr_t)walk->at, end = (uintptr_t)walk->end, target = (uintptr_t)next;
	if (target < at || target > end || size > end - target) { /* a folded value is elsewhere in memory */
		walk->is_clean = false;
		return 0;
	}
	for (; walk->at != next; walk->at++)
		walk->is_clean = walk->is_clean && strchr(" \t\r\n", *walk->at) != NULL; /* a NUL is found too */
	walk->at = next + size;
	return target - at;
}

/* The same over `n` line ends. */
static void go_over_lines(struct walk *walk, size_t n, const char *next, size_t size)
{
	size_t passed = go_to(walk, next, size);
	if (walk->line_end == 0)
		walk->line_end = passed / n;
	walk->is_clean = walk->is_clean && walk->line_end <= 2 && passed == n * walk->line_end;
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_size,
				   const char *value, size_t value_size)
{
	(void)kind;
	struct walk *walk = context;
	go_over_lines(walk, 1, name, name_size);
	if (value != NULL)
		(void)go_to(walk, value, value_size);
	rk_guard_header(walk->guard, (struct rk_bytes){name, name_size},
			(struct rk_bytes){value == NULL ? "" : value, value == NULL ? 0 : value_size});
	return MHD_YES;
}

void rk_http_read_head(struct MHD_Connection *mhd, const char *method, const char *version, struct rk_guard *guard)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	RK_ASSERT(info != NULL);
	const char *end = method + info->header_size, *start = version + strlen(version);
	/* a request line without a version has one that is elsewhere */
	bool is_inside = (uintptr_t)version >= (uintptr_t)method && (uintptr_t)start <= (uintptr_t)end;
	struct walk walk = {.guard = guard, .at = is_inside ? start : end, .end = end, .is_clean = is_inside};
	(void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, take_header, &walk);
	go_over_lines(&walk, 2, walk.end, 0); /* the last field's and the empty one */
	if (!walk.is_clean)
		rk_guard_malformed(guard,
				   "a NUL, a folded line, a line without a name or two kinds of line ends in the head");
}
