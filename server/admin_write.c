/* What GET /v1/models, /v1/models/{name} and /metrics say. */
#include "model/base/check.h"
#include "server/admin.h"
#include "server/clock.h"
#include "server/heap.h"
#include "server/log.h"
#include "server/server.h"

#include <stdio.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void put_key(struct rk_text *text, const char *key, bool is_first)
{
	if (!is_first)
		rk_text_put_char(text, ',');
	rk_text_put_char(text, '"');
	rk_text_put_text(text, key);
	rk_text_put_text(text, "\":");
}

static void put_string(struct rk_text *text, const char *key, struct rk_bytes value)
{
	put_key(text, key, false);
	rk_text_put_json_untrusted(text, value);
}

static void put_count(struct rk_text *text, const char *key, uint64_t value)
{
	put_key(text, key, false);
	rk_text_put_unsigned(text, value);
}

static void put_group(struct rk_text *text, const char *key, uint64_t n, uint64_t bytes)
{
	put_key(text, key, false);
	rk_text_put_text(text, "{\"count\":");
	rk_text_put_unsigned(text, n);
	put_count(text, "bytes", bytes);
	rk_text_put_char(text, '}');
}

/* The versions that were tried: serving, loaded (and left since) or refused. */
static void put_versions(struct rk_text *text, struct rk_admin *admin, const char *name, uint64_t serving)
{
	put_key(text, "versions", false);
	rk_text_put_char(text, '[');
	bool is_first = true;
	RK_ASSERT(pthread_mutex_lock(&admin->lock) == 0);
	for (uint32_t i = 0; i < admin->n_records; i++) {
		const struct rk_admin_record *record = &admin->records[i];
		if (strcmp(record->name, name) != 0)
			continue;
		if (!is_first)
			rk_text_put_char(text, ',');
		is_first = false;
		rk_text_put_text(text, "{\"version\":");
		rk_text_put_unsigned(text, record->number);
		bool is_ok = record->error.status == RK_OK;
		const char *state = !is_ok ? "refused" : record->number == serving ? "serving" : "loaded";
		put_string(text, "state", rk_bytes_of(state));
		if (!is_ok)
			put_string(text, "reason", rk_bytes_of(record->error.message));
		rk_text_put_char(text, '}');
	}
	RK_ASSERT(pthread_mutex_unlock(&admin->lock) == 0);
	rk_text_put_char(text, ']');
}

static void put_limits(struct rk_text *text, const struct rk_request_limits *limits, const struct rk_config *config)
{
	put_key(text, "limits", false);
	rk_text_put_text(text, "{\"max_candidates\":");
	rk_text_put_unsigned(text, limits->max_candidates);
	put_count(text, "max_history_events", limits->max_events);
	put_count(text, "max_history", config->encoder.max_history);
	put_count(text, "max_body_bytes", limits->max_body_bytes);
	rk_text_put_char(text, '}');
}

static void put_tensors(struct rk_text *text, const struct rk_load_report *report)
{
	put_key(text, "tensors", false);
	rk_text_put_char(text, '[');
	for (uint32_t i = 0; i < report->n_tensors; i++) {
		const struct rk_tensor_report *tensor = &report->tensors[i];
		rk_text_put_text(text, i == 0 ? "{\"name\":" : ",{\"name\":");
		rk_text_put_json_untrusted(text, tensor->name);
		put_string(text, "dtype", rk_bytes_of(tensor->dtype));
		put_key(text, "shape", false);
		rk_text_put_char(text, '[');
		for (uint32_t k = 0; k < tensor->n_dims; k++) {
			if (k > 0)
				rk_text_put_char(text, ',');
			rk_text_put_unsigned(text, tensor->dims[k]);
		}
		rk_text_put_char(text, ']');
		put_count(text, "bytes", tensor->bytes);
		rk_text_put_text(text, tensor->used ? ",\"used\":true}" : ",\"used\":false}");
	}
	rk_text_put_char(text, ']');
}

static void put_report(struct rk_text *text, const struct rk_version *version)
{
	const struct rk_load_report *report = &version->report;
	put_string(text, "sha256", rk_bytes_of(report->sha256));
	put_group(text, "tensors_used", report->n_used, report->used_bytes);
	put_group(text, "tensors_dropped", report->n_dropped, report->dropped_bytes);
	put_key(text, "parity", false);
	rk_text_put_text(text, "{\"golden_requests\":");
	rk_text_put_unsigned(text, report->n_golden);
	put_key(text, "max_abs_error", false);
	rk_text_put_float(text, (float)report->parity_max_error);
	rk_text_put_char(text, '}');
	put_count(text, "warmup_requests", report->n_warmup);
	put_key(text, "memory", false);
	rk_text_put_text(text, "{\"weights_bytes\":");
	rk_text_put_unsigned(text, version->weights_bytes);
	put_count(text, "scratch_bytes", version->scratch_bytes);
	put_count(text, "file_bytes", report->file_bytes);
	rk_text_put_char(text, '}');
}

static void put_signals(struct rk_text *text, const struct rk_names *signals)
{
	put_key(text, "signals", false);
	rk_text_put_char(text, '[');
	for (uint32_t i = 0; i < signals->n; i++) {
		if (i > 0)
			rk_text_put_char(text, ',');
		rk_text_put_json_untrusted(text, signals->names[i]);
	}
	rk_text_put_char(text, ']');
}

/* What a score is made of, for those who want to make it again from signals. */
static void put_reward(struct rk_text *text, const struct rk_config *config)
{
	static const char *const types[] = {
#define TYPE(name, word) word,
		RK_REWARD_TABLE(TYPE)
#undef TYPE
	};
	const struct rk_reward_config *reward = &config->reward;
	put_key(text, "reward", false);
	rk_text_put_text(text, "{\"type\":");
	rk_text_put_json_untrusted(text, rk_bytes_of(types[reward->type]));
	if (reward->type == RK_REWARD_RANK) {
		put_key(text, "rank_offset", false);
		rk_text_put_float(text, reward->rank_offset);
	}
	if (reward->type == RK_REWARD_ODDS) {
		put_string(text, "signal", config->signals.names[reward->signal]);
	} else {
		rk_text_put_text(text, ",\"weights\":{");
		bool is_first = true;
		for (uint32_t k = 0; k < config->signals.n; k++) {
			if (!reward->has_weight[k])
				continue;
			rk_text_put_text(text, is_first ? "" : ",");
			is_first = false;
			rk_text_put_json_untrusted(text, config->signals.names[k]);
			rk_text_put_char(text, ':');
			rk_text_put_float(text, reward->weights[k]);
		}
		rk_text_put_char(text, '}');
	}
	rk_text_put_char(text, '}');
}

static void put_model(struct rk_server *server, struct rk_text *text, const char *name, bool with_tensors)
{
	bool is_known;
	struct rk_registry *registry = atomic_load(&server->registry);
	struct rk_version *version = rk_registry_acquire(registry, rk_bytes_of(name), &is_known);
	rk_text_put_text(text, "{\"name\":");
	rk_text_put_json_untrusted(text, rk_bytes_of(name));
	const char *state = version != NULL ? "ready" : rk_life_was_ready(&server->life) ? "unavailable" : "loading";
	put_string(text, "state", rk_bytes_of(state));
	put_key(text, "version", false);
	if (version == NULL)
		rk_text_put_text(text, "null");
	else
		rk_text_put_unsigned(text, version->number);
	put_versions(text, &server->models, name, version == NULL ? 0 : version->number);
	if (version != NULL) {
		put_report(text, version);
		put_signals(text, &version->model.config.signals);
		put_reward(text, &version->model.config);
		put_limits(text, &server->limits, &version->model.config);
		if (with_tensors)
			put_tensors(text, &version->report);
		rk_registry_release(registry, version);
	}
	rk_text_put_char(text, '}');
}

/* The i-th model's name; NULL past the last, and before the models' folder has been read. */
static const char *name_of(struct rk_server *server, uint32_t index)
{
	struct rk_registry *registry = atomic_load(&server->registry);
	return registry == NULL ? NULL : rk_registry_name(registry, index);
}

void rk_admin_write_models(struct rk_server *server, struct rk_text *text)
{
	rk_text_put_text(text, "{\"models\":[");
	const char *name;
	for (uint32_t i = 0; (name = name_of(server, i)) != NULL; i++) {
		if (i > 0)
			rk_text_put_char(text, ',');
		put_model(server, text, name, false);
	}
	rk_text_put_text(text, "]}");
}

/* The registry's own text of the name; NULL: no such model. */
static const char *find_name(struct rk_server *server, struct rk_bytes name)
{
	const char *known;
	for (uint32_t i = 0; (known = name_of(server, i)) != NULL; i++)
		if (rk_bytes_equal(rk_bytes_of(known), name))
			return known;
	return NULL;
}

bool rk_admin_knows(struct rk_server *server, struct rk_bytes name)
{
	return find_name(server, name) != NULL;
}

bool rk_admin_write_model(struct rk_server *server, struct rk_bytes name, struct rk_text *text)
{
	const char *known = find_name(server, name);
	if (known != NULL)
		put_model(server, text, known, true);
	return known != NULL;
}

/* Names are [A-Za-z0-9._-], so labels need no escapes. */
static void put_model_info(const struct rk_version *version, struct rk_text *text)
{
	char labels[256];
	(void)snprintf(labels, sizeof(labels), "{name=\"%s\",version=\"%llu\",sha256=\"%s\"}", version->name,
		       (unsigned long long)version->number, version->report.sha256);
	rk_metrics_write_number(text, "rankd_model_info", labels, 1);
}

static void put_model_parity(const struct rk_version *version, struct rk_text *text)
{
	char labels[96];
	(void)snprintf(labels, sizeof(labels), "{name=\"%s\"}", version->name);
	rk_metrics_write_number(text, "rankd_model_parity_max_abs_error", labels, version->report.parity_max_error);
}

/* Calls `put` for every version that serves; returns the bytes that they take. */
static size_t each_version(struct rk_server *server, struct rk_text *text,
			   void (*put)(const struct rk_version *version, struct rk_text *text))
{
	size_t bytes = 0;
	const char *name;
	for (uint32_t i = 0; (name = name_of(server, i)) != NULL; i++) {
		bool is_known;
		struct rk_registry *registry = atomic_load(&server->registry);
		struct rk_version *version = rk_registry_acquire(registry, rk_bytes_of(name), &is_known);
		if (version == NULL)
			continue;
		put(version, text);
		bytes += version->weights_bytes + version->scratch_bytes;
		rk_registry_release(registry, version);
	}
	return bytes;
}

static void put_models(struct rk_server *server, struct rk_text *text)
{
	rk_metrics_write_head(text, "rankd_model_info", "gauge", "The versions that serve");
	size_t model_bytes = each_version(server, text, put_model_info);
	rk_metrics_write_head(text, "rankd_model_parity_max_abs_error", "gauge",
			      "Largest difference from the golden answers, relative to max(1, |expected|)");
	(void)each_version(server, text, put_model_parity);
	static const char bytes[] = "rankd_arena_bytes";
	rk_metrics_write_head(text, bytes, "gauge", "Memory set aside by kind; touched as far as it is used");
	rk_metrics_write_number(text, bytes, "{kind=\"models\"}", (double)model_bytes);
	rk_metrics_write_number(text, bytes, "{kind=\"slots\"}", (double)rk_slot_pool_bytes(&server->slots));
	rk_metrics_write_number(text, bytes, "{kind=\"workers\"}", (double)rk_workers_bytes(&server->workers));
	rk_metrics_write_head(text, "rankd_queue_age_seconds", "gauge",
			      "How long the oldest request that waits has waited");
	rk_metrics_write_number(text, "rankd_queue_age_seconds", "",
				(double)rk_queue_age_ns(&server->queue, rk_clock_ns()) / (double)RK_NS_PER_S);
	rk_metrics_write_head(text, "rankd_slots_used", "gauge", "Requests that hold a slot now");
	rk_metrics_write_number(text, "rankd_slots_used", "", rk_slot_pool_used(&server->slots));
}

void rk_admin_write_metrics(struct rk_server *server, struct rk_text *text)
{
	rk_metrics_write(&server->metrics, text);
	rk_metrics_write_head(text, "rankd_connections", "gauge", "Open connections on the data port");
	rk_metrics_write_number(text, "rankd_connections", "", rk_http_connections(server->data));
	if (rk_life_was_ready(&server->life))
		put_models(server, text);
	rk_metrics_write_head(text, "rankd_heap_allocations_total", "counter", "Heap allocations by rankd's own code");
	rk_metrics_write_number(text, "rankd_heap_allocations_total", "", (double)rk_heap_allocations());
	rk_metrics_write_head(text, "rankd_log_lines_dropped_total", "counter", "Log lines that nobody took in time");
	rk_metrics_write_number(text, "rankd_log_lines_dropped_total", "", (double)rk_log_dropped());
	rk_metrics_write_head(text, "rankd_ready", "gauge", "1 while /readyz answers 200");
	rk_metrics_write_number(text, "rankd_ready", "", rk_life_phase(&server->life) == RK_PHASE_READY);
	rk_metrics_write_head(text, "rankd_build_info", "gauge", "Version, compiler and kernels");
	char labels[160];
	(void)snprintf(labels, sizeof(labels), "{version=\"%s\",compiler=\"%s\",cpu=\"%s\"}", RK_VERSION, COMPILER,
		       rk_cpu_tier_name(server->tier));
	rk_metrics_write_number(text, "rankd_build_info", labels, 1);
	rk_metrics_write_process(text);
}
