/*
 * Both files are read whole, then walked line by line. A golden line is parsed, its request written again without
 * top_k, ranked, and the reply's JSON compared with what was expected; a warm-up line goes to the ranker as it is.
 */
#include "loader/golden.h"

#include "loader/file.h"
#include "loader/golden_compare.h"

#include <unistd.h>

enum { MAX_LINES_BYTES = 1 << 30 };

static const struct rk_json_limits line_limits = {.max_depth = 32, .max_values = 1 << 26};

/* What ranking the lines of one file needs. */
struct replay {
	struct rk_version *version;
	rk_rank_body_fn rank;
	void *context;
	struct rk_pages body; /* the request, written again */
	struct rk_golden_tally tally;
	uint32_t n_lines;
};

typedef enum rk_status (*line_fn)(struct replay *replay, struct rk_bytes line, struct rk_error *reterr);

/* ---- lines ---- */

static bool is_blank(struct rk_bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r' && text.data[i] != '\n')
			return false;
	}
	return true;
}

static struct rk_bytes cut_line(struct rk_bytes *rest)
{
	const char *end = memchr(rest->data, '\n', rest->size);
	size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
	struct rk_bytes line = {rest->data, size};
	size_t passed = end != NULL ? size + 1 : size;
	*rest = (struct rk_bytes){rest->data + passed, rest->size - passed};
	return line;
}

static enum rk_status each_line(struct replay *replay, struct rk_bytes text, line_fn run, struct rk_error *reterr)
{
	while (!is_blank(text)) { /* what is blank up to the end is no line any more */
		struct rk_bytes line = cut_line(&text);
		enum rk_status status;
		if (is_blank(line))
			status = rk_error_set(reterr, RK_MALFORMED, "expected a JSON object, found a blank line");
		else
			status = run(replay, line, reterr);
		if (status != RK_OK)
			return rk_error_prefix(reterr, status, "line %u", replay->n_lines + 1);
		replay->n_lines++;
	}
	return RK_OK;
}

/* Runs every line of the file `name` of the folder, if there is one. */
static enum rk_status replay_file(struct replay *replay, const char *path, const char *name, line_fn run,
				  struct rk_error *reterr)
{
	int folder;
	struct rk_pages pages = {0};
	struct rk_bytes text;
	struct rk_error error = {.status = RK_OK};
	enum rk_status status = rk_folder_open(&folder, path, reterr);
	if (status != RK_OK)
		return status;
	status = rk_file_read_all(&pages, &text, folder, name, MAX_LINES_BYTES, &error);
	(void)close(folder);
	if (status == RK_NOT_FOUND)
		return RK_OK;
	if (status != RK_OK)
		return rk_error_set(reterr, status, "%s", error.message);
	status = each_line(replay, text, run, reterr);
	rk_pages_close(&pages);
	rk_pages_close(&replay->body);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "%s", name);
}

/* ---- golden ---- */

static enum rk_status write_body(struct replay *replay, const json_t *request, struct rk_bytes *ret_body,
				 struct rk_error *reterr)
{
	size_t size = json_dumpb(request, replay->body.base, replay->body.size, JSON_COMPACT);
	if (size > replay->body.size) {
		rk_pages_close(&replay->body);
		enum rk_status status = rk_pages_open(&replay->body, size, reterr);
		if (status != RK_OK)
			return status;
		size = json_dumpb(request, replay->body.base, replay->body.size, JSON_COMPACT);
	}
	if (size == 0)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory to write the request");
	*ret_body = (struct rk_bytes){replay->body.base, size};
	return RK_OK;
}

static enum rk_status rank_and_compare(struct replay *replay, json_t *request, const json_t *expected,
				       struct rk_error *reterr)
{
	struct rk_bytes body, reply;
	(void)json_object_del(request, "top_k"); /* near ties at the cut must not matter */
	enum rk_status status = write_body(replay, request, &body, reterr);
	if (status == RK_OK)
		status = replay->rank(replay->context, replay->version, body, &reply, reterr);
	if (status != RK_OK)
		return status;
	json_t *answer = NULL;
	status = rk_json_read(&answer, reply, &line_limits, reterr);
	if (status != RK_OK)
		return rk_error_prefix(reterr, status, "reply");
	status = rk_golden_compare(expected, answer, &replay->tally, reterr);
	json_decref(answer);
	return status;
}

static enum rk_status run_golden_line(struct replay *replay, struct rk_bytes line, struct rk_error *reterr)
{
	json_t *value = NULL;
	enum rk_status status = rk_json_read(&value, line, &line_limits, reterr);
	if (status != RK_OK)
		return status;
	json_t *request = json_object_get(value, "request"), *expected = json_object_get(value, "expected");
	if (json_object_size(value) != 2 || !json_is_object(request) || expected == NULL)
		status = rk_error_set(reterr, RK_INVALID, "expected {\"request\": {...}, \"expected\": {...}}");
	else
		status = rank_and_compare(replay, request, expected, reterr);
	json_decref(value);
	return status;
}

enum rk_status rk_golden_check(struct rk_version *version, const char *path, rk_rank_body_fn rank, void *context,
			       struct rk_error *reterr)
{
	struct replay replay = {.version = version, .rank = rank, .context = context};
	replay.tally.tolerance = version->model.config.golden_tolerance;
	enum rk_status status = replay_file(&replay, path, "golden.jsonl", run_golden_line, reterr);
	if (status != RK_OK)
		return status;
	version->report.n_golden = replay.n_lines;
	version->report.parity_max_error = replay.tally.max_error;
	return RK_OK;
}

/* ---- warm-up ---- */

static enum rk_status run_warmup_line(struct replay *replay, struct rk_bytes line, struct rk_error *reterr)
{
	struct rk_bytes reply;
	if (replay->rank(replay->context, replay->version, line, &reply, reterr) == RK_OK)
		return RK_OK;
	if (reterr != NULL)
		reterr->status = RK_INVALID;
	return RK_INVALID;
}

enum rk_status rk_warmup_run(struct rk_version *version, const char *path, rk_rank_body_fn rank, void *context,
			     struct rk_error *reterr)
{
	struct replay replay = {.version = version, .rank = rank, .context = context};
	enum rk_status status = replay_file(&replay, path, "warmup.jsonl", run_warmup_line, reterr);
	if (status == RK_OK)
		version->report.n_warmup = replay.n_lines;
	return status;
}
