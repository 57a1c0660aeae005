/*
 * The daemons' start, stop and connections. The library runs one epoll thread a daemon; it gets sockets through
 * MHD_add_connection and never listens itself, since its own accept can neither refuse politely nor be stopped safely.
 */
#include "server/http_internal.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/stack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	POOL_BYTES = 16 * 1024, /* of a connection: bounds the head (431, 414) */
	BACKSTOP_S = 10,
	OWN_CONNECTIONS = 1,    /* the watchdog's, beyond the limit */
	SPARE_CONNECTIONS = 64, /* the library's own limit lies above ours, which answers */
	ADMIN_TEXT_BYTES = 8 * 1024 * 1024,
};

/* Paths are compared as they came: %2F must not become a separator, nor %00 an end. */
static size_t keep_escapes(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context;
	(void)mhd;
	return strlen(text);
}

static void open_connection(struct rk_http *http, struct MHD_Connection *mhd, void **ret_connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct rk_connection *connection = http->free;
	RK_ASSERT(info != NULL && connection != NULL);
	http->free = connection->next_free;
	rk_connection_open(connection, info->connect_fd, rk_clock_ns());
	*ret_connection = connection;
}

/* A request line that did not end in time was no request to the library: what the exchange holds is of the one before.
 */
static void count_late_line(struct rk_http *http, struct rk_connection *connection)
{
	if (!atomic_load_explicit(&connection->timed_out, memory_order_acquire))
		return;
	connection->exchange = (struct rk_exchange){.received_ns = connection->grown_ns};
	rk_http_count_timeout(http, connection);
	rk_http_log_request(http, connection);
}

static void close_connection(struct rk_http *http, void **connection_)
{
	struct rk_connection *connection = *connection_;
	RK_ASSERT(connection != NULL && connection->magic == RK_CONNECTION_MAGIC && connection->exchange.slot == NULL);
	rk_connection_close(connection);
	count_late_line(http, connection);
	connection->next_free = http->free;
	http->free = connection;
	*connection_ = NULL;
	atomic_fetch_sub_explicit(&http->n_connections, 1, memory_order_release);
}

static void notify_connection(void *context, struct MHD_Connection *mhd, void **connection,
			      enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		open_connection(context, mhd, connection);
	else
		close_connection(context, connection);
}

static enum rk_status open_pool(struct rk_http *http, struct rk_error *reterr)
{
	bool is_admin = http->listener == RK_LISTENER_ADMIN;
	enum rk_status status = rk_pages_open(&http->memory, http->n_pool * sizeof(struct rk_connection), reterr);
	if (status == RK_OK && is_admin)
		status = rk_pages_open(&http->text, ADMIN_TEXT_BYTES, reterr);
	rk_pages_refuse_huge(&http->text);
	if (status == RK_OK && is_admin)
		status = rk_pages_open(&http->small_bodies, (size_t)http->n_pool * RK_SMALL_BODY_BYTES, reterr);
	if (status != RK_OK)
		return status;
	http->pool = http->memory.base;
	for (uint32_t i = http->n_pool; i-- > 0;) {
		struct rk_connection *connection = &http->pool[i];
		connection->magic = RK_CONNECTION_MAGIC;
		connection->http = http;
		connection->socket = -1;
		if (is_admin)
			connection->small_body = (char *)http->small_bodies.base + (size_t)i * RK_SMALL_BODY_BYTES;
		RK_ASSERT(pthread_mutex_init(&connection->lock, NULL) == 0);
		connection->next_free = http->free;
		http->free = connection;
	}
	return RK_OK;
}

static struct MHD_Daemon *start(struct rk_http *http)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	/* the reaper is there first, and says 408 where it is due */
	const struct rk_settings *settings = &http->server->settings;
	unsigned backstop_s = settings->idle_timeout + settings->request_timeout + BACKSTOP_S;
	/* the logger comes first: the library says more than nothing if another option is wrong */
	return MHD_start_daemon(
		flags, 0, NULL, NULL, rk_http_handle, http, MHD_OPTION_EXTERNAL_LOGGER, rk_http_log_library, http,
		MHD_OPTION_CONNECTION_LIMIT, http->max_connections + SPARE_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, backstop_s,
		MHD_OPTION_URI_LOG_CALLBACK, rk_http_begin, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, notify_connection, http, MHD_OPTION_NOTIFY_COMPLETED, rk_http_complete,
		http, MHD_OPTION_THREAD_STACK_SIZE, RK_STACK_BYTES, MHD_OPTION_END);
}

enum rk_status rk_http_open(struct rk_http **ret_http, enum rk_listener listener, uint32_t max_connections,
			    struct rk_server *server, struct rk_error *reterr)
{
	struct rk_http *http = calloc(1, sizeof(*http));
	if (http == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for the HTTP daemon");
	http->listener = listener;
	http->server = server;
	http->max_connections = max_connections;
	http->n_pool = max_connections + OWN_CONNECTIONS;
	http->guard_limits.max_body_bytes = server->settings.max_body_bytes;
	(void)snprintf(http->too_large_detail, sizeof(http->too_large_detail),
		       "expected a body of at most %zu bytes (max_body_bytes), or %d where nothing is ranked",
		       server->settings.max_body_bytes, RK_SMALL_BODY_BYTES);
	http->guard_limits.too_large = http->too_large_detail;
	rk_canned_write(&http->too_large, RK_PROBLEM_TOO_LARGE, http->too_large_detail, 0);
	MHD_set_panic_func(rk_http_panic, NULL);
	enum rk_status status = open_pool(http, reterr);
	if (status == RK_OK)
		status = rk_http_ready_open(http, reterr);
	if (status == RK_OK && (http->daemon = start(http)) == NULL)
		status = rk_error_set(reterr, RK_IO, "cannot start the HTTP daemon: %s", strerror(errno));
	if (status != RK_OK) {
		rk_http_close(http);
		return status;
	}
	*ret_http = http;
	return RK_OK;
}

void rk_http_close(struct rk_http *http)
{
	if (http == NULL)
		return;
	RK_ASSERT(rk_http_suspended(http) == 0); /* the library would abort */
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	rk_http_ready_close(http);
	for (uint32_t i = 0; http->pool != NULL && i < http->n_pool; i++)
		(void)pthread_mutex_destroy(&http->pool[i].lock);
	rk_pages_close(&http->text);
	rk_pages_close(&http->small_bodies);
	rk_pages_close(&http->memory);
	free(http);
}

static void add_connection(struct rk_http *http, int socket, const struct sockaddr *peer, socklen_t peer_size)
{
	if (MHD_add_connection(http->daemon, socket, peer, peer_size) != MHD_YES)
		atomic_fetch_sub_explicit(&http->n_connections, 1, memory_order_release); /* it closed the socket */
}

bool rk_http_admit(struct rk_http *http, int socket, const struct sockaddr *peer, socklen_t peer_size)
{
	/* counted here and not by the daemon's thread, which may be behind; given back when the connection closes */
	if (atomic_fetch_add_explicit(&http->n_connections, 1, memory_order_acq_rel) >= http->max_connections) {
		atomic_fetch_sub_explicit(&http->n_connections, 1, memory_order_release);
		return false;
	}
	add_connection(http, socket, peer, peer_size);
	return true;
}

void rk_http_admit_own(struct rk_http *http, int socket, const struct sockaddr *peer, socklen_t peer_size)
{
	atomic_fetch_add_explicit(&http->n_connections, 1, memory_order_acq_rel);
	add_connection(http, socket, peer, peer_size);
}

uint32_t rk_http_connections(const struct rk_http *http)
{
	return atomic_load_explicit(&http->n_connections, memory_order_acquire);
}

uint32_t rk_http_suspended(const struct rk_http *http)
{
	return atomic_load_explicit(&http->n_suspended, memory_order_acquire);
}

uint32_t rk_http_busy(const struct rk_http *http)
{
	return atomic_load_explicit(&http->n_busy, memory_order_acquire);
}

struct rk_connection *rk_http_pool(struct rk_http *http, uint32_t *ret_n)
{
	*ret_n = http->n_pool;
	return http->pool;
}
