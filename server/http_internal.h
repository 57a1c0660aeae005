/* What server/http*.c share. The only header that includes libmicrohttpd's. */
#ifndef RK_SERVER_HTTP_INTERNAL_H
#define RK_SERVER_HTTP_INTERNAL_H

#include "server/http.h"
#include "server/io_policy.h"
#include "server/log.h"
#include "server/server.h"

#include <microhttpd.h>

enum { RK_CONNECTION_MAGIC = 0xc0117ec7 & 0x7fffffff, RK_HTTP_SCRATCH_BYTES = 32 * 1024 };

/* Answers that are prepared ahead and shared: enumerator, status, problem or -1, body where it is no problem. */
#define RK_READY_ANSWER_TABLE(X)                                                                                       \
	X(LIVE, 200, "{\"status\":\"live\"}")                                                                          \
	X(READY, 200, "{\"status\":\"ready\"}")                                                                        \
	X(STARTED, 200, "{\"status\":\"started\"}")                                                                    \
	X(OPTIONS_GET, 204, "")                                                                                        \
	X(OPTIONS_POST, 204, "")                                                                                       \
	X(SHED, 429, NULL)                                                                                             \
	X(SHED_LATER, 429, NULL)                                                                                       \
	X(NOT_READY, 503, NULL)                                                                                        \
	X(DRAINING, 503, NULL)                                                                                         \
	X(TOO_LARGE, 413, NULL)                                                                                        \
	X(VERSION, 505, NULL)

enum rk_ready_answer {
#define RK_READY_ANSWER_ENUM(name, status, body) RK_READY_##name,
	RK_READY_ANSWER_TABLE(RK_READY_ANSWER_ENUM)
#undef RK_READY_ANSWER_ENUM
		RK_N_READY_ANSWERS
};

struct rk_http {
	enum rk_listener listener;
	struct rk_server *server;
	struct MHD_Daemon *daemon;
	struct rk_guard_limits guard_limits;
	char too_large_detail[128];
	struct rk_canned too_large; /* in the middle of a body, where the library takes no answer */
	/* [answer][whether it ends the connection] */
	struct MHD_Response *ready[RK_N_READY_ANSWERS][2];
	char ready_text[RK_N_READY_ANSWERS][512];
	/* connections */
	uint32_t max_connections;
	uint32_t n_pool;            /* and one for ourselves */
	struct rk_connection *pool; /* [n_pool] */
	struct rk_connection *free; /* I/O thread only */
	atomic_uint n_connections, n_suspended, n_busy;
	struct rk_pages memory, small_bodies;
	/* I/O thread only */
	char scratch[RK_HTTP_SCRATCH_BYTES];
	struct rk_pages text; /* admin: metrics and models are written here */
	struct rk_io_policy policy;
	uint32_t n_logged; /* requests since the last that the access log took */
	struct rk_log_limit log_limit_library, log_limit_shed, log_limit_slow;
};

/* The library's own options; server/http_log.c. */
void rk_http_log_library(void *context, const char *format, va_list arguments);
void rk_http_panic(void *context, const char *file, unsigned int line, const char *reason);
void rk_http_log_request(struct rk_http *http, const struct rk_connection *connection);

/* The handler of both daemons; server/http_exchange.c. */
enum MHD_Result rk_http_handle(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
			       const char *version, const char *upload, size_t *upload_size, void **exchange);
void *rk_http_begin(void *context, const char *uri, struct MHD_Connection *mhd);
void rk_http_complete(void *context, struct MHD_Connection *mhd, void **exchange, enum MHD_RequestTerminationCode why);
/* If the reaper has answered with 408, that is the exchange's status from here on, and it is counted. */
void rk_http_count_timeout(struct rk_http *http, struct rk_connection *connection);
void rk_http_resume(struct MHD_Connection *mhd, struct rk_http *http);
void rk_http_suspend(struct MHD_Connection *mhd, struct rk_http *http);

/* Tells the guard the fields of the head, and what the library hides of them; server/http_head.c. `method` and
 * `version` are those that the handler gets. */
void rk_http_read_head(struct MHD_Connection *mhd, const char *method, const char *version, struct rk_guard *guard);

/* Answers; server/http_reply.c. Each queues exactly one, or returns MHD_NO, which ends the connection. */
RK_NODISCARD enum rk_status rk_http_ready_open(struct rk_http *http, struct rk_error *reterr);
void rk_http_ready_close(struct rk_http *http);
enum MHD_Result rk_http_queue(struct rk_connection *connection, struct MHD_Connection *mhd, unsigned status,
			      struct MHD_Response *response);
enum MHD_Result rk_http_answer_ready(struct rk_connection *connection, struct MHD_Connection *mhd,
				     enum rk_ready_answer answer);
enum MHD_Result rk_http_answer_refusal(struct rk_connection *connection, struct MHD_Connection *mhd,
				       const struct rk_refusal *refusal);
enum MHD_Result rk_http_answer_text(struct rk_connection *connection, struct MHD_Connection *mhd, const char *type,
				    struct rk_bytes text);
/* Whether the one who sent the request is told to come back a second later than others are: half of them, so that those
 * who were shed together do not come back together. */
bool rk_http_is_later(uint64_t received_ns);
bool rk_http_add_header(struct MHD_Response *response, const char *name, const char *value);
bool rk_http_add_closing(const struct rk_http *http, struct MHD_Response *response);
/* `traceparent`, where the request had a valid one. */
bool rk_http_add_trace(const struct rk_connection *connection, struct MHD_Response *response);
struct rk_refusal rk_http_refusal(enum rk_problem problem, const char *detail);
/* Makes the exchange's answer a refusal, given once the body has been thrown away. */
void rk_http_refuse_later(struct rk_connection *connection, enum rk_problem problem, const char *detail);

/* POST /rank; server/http_rank.c: when the head has been let through, for each piece of the body, at its end, and when
 * the worker is done. */
void rk_http_rank_begin(struct rk_connection *connection);
/* The smaller of the setting and the headers'; the body may name one that is smaller still. */
double rk_http_budget_ms(const struct rk_connection *connection);
void rk_http_rank_receive(struct rk_connection *connection, const char *data, size_t size);
enum MHD_Result rk_http_rank_end(struct rk_connection *connection, struct MHD_Connection *mhd);
enum MHD_Result rk_http_rank_answer(struct rk_connection *connection, struct MHD_Connection *mhd);

/* The console's files; server/http_console.c. */
enum MHD_Result rk_http_console_answer(struct rk_connection *connection, struct MHD_Connection *mhd);

/* The admin port's routes; server/http_admin.c: at the end of the request, and when the reloader is done. */
enum MHD_Result rk_http_admin_answer(struct rk_connection *connection, struct MHD_Connection *mhd);
/* Whether who asks may change something, see what users sent, or rank; else the exchange is refused: the answer is to
 * be given at the end of the body. */
bool rk_http_admin_grant(struct rk_connection *connection, struct MHD_Connection *mhd);
enum MHD_Result rk_http_admin_answer_reload(struct rk_connection *connection, struct MHD_Connection *mhd);

#endif
