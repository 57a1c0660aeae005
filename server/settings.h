/*
 * Every setting of the server, from one table: a key of the config file, a flag (`--drain-delay`) and an environment
 * variable (`RANKD_DRAIN_DELAY`). Precedence: flag > environment > file > default.
 * Anything wrong is RK_INVALID (or RK_IO, RK_MALFORMED for the file) with the message `where: key: reason`; the
 * program then ends with exit code 2.
 */
#ifndef RK_SERVER_SETTINGS_H
#define RK_SERVER_SETTINGS_H

#include "model/base/span.h"
#include "server/address.h"

#include <stdbool.h>
#include <stdint.h>

/* Member of struct rk_settings (= the key), kind, default, lowest, highest, unit, help. The kinds, their members'
 * types: TEXT     char[4096]          NAME    char[65], [A-Za-z0-9._-] ADDRESS  struct rk_address   CHOICE  char[16],
 * one of the words in `unit` COUNT    uint32_t            SIZE    size_t, bytes; also "4MiB", "64KiB" REAL     double
 * BOOLEAN  bool; the flag may stand without a value. An empty default means: none (text, name), or found out at the
 * start (workers). */
#define RK_SETTING_TABLE(X)                                                                                            \
	X(models, TEXT, "models", 1, 4095, "folder", "holds <name>/<version>/")                                        \
	X(default_model, NAME, "", 0, 64, "name", "answers requests that name no model")                               \
	X(listen, ADDRESS, "127.0.0.1:8080", 0, 0, "address", "data port: host:port, [v6]:port or unix:/path")         \
	X(admin, ADDRESS, "127.0.0.1:8081", 0, 1, "address", "admin port: the same, or off")                           \
	X(workers, COUNT, "", 1, 256, "threads", "ranking threads; default: the cores that this process may use")      \
	X(budget_ms, COUNT, "50", 1, 60000, "ms", "time that a request may take")                                      \
	X(queue_ms, COUNT, "35", 1, 60000, "ms",                                                                       \
	  "longest predicted wait; never more than a third of the budget is waited")                                   \
	X(max_body_bytes, SIZE, "4MiB", 1024, 67108864, "bytes", "largest request body")                               \
	X(max_candidates, COUNT, "4096", 1, 65536, "items", "most candidates in a request")                            \
	X(max_history_events, COUNT, "1024", 1, 65536, "events", "most history events in a request")                   \
	X(max_connections, COUNT, "1024", 1, 65536, "connections", "one more gets 503 and is closed")                  \
	X(watch_models, COUNT, "0", 0, 3600, "s",                                                                      \
	  "looks for newer versions of the models this often; 0: only when told to")                                   \
	X(idle_timeout, COUNT, "60", 1, 3600, "s", "a connection without a request is closed after this")              \
	X(request_timeout, COUNT, "10", 1, 3600, "s", "bounds a request's arrival and its answer's sending")           \
	X(drain_delay, REAL, "5", 0, 3600, "s", "keeps serving for this long after SIGTERM")                           \
	X(drain_timeout, REAL, "20", 0, 3600, "s", "ends at the latest this long after drain_delay")                   \
	X(admin_token_file, TEXT, "", 0, 4095, "file", "mode 0600, at least 32 bytes: changes then need this token")   \
	X(cpu, CHOICE, "auto", 0, 0, "auto|scalar|avx2|avx512|amx", "kernels to use")                                  \
	X(sandbox, CHOICE, "auto", 0, 0, "auto|on|off",                                                                \
	  "gives up all files but the models', and system calls; auto: as far as the kernel can, on: or do not start") \
	X(log_level, CHOICE, "info", 0, 0, "debug|info|warn|error", "least level that is logged")                      \
	X(access_log_sample, REAL, "0.01", 0, 1, "share", "share of the requests that is logged")                      \
	X(log_ids, BOOLEAN, "false", 0, 0, "true|false", "logs users' ids with their requests")                        \
	X(record_bodies, BOOLEAN, "false", 0, 0, "true|false",                                                         \
	  "keeps bodies and answers of the slowest requests for GET /v1/slow")

#define RK_SETTING_MEMBER_TEXT(name) char name[4096];
#define RK_SETTING_MEMBER_NAME(name) char name[65];
#define RK_SETTING_MEMBER_ADDRESS(name) struct rk_address name;
#define RK_SETTING_MEMBER_CHOICE(name) char name[16];
#define RK_SETTING_MEMBER_COUNT(name) uint32_t name;
#define RK_SETTING_MEMBER_SIZE(name) size_t name;
#define RK_SETTING_MEMBER_REAL(name) double name;
#define RK_SETTING_MEMBER_BOOLEAN(name) bool name;

/* The values in force. Texts and names are "" where there is none. */
struct rk_settings {
#define RK_SETTING_MEMBER(name, kind, fallback, low, high, unit, help) RK_SETTING_MEMBER_##kind(name)
	RK_SETTING_TABLE(RK_SETTING_MEMBER)
#undef RK_SETTING_MEMBER
};

/* What the command line asks for besides settings. */
enum rk_settings_request { RK_SETTINGS_SERVE, RK_SETTINGS_PRINT_CONFIG, RK_SETTINGS_HELP };

void rk_settings_default(struct rk_settings *ret_settings);

/* Reads `--config FILE`, then the environment ("NAME=value" strings, NULL-terminated), then the flags. `arguments`
 * are those after the command word. Understands --config, --print-config and --help besides the table's flags. */
RK_NODISCARD enum rk_status rk_settings_load(int n_arguments, char *const *arguments, char *const *environment,
					     struct rk_settings *ret_settings, enum rk_settings_request *ret_request,
					     struct rk_error *reterr);

/* Lays a config file's text over *settings (server/settings_file.c). `where` names it in messages. */
RK_NODISCARD enum rk_status rk_settings_merge_file(struct rk_settings *settings, const char *where,
						   struct rk_bytes text, struct rk_error *reterr);

/* Sets one setting from its text. Returns RK_NOT_FOUND for an unknown key. The message is `where: key: reason`. */
RK_NODISCARD enum rk_status rk_settings_set(struct rk_settings *settings, const char *where, const char *key,
					    const char *text, struct rk_error *reterr);

/* The values in force as a JSON object, a key a line, NUL-terminated: what --print-config shows, and a valid config
 * file. Returns the length; 64 KiB suffice (asserted). */
size_t rk_settings_write(const struct rk_settings *settings, char *ret_text, size_t size);

/* The flags, from the table, a line each, NUL-terminated. Returns the length; 16 KiB suffice (asserted). */
size_t rk_settings_write_help(char *ret_text, size_t size);

/* Reads the admin token: a regular file of mode 0600 (nothing for group and others), 32 … 4096 bytes after trailing
 * line ends are cut off, no NUL. *ret_bytes is its length. The message does not hold the token. */
RK_NODISCARD enum rk_status rk_settings_read_token(const char *path, char *ret_token, size_t size, size_t *ret_bytes,
						   struct rk_error *reterr);

#endif
