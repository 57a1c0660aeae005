/* A line at a time: parse, send, compare, tell. Nothing is kept but the counts. */
#include "bench/replay/cmd_replay.h"

#include "bench/replay/compare.h"
#include "bench/replay/exchange.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SAME = 0, EXIT_DIFFERS = 1, EXIT_USAGE = 2, ANSWER_BYTES = 64 * 1024 * 1024 };

static const char usage[] =
	"rankd replay FILE [--url URL]\n"
	"Sends the requests that GET /v1/slow gave, or that SIGUSR2 had logged, again, and compares\n"
	"the items of the answers. --url: http://127.0.0.1:8080 (default) or unix:/path; this machine\n"
	"only. Bodies are recorded with --record-bodies.\n";

struct replay {
	const char *url;
	char *buffer; /* ANSWER_BYTES */
	size_t n_records, n_sent, n_same, n_differ, n_failed, n_not_compared;
};

static const char *text_of(json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));
	return text == NULL ? "" : text;
}

static struct rk_bytes bytes_of(json_t *record, const char *key)
{
	json_t *value = json_object_get(record, key);
	return (struct rk_bytes){json_string_value(value), json_string_length(value)};
}

static void tell(const struct replay *replay, json_t *record, const char *what)
{
	(void)printf("%zu %s: %s\n", replay->n_records, text_of(record, "request_id"), what);
}

static void judge(struct replay *replay, json_t *record, const struct rk_replay_answer *answer)
{
	char text[256];
	struct rk_replay_difference difference;
	const json_int_t status = json_integer_value(json_object_get(record, "status"));
	if (answer->status != (unsigned)status) {
		replay->n_differ++;
		(void)snprintf(text, sizeof(text), "status %u, recorded was %d", answer->status, (int)status);
		tell(replay, record, text);
		return;
	}
	const struct rk_bytes recorded = bytes_of(record, "answer");
	if (status != 200 || recorded.data == NULL) {
		replay->n_not_compared++;
		tell(replay, record, status != 200 ? "the same status" : "answered; no answer was recorded");
		return;
	}
	switch (rk_replay_compare(recorded, answer->body, &difference)) {
	case RK_REPLAY_SAME:
		replay->n_same++;
		(void)snprintf(text, sizeof(text), "the same %zu items%s", difference.n_items,
			       difference.is_other_version ? ", by another version" : "");
		break;
	case RK_REPLAY_DIFFERS:
		replay->n_differ++;
		(void)snprintf(text, sizeof(text),
			       "differs from place %zu on: of %zu items %zu moved, %zu scores changed by up to %.3g%s",
			       difference.first_place, difference.n_items, difference.n_moved, difference.n_scores,
			       difference.largest, difference.is_other_version ? "; another version answered" : "");
		break;
	case RK_REPLAY_DEGRADED:
		replay->n_not_compared++;
		(void)snprintf(text, sizeof(text), "degraded, then or now: not compared");
		break;
	case RK_REPLAY_UNREADABLE:
		replay->n_failed++;
		(void)snprintf(text, sizeof(text), "an answer is not JSON with items");
		break;
	}
	tell(replay, record, text);
}

static void replay_record(struct replay *replay, json_t *record)
{
	char path[128], text[sizeof(((struct rk_error *)NULL)->message) + 32];
	struct rk_load_target target;
	struct rk_replay_answer answer;
	struct rk_error error;
	const struct rk_bytes body = bytes_of(record, "body");
	replay->n_records++;
	if (body.data == NULL) {
		replay->n_not_compared++;
		tell(replay, record, "its body was not recorded");
		return;
	}
	const char *model = text_of(record, "path_model");
	(void)snprintf(path, sizeof(path), model[0] == '\0' ? "/rank%s" : "/rank/%s", model);
	enum rk_status status = rk_load_target_parse(replay->url, path, &target, &error);
	if (status == RK_OK)
		status = rk_replay_exchange(&target, body, replay->buffer, ANSWER_BYTES, &answer, &error);
	if (status != RK_OK) {
		replay->n_failed++;
		(void)snprintf(text, sizeof(text), "not answered: %s", error.message);
		tell(replay, record, text);
		return;
	}
	replay->n_sent++;
	judge(replay, record, &answer);
}

/* A line is the whole of /v1/slow, one record, or a log line of something else. False: no JSON object. */
static bool take_line(struct replay *replay, const char *line, size_t size)
{
	json_t *root = json_loadb(line, size, 0, NULL);
	json_t *records = json_object_get(root, "requests");
	const bool is_good = json_is_object(root);
	for (size_t i = 0; i < json_array_size(records); i++)
		replay_record(replay, json_array_get(records, i));
	if (strcmp(text_of(root, "event"), "slow_request") == 0)
		replay_record(replay, root);
	json_decref(root);
	return is_good;
}

static int run(struct replay *replay, const char *file)
{
	char *line = NULL;
	size_t room = 0, n_lines = 0;
	ssize_t size = 0;
	bool is_good = true;
	FILE *stream = fopen(file, "re");
	if (stream == NULL) {
		(void)fprintf(stderr, "rankd replay: %s: %s\n", file, strerror(errno));
		return EXIT_USAGE;
	}
	while (is_good && (size = getline(&line, &room, stream)) > 0) {
		n_lines++;
		is_good = line[strspn(line, " \t\r\n")] == '\0' || take_line(replay, line, (size_t)size);
	}
	free(line);
	(void)fclose(stream);
	if (!is_good) {
		(void)fprintf(stderr, "rankd replay: %s: line %zu is not a JSON object\n", file, n_lines);
		return EXIT_USAGE;
	}
	(void)printf("%zu records, %zu sent: %zu the same, %zu differ, %zu failed, %zu not compared\n",
		     replay->n_records, replay->n_sent, replay->n_same, replay->n_differ, replay->n_failed,
		     replay->n_not_compared);
	return replay->n_differ + replay->n_failed == 0 ? EXIT_SAME : EXIT_DIFFERS;
}

/* The target that all records go to is looked at before any is read. */
static int check_and_run(const char *file, const char *url)
{
	struct rk_load_target target;
	struct rk_error error;
	struct replay replay = {.url = url};
	enum rk_status status = rk_load_target_parse(url, "/rank", &target, &error);
	if (status == RK_OK && !target.is_local)
		status = rk_error_set(&error, RK_INVALID, "--url: %s is not this machine", url);
	if (status != RK_OK) {
		(void)fprintf(stderr, "rankd replay: %s\n", error.message);
		return EXIT_USAGE;
	}
	replay.buffer = malloc(ANSWER_BYTES);
	if (replay.buffer == NULL) {
		(void)fputs("rankd replay: out of memory\n", stderr);
		return EXIT_DIFFERS;
	}
	const int code = run(&replay, file);
	free(replay.buffer);
	return code;
}

int rk_cmd_replay(int argc, char **argv)
{
	const char *file = NULL, *url = "http://127.0.0.1:8080";
	bool is_good = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			(void)fputs(usage, stdout);
			return EXIT_SAME;
		}
		if (strcmp(argv[i], "--url") == 0 && i + 1 < argc)
			url = argv[++i];
		else if (argv[i][0] != '-' && file == NULL)
			file = argv[i];
		else
			is_good = false;
	}
	if (is_good && file != NULL)
		return check_and_run(file, url);
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}
