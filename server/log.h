/*
 * JSON lines on standard error: {"time":…,"level":…,"event":…,"message":…, fields}. One write(2) a line of at most
 * PIPE_BUF bytes, so that lines of several threads never mix; longer lines lose fields and say "cut":true.
 * Never blocks and never allocates: a line that the other end does not take at once is dropped and counted.
 * SIGPIPE must be ignored by the program. Text is escaped: below 0x20, 0x7f, invalid UTF-8, U+2028 and U+2029.
 */
#ifndef RK_SERVER_LOG_H
#define RK_SERVER_LOG_H

#include "model/base/span.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* name, word */
#define RK_LOG_LEVEL_TABLE(X) X(DEBUG, "debug") X(INFO, "info") X(WARN, "warn") X(ERROR, "error")

enum rk_log_level {
#define RK_LOG_LEVEL_ENUM(name, word) RK_LOG_##name,
	RK_LOG_LEVEL_TABLE(RK_LOG_LEVEL_ENUM)
#undef RK_LOG_LEVEL_ENUM
};

enum rk_log_type { RK_LOG_TEXT, RK_LOG_INTEGER, RK_LOG_UNSIGNED, RK_LOG_REAL, RK_LOG_BOOLEAN };

/* One key and its value. The key is a constant of the program (not escaped). */
struct rk_log_field {
	const char *key;
	enum rk_log_type type;
	union {
		struct rk_bytes text;
		int64_t integer;
		uint64_t number;
		double real; /* six digits after the point; null if not finite */
		bool boolean;
	} value;
};

static inline struct rk_log_field rk_log_bytes(const char *key, struct rk_bytes text)
{
	return (struct rk_log_field){key, RK_LOG_TEXT, {.text = text}};
}

static inline struct rk_log_field rk_log_text(const char *key, const char *text)
{
	return rk_log_bytes(key, rk_bytes_of(text));
}

static inline struct rk_log_field rk_log_integer(const char *key, int64_t integer)
{
	return (struct rk_log_field){key, RK_LOG_INTEGER, {.integer = integer}};
}

static inline struct rk_log_field rk_log_unsigned(const char *key, uint64_t number)
{
	return (struct rk_log_field){key, RK_LOG_UNSIGNED, {.number = number}};
}

static inline struct rk_log_field rk_log_real(const char *key, double real)
{
	return (struct rk_log_field){key, RK_LOG_REAL, {.real = real}};
}

static inline struct rk_log_field rk_log_boolean(const char *key, bool boolean)
{
	return (struct rk_log_field){key, RK_LOG_BOOLEAN, {.boolean = boolean}};
}

/* Logs to `fd` from `level` on; before it nothing is logged. Call once, before threads. A pipe is opened anew so that
 * O_NONBLOCK does not reach others who share it. */
void rk_log_open(int fd, enum rk_log_level level);
void rk_log_close(void);

/* Level by its word; `word` must be one of the table (the settings checked it). */
enum rk_log_level rk_log_level_of(const char *word);
bool rk_log_enabled(enum rk_log_level level);

/* `event` is a constant word to filter by; `message` a sentence, NULL for none. */
void rk_log_write(enum rk_log_level level, const char *event, const char *message, const struct rk_log_field *fields,
		  size_t n_fields);

static inline void rk_log(enum rk_log_level level, const char *event, const char *message)
{
	rk_log_write(level, event, message, NULL, 0);
}

/* rk_log_with(RK_LOG_INFO, "loaded", "a model is ready", rk_log_text("name", name), rk_log_unsigned("version", n)); */
#define rk_log_with(level, event, message, ...)                                                                        \
	rk_log_write(level, event, message, (const struct rk_log_field[]){__VA_ARGS__},                                \
		     sizeof((const struct rk_log_field[]){__VA_ARGS__}) / sizeof(struct rk_log_field))

enum { RK_LOG_LINE_BYTES = PIPE_BUF };

/* A line whose fields are JSON already: `members` is `,"key":value` and so on. False: it is longer than a line may be,
 * and nothing was written. */
bool rk_log_members(enum rk_log_level level, const char *event, struct rk_bytes members);

/* Lines that could not be written since the start. */
uint64_t rk_log_dropped(void);

/* Lets one message through a period; zero-initialised (static) by its user; safe from several threads. */
struct rk_log_limit {
	atomic_uint_fast64_t next_ns;    /* CLOCK_MONOTONIC */
	atomic_uint_fast64_t suppressed; /* since the last that passed */
};

/* True if the message may be logged now; *ret_suppressed counts those that were not since the last one. */
bool rk_log_limit_pass(struct rk_log_limit *limit, uint64_t now_ns, uint64_t period_ns, uint64_t *ret_suppressed);

#endif
