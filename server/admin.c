#include "server/admin.h"

#include "model/base/check.h"
#include "server/log.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

enum rk_status rk_admin_init(struct rk_admin *ret_admin, const struct rk_settings *settings, struct rk_error *reterr)
{
	*ret_admin = (struct rk_admin){0};
	RK_ASSERT(pthread_mutex_init(&ret_admin->lock, NULL) == 0);
	if (settings->admin_token_file[0] == '\0')
		return RK_OK;
	return rk_settings_read_token(settings->admin_token_file, ret_admin->token, sizeof(ret_admin->token),
				      &ret_admin->n_token, reterr);
}

static bool is_loopback(const struct sockaddr *peer)
{
	if (peer == NULL)
		return false;
	if (peer->sa_family == AF_UNIX)
		return true;
	if (peer->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, peer, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	if (peer->sa_family != AF_INET6)
		return false;
	struct sockaddr_in6 v6;
	memcpy(&v6, peer, sizeof(v6));
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return v6.sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* Looks at every byte of the given token and never stops early, so that the time tells nothing of the right one. */
static bool is_token(const struct rk_admin *admin, struct rk_bytes given)
{
	unsigned difference = given.size != admin->n_token;
	for (size_t i = 0; i < given.size; i++)
		difference |= (unsigned char)given.data[i] ^ (unsigned char)admin->token[i % admin->n_token];
	return difference == 0;
}

enum rk_access rk_admin_access(const struct rk_admin *admin, struct rk_bytes authorization, const struct sockaddr *peer)
{
	if (admin->n_token == 0)
		return is_loopback(peer) ? RK_ACCESS_GRANTED : RK_ACCESS_FORBIDDEN;
	static const char scheme[] = "Bearer ";
	size_t n_scheme = sizeof(scheme) - 1;
	if (authorization.size <= n_scheme || strncasecmp(authorization.data, scheme, n_scheme) != 0)
		return RK_ACCESS_UNAUTHORIZED;
	struct rk_bytes given = {authorization.data + n_scheme, authorization.size - n_scheme};
	return is_token(admin, given) ? RK_ACCESS_GRANTED : RK_ACCESS_UNAUTHORIZED;
}

bool rk_admin_is_plain_host(struct rk_bytes host)
{
	static const char address[] = "0123456789.", address6[] = "0123456789abcdefABCDEF:.";
	char name[INET6_ADDRSTRLEN + 16];
	if (host.size == 0)
		return true;
	if (host.size >= sizeof(name))
		return false;
	memcpy(name, host.data, host.size);
	name[host.size] = '\0';
	char *bracket = strchr(name, ']');
	char *port = strchr(bracket == NULL ? name : bracket, ':');
	if (port != NULL)
		*port = '\0';
	if (name[0] == '[')
		return bracket != NULL && bracket[1] == '\0' &&
		       strspn(name + 1, address6) == (size_t)(bracket - name) - 1;
	return strcasecmp(name, "localhost") == 0 || name[strspn(name, address)] == '\0';
}

static struct rk_admin_record *record_of(struct rk_admin *admin, const char *name, uint64_t number)
{
	for (uint32_t i = 0; i < admin->n_records; i++)
		if (admin->records[i].number == number && strcmp(admin->records[i].name, name) == 0)
			return &admin->records[i];
	struct rk_admin_record *record = &admin->records[admin->next];
	admin->next = (admin->next + 1) % RK_ADMIN_RECORDS;
	if (admin->n_records < RK_ADMIN_RECORDS)
		admin->n_records++;
	return record;
}

static void log_version(const char *name, uint64_t number, const struct rk_version *version,
			const struct rk_error *error)
{
	if (error->status != RK_OK) {
		rk_log_with(RK_LOG_ERROR, "model_refused", error->message, rk_log_text("model", name),
			    rk_log_unsigned("version", number));
		return;
	}
	const struct rk_load_report *report = &version->report;
	rk_log_with(RK_LOG_INFO, "model_loaded", NULL, rk_log_text("model", name), rk_log_unsigned("version", number),
		    rk_log_unsigned("tensors_used", report->n_used), rk_log_unsigned("bytes_used", report->used_bytes),
		    rk_log_unsigned("tensors_dropped", report->n_dropped),
		    rk_log_unsigned("bytes_dropped", report->dropped_bytes),
		    rk_log_unsigned("golden", report->n_golden),
		    rk_log_real("parity_max_error", report->parity_max_error),
		    rk_log_unsigned("weights_bytes", version->weights_bytes),
		    rk_log_unsigned("scratch_bytes", version->scratch_bytes), rk_log_text("sha256", report->sha256));
}

void rk_admin_notify(void *context, const char *name, uint64_t number, const struct rk_version *version,
		     enum rk_status result, const struct rk_error *error)
{
	struct rk_server *server = context;
	struct rk_admin *admin = &server->models;
	struct rk_error outcome = result != RK_OK && error != NULL ? *error : (struct rk_error){.status = result};
	outcome.status = result;
	log_version(name, number, version, &outcome);
	rk_metrics_count_load(&server->metrics, result == RK_OK ? RK_LOAD_RESULT_OK : RK_LOAD_RESULT_REFUSED);
	RK_ASSERT(pthread_mutex_lock(&admin->lock) == 0);
	struct rk_admin_record *record = record_of(admin, name, number);
	*record = (struct rk_admin_record){.number = number, .error = outcome};
	memcpy(record->name, name, strnlen(name, sizeof(record->name) - 1));
	RK_ASSERT(pthread_mutex_unlock(&admin->lock) == 0);
}
