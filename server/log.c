/*
 * A line is built on the stack and leaves in one write. How not to block depends on what standard error is: a pipe is
 * opened anew with O_NONBLOCK, a socket is sent to with MSG_DONTWAIT, anything else is asked by poll first.
 * Invariant: after rk_log_open only atomics change, so that any thread may log at any time.
 */
#include "server/log.h"

#include "model/base/check.h"
#include "server/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_LINE_BYTES = RK_LOG_LINE_BYTES,
	MAX_VALUE_BYTES = 1024,
	END_RESERVE_BYTES = 16, /* for ,"cut":true}\n */
};

enum sink { SINK_NONE, SINK_NONBLOCKING, SINK_SOCKET, SINK_POLLED };

static struct {
	enum sink sink;
	int fd;
	bool owned; /* fd was opened here */
	enum rk_log_level level;
	atomic_uint_fast64_t n_dropped;
	atomic_bool torn; /* the last line left in part: the next one starts on a line of its own */
} logger;

static const char *const level_words[] = {
#define LEVEL_WORD(name, word) word,
	RK_LOG_LEVEL_TABLE(LEVEL_WORD)
#undef LEVEL_WORD
};

enum { N_LEVELS = sizeof(level_words) / sizeof(level_words[0]) };

void rk_log_open(int fd, enum rk_log_level level)
{
	struct stat stat;
	bool known = fstat(fd, &stat) == 0;
	logger.fd = fd;
	logger.owned = false;
	logger.level = level;
	logger.sink = SINK_POLLED;
	if (known && S_ISSOCK(stat.st_mode)) {
		logger.sink = SINK_SOCKET;
	} else if (known && S_ISFIFO(stat.st_mode)) {
		char path[32];
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		int again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (again >= 0) {
			logger.fd = again;
			logger.owned = true;
			logger.sink = SINK_NONBLOCKING;
		}
	}
}

void rk_log_close(void)
{
	if (logger.owned)
		(void)close(logger.fd);
	logger.owned = false;
	logger.sink = SINK_NONE;
}

enum rk_log_level rk_log_level_of(const char *word)
{
	int level = 0;
	while (level < N_LEVELS && strcmp(level_words[level], word) != 0)
		level++;
	RK_ASSERT(level < N_LEVELS);
	return (enum rk_log_level)level;
}

bool rk_log_enabled(enum rk_log_level level)
{
	return logger.sink != SINK_NONE && level >= logger.level;
}

uint64_t rk_log_dropped(void)
{
	return atomic_load_explicit(&logger.n_dropped, memory_order_relaxed);
}

/* 2022-04-24T18:45:41.123Z. By hand, since gmtime_r reads the time zone file (and allocates) at its first call.
 * Days to date: years are counted from March, so that the leap day is a year's last. */
static void put_time(struct rk_text *text)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	int64_t days = now.tv_sec / 86400 + 719468; /* since 0000-03-01 */
	int64_t second = now.tv_sec % 86400;
	int64_t era = days / 146097; /* 400 years */
	int64_t day_of_era = days % 146097;
	int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day = day_of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day + 2) / 153; /* 0 = March */
	day -= (153 * month + 2) / 5;
	year += era * 400 + (month >= 10);
	month = month < 10 ? month + 3 : month - 9;
	char stamp[64];
	int n = snprintf(stamp, sizeof(stamp), "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", (int)year,
			 (int)month, (int)day + 1, (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60),
			 (int)(now.tv_nsec / 1000000));
	rk_text_put(text, stamp, (size_t)n);
}

static void put_value(struct rk_text *text, const struct rk_log_field *field)
{
	struct rk_bytes bytes;
	switch (field->type) {
	case RK_LOG_TEXT:
		bytes = field->value.text;
		bytes.size = bytes.size < MAX_VALUE_BYTES ? bytes.size : MAX_VALUE_BYTES;
		rk_text_put_json_untrusted(text, bytes);
		break;
	case RK_LOG_INTEGER:
		rk_text_put_integer(text, field->value.integer);
		break;
	case RK_LOG_UNSIGNED:
		rk_text_put_unsigned(text, field->value.number);
		break;
	case RK_LOG_REAL:
		rk_text_put_fixed(text, field->value.real, 6);
		break;
	case RK_LOG_BOOLEAN:
		rk_text_put_text(text, field->value.boolean ? "true" : "false");
		break;
	}
}

/* Whole or not at all: *ret_cut when it did not fit. */
static void put_field(struct rk_text *text, const struct rk_log_field *field, bool *ret_cut)
{
	struct rk_text before = *text;
	rk_text_put_text(text, ",\"");
	rk_text_put_text(text, field->key);
	rk_text_put_text(text, "\":");
	put_value(text, field);
	if (text->overflowed) {
		*text = before;
		*ret_cut = true;
	}
}

static void put_text_field(struct rk_text *text, const char *key, const char *value, bool *ret_cut)
{
	struct rk_log_field field = rk_log_text(key, value);
	put_field(text, &field, ret_cut);
}

static ssize_t send_once(const char *line, size_t size)
{
	struct pollfd ready = {.fd = logger.fd, .events = POLLOUT};
	switch (logger.sink) {
	case SINK_SOCKET:
		return send(logger.fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	case SINK_POLLED:
		return poll(&ready, 1, 0) == 1 ? write(logger.fd, line, size) : -1;
	case SINK_NONBLOCKING:
		return write(logger.fd, line, size);
	case SINK_NONE:
		break;
	}
	return -1;
}

static void send_line(const char *line, size_t size)
{
	ssize_t n;
	do {
		errno = 0;
		n = send_once(line, size);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)size)
		return;
	atomic_fetch_add_explicit(&logger.n_dropped, 1, memory_order_relaxed);
	if (n > 0)
		atomic_store_explicit(&logger.torn, true, memory_order_relaxed);
}

void rk_log_write(enum rk_log_level level, const char *event, const char *message, const struct rk_log_field *fields,
		  size_t n_fields)
{
	if (!rk_log_enabled(level))
		return;
	char line[MAX_LINE_BYTES];
	struct rk_text text;
	bool cut = false;
	rk_text_init(&text, line, sizeof(line));
	text.size -= END_RESERVE_BYTES;
	if (atomic_exchange_explicit(&logger.torn, false, memory_order_relaxed))
		rk_text_put_char(&text, '\n');
	put_time(&text);
	put_text_field(&text, "level", level_words[level], &cut);
	put_text_field(&text, "event", event, &cut);
	if (message != NULL)
		put_text_field(&text, "message", message, &cut);
	for (size_t i = 0; i < n_fields; i++)
		put_field(&text, &fields[i], &cut);
	text.size += END_RESERVE_BYTES;
	rk_text_put_text(&text, cut ? ",\"cut\":true}\n" : "}\n");
	send_line(text.data, text.used);
}

bool rk_log_members(enum rk_log_level level, const char *event, struct rk_bytes members)
{
	if (!rk_log_enabled(level))
		return true;
	char line[MAX_LINE_BYTES];
	struct rk_text text;
	bool cut = false;
	rk_text_init(&text, line, sizeof(line));
	rk_text_put_char(&text, '\n'); /* in case that the line before is torn */
	put_time(&text);
	put_text_field(&text, "level", level_words[level], &cut);
	put_text_field(&text, "event", event, &cut);
	rk_text_put(&text, members.data, members.size);
	rk_text_put_text(&text, "}\n");
	if (text.overflowed)
		return false;
	size_t skip = atomic_exchange_explicit(&logger.torn, false, memory_order_relaxed) ? 0 : 1;
	send_line(text.data + skip, text.used - skip);
	return true;
}

bool rk_log_limit_pass(struct rk_log_limit *limit, uint64_t now_ns, uint64_t period_ns, uint64_t *ret_suppressed)
{
	uint_fast64_t next = atomic_load_explicit(&limit->next_ns, memory_order_relaxed);
	if (now_ns < next || !atomic_compare_exchange_strong(&limit->next_ns, &next, now_ns + period_ns)) {
		atomic_fetch_add_explicit(&limit->suppressed, 1, memory_order_relaxed);
		return false;
	}
	*ret_suppressed = atomic_exchange_explicit(&limit->suppressed, 0, memory_order_relaxed);
	return true;
}
