/*
 * What the admin port tells of the models (JSON and metrics), the record of the versions that were tried, and who may
 * change something. No HTTP here: server/http_admin.c asks and sends.
 */
#ifndef RK_SERVER_ADMIN_H
#define RK_SERVER_ADMIN_H

#include "loader/registry.h"
#include "server/settings.h"
#include "server/text.h"

#include <pthread.h>
#include <sys/socket.h>

struct rk_server;

enum { RK_ADMIN_RECORDS = 64, RK_ADMIN_TOKEN_BYTES = 4096 };

/* A version that was tried; trying it again replaces the record. */
struct rk_admin_record {
	char name[65];
	uint64_t number;
	struct rk_error error; /* status RK_OK: it loaded */
};

struct rk_admin {
	pthread_mutex_t lock;                             /* of the records */
	struct rk_admin_record records[RK_ADMIN_RECORDS]; /* the oldest makes room */
	uint32_t n_records, next;
	char token[RK_ADMIN_TOKEN_BYTES + 1];
	size_t n_token; /* 0: none is set */
};

/* Reads the token if the settings name a file. */
RK_NODISCARD enum rk_status rk_admin_init(struct rk_admin *ret_admin, const struct rk_settings *settings,
					  struct rk_error *reterr);

/* Whether a request with this Authorization from this peer may change something. Constant time in the token. */
enum rk_access { RK_ACCESS_GRANTED, RK_ACCESS_UNAUTHORIZED, RK_ACCESS_FORBIDDEN };
enum rk_access rk_admin_access(const struct rk_admin *admin, struct rk_bytes authorization,
			       const struct sockaddr *peer);

/* Whether a Host is an address, localhost or nothing: no name that somebody can make resolve to this machine. Without a
 * token, a browser's page of such a name would have all rights of loopback. */
bool rk_admin_is_plain_host(struct rk_bytes host);

/* `notify` of the registry: context is a struct rk_server. */
void rk_admin_notify(void *context, const char *name, uint64_t number, const struct rk_version *version,
		     enum rk_status result, const struct rk_error *error);

/* {"models": […]}, and one model with its tensors (false: there is no such model). */
void rk_admin_write_models(struct rk_server *server, struct rk_text *text);
bool rk_admin_write_model(struct rk_server *server, struct rk_bytes name, struct rk_text *text);

/* Files of the version that serves, as they are now: report.md; {"version": N, "requests": [the lines of warmup.jsonl,
 * as strings]}, as many as a mebibyte holds. */
enum rk_admin_file { RK_ADMIN_WRITTEN, RK_ADMIN_NO_MODEL, RK_ADMIN_NO_FILE };
enum rk_admin_file rk_admin_write_report(struct rk_server *server, struct rk_bytes name, struct rk_text *text);
enum rk_admin_file rk_admin_write_warmup(struct rk_server *server, struct rk_bytes name, struct rk_text *text);

/* Whether the registry has a model of this name. */
bool rk_admin_knows(struct rk_server *server, struct rk_bytes name);

/* Everything for GET /metrics. */
void rk_admin_write_metrics(struct rk_server *server, struct rk_text *text);

#endif
