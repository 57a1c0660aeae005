/*
 * rankd serve. The order of the start: settings, sockets (bound first, so that a taken port is known at once, and
 * probes are answered while models load), the sandbox, models, workers, ready. The end is the same backwards.
 */
#include "server/cmd_serve.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/inherited.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/sandbox.h"
#include "server/server.h"
#include "server/stack.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_BAD_SETTING = 2, ADMIN_CONNECTIONS = 64, OTHER_DESCRIPTORS = 256, LOAD_NICE = 10 };

static bool admit_data(void *context, int socket, const struct sockaddr *peer, socklen_t peer_size)
{
	struct rk_server *server = context;
	return rk_http_admit(server->data, socket, peer, peer_size);
}

static bool admit_admin(void *context, int socket, const struct sockaddr *peer, socklen_t peer_size)
{
	struct rk_server *server = context;
	return rk_http_admit(server->admin, socket, peer, peer_size);
}

static void count_refused(void *context)
{
	struct rk_server *server = context;
	rk_metrics_count_shed(&server->metrics, RK_SHED_CONNECTIONS);
	rk_metrics_count_answer(&server->metrics, RK_ROUTE_NONE, 503);
}

static void count_reaped(void *context)
{
	struct rk_server *server = context;
	rk_metrics_add(&server->metrics, RK_METRIC_TIMEOUTS, 1);
}

/* A connection is a descriptor. Where the system allows fewer, the accept thread refuses what is too much. */
static void raise_descriptor_limit(uint32_t max_connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)max_connections + ADMIN_CONNECTIONS + OTHER_DESCRIPTORS;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		rk_log_with(RK_LOG_WARN, "descriptors", "the system allows fewer open files than max_connections needs",
			    rk_log_unsigned("allowed", limit.rlim_cur), rk_log_unsigned("wanted", wanted));
}

static void print_addresses(const char *word, const struct rk_server *server)
{
	(void)printf("%s data=%s admin=%s\n", word, server->listen_data.url, server->listen_admin.url);
	(void)fflush(stdout);
}

static enum rk_status open_listener(struct rk_listen *ret_listen, int inherited, const struct rk_address *address,
				    const char *key, struct rk_error *reterr)
{
	if (inherited >= 0) {
		rk_listen_adopt(ret_listen, inherited);
		return RK_OK;
	}
	enum rk_status status = rk_listen_open(ret_listen, address, reterr);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "%s", key);
}

static enum rk_status open_listeners(struct rk_server *server, struct rk_error *reterr)
{
	const struct rk_settings *settings = &server->settings;
	struct rk_inherited given;
	enum rk_status status = rk_inherited_take(&given, reterr);
	if (status == RK_OK)
		status = open_listener(&server->listen_data, given.data, &settings->listen, "listen", reterr);
	if (status == RK_OK)
		status = open_listener(&server->listen_admin, given.admin, &settings->admin, "admin", reterr);
	return status;
}

/* Before any other thread runs, and before a model's file or a request is read. */
static enum rk_status enter_sandbox(const struct rk_server *server, struct rk_error *reterr)
{
	const struct rk_listen *listens[] = {&server->listen_data, &server->listen_admin};
	struct rk_sandbox_options options = {.mode = server->settings.sandbox, .models = server->settings.models};
	struct rk_sandbox entered;
	for (size_t i = 0; i < sizeof(listens) / sizeof(listens[0]); i++)
		if (listens[i]->kind == RK_ADDRESS_UNIX && !listens[i]->is_inherited)
			options.sockets[i] = listens[i]->path;
	rk_metrics_open_process();
	return rk_sandbox_enter(&options, &entered, reterr);
}

static enum rk_status open_http(struct rk_server *server, struct rk_error *reterr)
{
	enum rk_status status =
		rk_http_open(&server->data, RK_LISTENER_DATA, server->settings.max_connections, server, reterr);
	if (status == RK_OK && server->listen_admin.socket >= 0)
		status = rk_http_open(&server->admin, RK_LISTENER_ADMIN, ADMIN_CONNECTIONS, server, reterr);
	if (status != RK_OK)
		return status;
	struct rk_reaper_options reaper = {.request_timeout_ns = server->settings.request_timeout * RK_NS_PER_S,
					   .idle_timeout_ns = server->settings.idle_timeout * RK_NS_PER_S,
					   .reaped = count_reaped,
					   .context = server};
	rk_reaper_init(&server->reaper, &reaper);
	struct rk_http *daemons[] = {server->data, server->admin};
	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
		uint32_t n = 0;
		struct rk_connection *pool = daemons[i] == NULL ? NULL : rk_http_pool(daemons[i], &n);
		if (pool != NULL)
			rk_reaper_watch(&server->reaper, pool, n);
	}
	return rk_reaper_start(&server->reaper, reterr);
}

static enum rk_status start_accepting(struct rk_server *server, struct rk_error *reterr)
{
	struct rk_acceptor_options data = {
		.admit = admit_data, .refused = count_refused, .context = server, .linger = &server->linger};
	struct rk_acceptor_options admin = {
		.admit = admit_admin, .refused = count_refused, .context = server, .linger = &server->linger};
	enum rk_status status = rk_acceptor_start(&server->accept_data, &server->listen_data, &data, reterr);
	return status == RK_OK ? rk_acceptor_start(&server->accept_admin, &server->listen_admin, &admin, reterr)
			       : status;
}

/* Every worker must know how large replies can be before a version serves. */
static void fit_reply(struct rk_server *server, const struct rk_version *version)
{
	size_t bytes = rk_job_reply_bytes(&server->limits, &version->model.config);
	if (bytes > atomic_load_explicit(&server->reply_bytes, memory_order_acquire))
		atomic_store_explicit(&server->reply_bytes, bytes,
				      memory_order_release); /* one thread loads at a time */
}

static void notify_version(void *context, const char *name, uint64_t number, const struct rk_version *version,
			   enum rk_status result, const struct rk_error *error)
{
	struct rk_server *server = context;
	if (result == RK_OK && version != NULL) {
		fit_reply(server, version);
		rk_tail_swapped(&server->metrics.tail, rk_clock_ns());
	}
	rk_admin_notify(server, name, number, version, result, error);
}

static enum rk_status load_models(struct rk_server *server, struct rk_error *reterr)
{
	const struct rk_settings *settings = &server->settings;
	/* the last scratch of every version is the loader's own */
	enum rk_status status = rk_job_bench_open(&server->bench, &server->limits, settings->workers, reterr);
	if (status != RK_OK)
		return status;
	rk_pages_refuse_huge(&server->bench.memory); /* few requests, and no hurry */
	struct rk_registry_options options = {
		.models = settings->models,
		.default_model = settings->default_model[0] == '\0' ? NULL : settings->default_model,
		.version = {.limits = {.max_candidates = settings->max_candidates,
				       .max_events = settings->max_history_events},
			    .tier = server->tier,
			    .n_workers = settings->workers},
		.rank = rk_job_bench_rank,
		.rank_context = &server->bench,
		.notify = notify_version,
		.notify_context = server,
		.load_nice = LOAD_NICE,
		.load_stack_bytes = 8 * RK_STACK_BYTES,
	};
	struct rk_registry *registry;
	status = rk_registry_open(&registry, &options, reterr);
	if (status != RK_OK)
		return status;
	atomic_store(&server->registry, registry);
	status = rk_registry_load(registry, reterr);
	(void)malloc_trim(0); /* what reading the golden answers took of the heap */
	return status;
}

static enum rk_status start_workers(struct rk_server *server, struct rk_error *reterr)
{
	const struct rk_settings *settings = &server->settings;
	uint32_t n_slots = rk_slot_count(settings->workers, settings->max_connections);
	size_t reply_bytes = atomic_load(&server->reply_bytes);
	struct rk_backlog_options backlog = {.capacity = n_slots,
					     .n_workers = settings->workers,
					     .n_predictors = 1 + rk_registry_count(atomic_load(&server->registry)),
					     .limit_us = (double)settings->queue_ms * 1000};
	enum rk_status status =
		rk_slot_pool_open(&server->slots, n_slots, settings->max_body_bytes, reply_bytes, reterr);
	if (status == RK_OK)
		status = rk_queue_open(&server->queue, &backlog, reterr);
	if (status != RK_OK)
		return status;
	struct rk_workers_options options = {.n = settings->workers,
					     .registry = atomic_load(&server->registry),
					     .limits = server->limits,
					     .models = settings->models,
					     .queue = &server->queue,
					     .metrics = &server->metrics,
					     .recorder = &server->recorder,
					     .reply_bytes = &server->reply_bytes,
					     .done = rk_http_rank_done};
	status = rk_workers_start(&server->workers, &options, reterr);
	if (status == RK_OK)
		rk_log_with(RK_LOG_INFO, "memory", "bytes set aside; touched as far as they are used",
			    rk_log_unsigned("slots", n_slots),
			    rk_log_unsigned("slots_bytes", rk_slot_pool_bytes(&server->slots)),
			    rk_log_unsigned("workers", settings->workers),
			    rk_log_unsigned("workers_bytes", rk_workers_bytes(&server->workers)));
	return status;
}

static enum rk_status start_reloader(struct rk_server *server, struct rk_error *reterr)
{
	struct rk_reloader_options options = {.registry = atomic_load(&server->registry),
					      .tail = &server->metrics.tail,
					      .watch_ns = server->settings.watch_models * RK_NS_PER_S};
	return rk_reloader_start(&server->reloader, &options, reterr);
}

static enum rk_status start(struct rk_server *server, struct rk_error *reterr)
{
	raise_descriptor_limit(server->settings.max_connections);
	enum rk_status status = rk_recorder_open(&server->recorder, server->settings.record_bodies, reterr);
	if (status == RK_OK)
		status = open_listeners(server, reterr);
	if (status == RK_OK)
		status = enter_sandbox(server, reterr);
	if (status == RK_OK)
		status = rk_linger_start(&server->linger, reterr);
	if (status == RK_OK)
		status = open_http(server, reterr);
	if (status == RK_OK)
		status = start_accepting(server, reterr);
	if (status == RK_OK)
		status = rk_life_watch(server, reterr);
	if (status != RK_OK)
		return status;
	print_addresses("listening", server);
	status = load_models(server, reterr);
	if (status == RK_OK)
		status = start_workers(server, reterr);
	if (status == RK_OK)
		status = start_reloader(server, reterr);
	if (status != RK_OK)
		return status;
	rk_life_set_ready(&server->life);
	print_addresses("ready", server);
	(void)rk_notify_send("READY=1");
	rk_log(RK_LOG_INFO, "ready", NULL);
	return rk_watchdog_start(&server->watchdog, server, rk_notify_watchdog_ns(), reterr);
}

/* In order, from the outside inwards: nothing may be suspended when the daemons stop, and until then the admin port
 * shows figures of everything. */
static void stop(struct rk_server *server)
{
	rk_acceptor_stop(&server->accept_data);
	rk_watchdog_stop(&server->watchdog);
	rk_reloader_stop(&server->reloader);
	if (server->workers.workers != NULL)
		rk_queue_close(&server->queue);
	rk_workers_stop(&server->workers);
	rk_acceptor_stop(&server->accept_admin);
	rk_reaper_stop(&server->reaper);
	rk_http_close(server->data);
	rk_http_close(server->admin);
	rk_linger_stop(&server->linger);
	rk_workers_close(&server->workers);
	rk_queue_destroy(&server->queue);
	rk_slot_pool_close(&server->slots);
	rk_recorder_close(&server->recorder);
	rk_registry_close(atomic_load(&server->registry));
	rk_job_bench_close(&server->bench);
	rk_listen_close(&server->listen_data);
	rk_listen_close(&server->listen_admin);
}

static int complain(const struct rk_error *error, int exit_code)
{
	(void)fprintf(stderr, "rankd: %s\n", error->message);
	return exit_code;
}

/* A start that failed while the daemons run: nothing was ever ready, so the kernel may take everything back
 * but the files of Unix sockets. */
static _Noreturn void give_up(struct rk_server *server, const struct rk_error *error)
{
	rk_listen_unlink(&server->listen_data);
	rk_listen_unlink(&server->listen_admin);
	rk_log(RK_LOG_ERROR, "start_failed", error->message);
	_exit(EXIT_FAILURE);
}

static int serve(struct rk_server *server)
{
	struct rk_error error;
	if (rk_cpu_choose(server->settings.cpu, &server->tier, &error) != RK_OK) {
		(void)rk_error_prefix(&error, RK_INVALID, "cpu");
		return complain(&error, EXIT_BAD_SETTING);
	}
	if (rk_admin_init(&server->models, &server->settings, &error) != RK_OK) {
		(void)rk_error_prefix(&error, RK_INVALID, "admin_token_file");
		return complain(&error, EXIT_BAD_SETTING);
	}
	server->limits = (struct rk_request_limits){.max_candidates = server->settings.max_candidates,
						    .max_events = server->settings.max_history_events,
						    .max_body_bytes = server->settings.max_body_bytes};
	rk_notify_open();
	rk_life_block_signals(&server->life);
	rk_log_open(STDERR_FILENO, rk_log_level_of(server->settings.log_level));
	if (start(server, &error) != RK_OK)
		give_up(server, &error);
	rk_life_join(server);
	stop(server);
	rk_log(RK_LOG_INFO, "ended", NULL);
	return EXIT_SUCCESS;
}

static void print_text(size_t (*write)(const struct rk_settings *settings, char *text, size_t size),
		       const struct rk_settings *settings)
{
	static char text[65536];
	(void)write(settings, text, sizeof(text));
	(void)fputs(text, stdout);
}

static size_t write_help(const struct rk_settings *settings, char *text, size_t size)
{
	(void)settings;
	return rk_settings_write_help(text, size);
}

int rk_cmd_serve(int argc, char **argv)
{
	static struct rk_server server; /* zero; large, and what threads point into */
	enum rk_settings_request request;
	struct rk_error error;
	if (rk_settings_load(argc - 1, argv + 1, environ, &server.settings, &request, &error) != RK_OK)
		return complain(&error, EXIT_BAD_SETTING);
	switch (request) {
	case RK_SETTINGS_PRINT_CONFIG:
		print_text(rk_settings_write, &server.settings);
		return EXIT_SUCCESS;
	case RK_SETTINGS_HELP:
		(void)printf("rankd serve: answers ranking requests over HTTP\n\n");
		print_text(write_help, &server.settings);
		return EXIT_SUCCESS;
	case RK_SETTINGS_SERVE:
		break;
	}
	return serve(&server);
}
