/*
 * Status codes and error details.
 *
 * Everything that can fail on input, a limit or the environment returns an
 * `enum rk_status`; the human-readable detail goes to an optional
 * `struct rk_error *reterr` (always the last parameter, NULL when unwanted).
 * Below server/ nothing logs or exits; only server/ maps a status to an HTTP code.
 */
#ifndef RK_BASE_STATUS_H
#define RK_BASE_STATUS_H

#include <stddef.h>

#define RK_NODISCARD __attribute__((warn_unused_result))
#define RK_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* name, text */
#define RK_STATUS_TABLE(X)                                                                                             \
	X(OK, "ok")                                                                                                    \
	X(INVALID, "invalid input")     /* well-formed, but breaks a rule */                                           \
	X(MALFORMED, "malformed input") /* cannot be parsed at all */                                                  \
	X(LIMIT, "limit exceeded")      /* larger than a configured or built-in limit */                               \
	X(NOT_FOUND, "not found")       /* no such file, model, tensor */                                              \
	X(MISMATCH, "mismatch")         /* golden answers differ from ours */                                          \
	X(NO_MEMORY, "out of memory")                                                                                  \
	X(IO, "input/output error")                                                                                    \
	X(BUSY, "busy")

enum rk_status {
#define RK_STATUS_ENUM(name, text) RK_##name,
	RK_STATUS_TABLE(RK_STATUS_ENUM)
#undef RK_STATUS_ENUM
};

/* Detail of a failure. `message` is one line of UTF-8, cut at the end if too long. */
struct rk_error {
	enum rk_status status;
	char message[512];
};

/* Constant text of a status. Never NULL. */
const char *rk_status_text(enum rk_status status);

/* Fills *reterr (if not NULL) and returns `status`, so that a failure is one statement:
 *     return rk_error_set(reterr, RK_INVALID, "%s: expected %s, found %s", key, want, got); */
enum rk_status rk_error_set(struct rk_error *reterr, enum rk_status status, const char *format, ...) RK_PRINTF(3, 4);

/* Puts "prefix: " before the message, to name the file or the tensor on the way up. Returns reterr's status. */
enum rk_status rk_error_prefix(struct rk_error *reterr, enum rk_status status, const char *format, ...) RK_PRINTF(3, 4);

#endif
