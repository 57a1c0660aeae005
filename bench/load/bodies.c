/*
 * A line is parsed once and kept as text with the places of its candidates, so that a request costs copies only, also
 * where a thousand of them are cut from five lines.
 */
#include "bench/load/bodies.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* text = before | candidate 0 | … | candidate n−1 | after; places[i] is where candidate i begins, places[n] the end */
struct body {
	char *text;
	size_t size;
	size_t *places; /* [n + 1] */
	size_t n;
};

struct bodies {
	struct body *items; /* [RK_LOAD_MAX_LINES] */
	size_t n;
};

static void bodies_close(struct bodies *bodies)
{
	for (size_t i = 0; i < bodies->n; i++) {
		free(bodies->items[i].text);
		free(bodies->items[i].places);
	}
	free(bodies->items);
}

static void write_value(FILE *stream, const json_t *value)
{
	/* 15 digits: what a person wrote comes back as it was (17 would turn 0.1 into 0.10000000000000001) */
	if (json_dumpf(value, stream, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0)
		(void)fputs("null", stream);
}

static void write_candidates(FILE *stream, const json_t *candidates, size_t *places)
{
	const size_t n = json_array_size(candidates);
	for (size_t i = 0; i < n; i++) {
		(void)fflush(stream);
		places[i] = (size_t)ftell(stream);
		write_value(stream, json_array_get(candidates, i));
	}
	(void)fflush(stream);
	places[n] = (size_t)ftell(stream);
}

static enum rk_status body_open(struct body *ret_body, json_t *object, struct rk_error *reterr)
{
	const json_t *candidates = json_object_get(object, "candidates");
	struct body body = {.n = json_array_size(candidates)};
	if (body.n == 0)
		return rk_error_set(reterr, RK_INVALID, "candidates: expected an array that is not empty");
	body.places = calloc(body.n + 1, sizeof(body.places[0]));
	FILE *stream = body.places == NULL ? NULL : open_memstream(&body.text, &body.size);
	if (stream == NULL) {
		free(body.places);
		return rk_error_set(reterr, RK_NO_MEMORY, "a body of %zu candidates", body.n);
	}

	const char *name;
	json_t *value;
	char separator = '{';
	json_object_foreach(object, name, value)
	{
		json_t *key = json_string(name);
		(void)fputc(separator, stream);
		write_value(stream, key);
		json_decref(key);
		(void)fputc(':', stream);
		separator = ',';
		if (value != candidates) {
			write_value(stream, value);
			continue;
		}
		(void)fputc('[', stream);
		write_candidates(stream, candidates, body.places);
		(void)fputc(']', stream);
	}
	(void)fputc('}', stream);
	const bool is_whole = ferror(stream) == 0;
	if (fclose(stream) != 0 || !is_whole) {
		free(body.text);
		free(body.places);
		return rk_error_set(reterr, RK_NO_MEMORY, "a body of %zu candidates", body.n);
	}
	*ret_body = body;
	return RK_OK;
}

static enum rk_status take_line(struct bodies *bodies, const char *line, size_t size, struct rk_error *reterr)
{
	if (bodies->n == RK_LOAD_MAX_LINES)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %d lines", RK_LOAD_MAX_LINES);
	if (size > RK_LOAD_MAX_LINE_BYTES)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %d bytes, found %zu", RK_LOAD_MAX_LINE_BYTES,
				    size);
	json_error_t failure;
	json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &failure);
	if (object == NULL)
		return rk_error_set(reterr, RK_MALFORMED, "column %d: %s", failure.column, failure.text);
	const enum rk_status status = json_is_object(object)
					      ? body_open(&bodies->items[bodies->n], object, reterr)
					      : rk_error_set(reterr, RK_INVALID, "expected a JSON object");
	json_decref(object);
	if (status == RK_OK)
		bodies->n++;
	return status;
}

static enum rk_status read_lines(struct bodies *bodies, FILE *stream, struct rk_error *reterr)
{
	char *line = NULL;
	size_t capacity = 0;
	size_t total = 0;
	enum rk_status status = RK_OK;
	ssize_t size;
	for (size_t number = 1; status == RK_OK && (size = getline(&line, &capacity, stream)) >= 0; number++) {
		total += (size_t)size;
		if (total > RK_LOAD_MAX_FILE_BYTES)
			status = rk_error_set(reterr, RK_LIMIT, "expected at most %d bytes", RK_LOAD_MAX_FILE_BYTES);
		else if (strspn(line, " \t\r\n") != (size_t)size)
			status = take_line(bodies, line, (size_t)size, reterr);
		if (status != RK_OK)
			(void)rk_error_prefix(reterr, status, "line %zu", number);
	}
	free(line);
	if (status == RK_OK && ferror(stream))
		return rk_error_set(reterr, RK_IO, "%s", strerror(errno));
	if (status == RK_OK && bodies->n == 0)
		return rk_error_set(reterr, RK_INVALID, "expected at least one request, found none");
	return status;
}

static enum rk_status add_request(struct rk_load_pool *pool, const struct body *body, size_t n, size_t first,
				  struct rk_error *reterr)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	if (stream == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "a body of %zu candidates", n);
	(void)fwrite(body->text, 1, body->places[0], stream);
	for (size_t i = 0; i < n; i++) {
		const size_t at = (first + i) % body->n;
		if (i > 0)
			(void)fputc(',', stream);
		(void)fwrite(body->text + body->places[at], 1, body->places[at + 1] - body->places[at], stream);
	}
	const size_t end = body->places[body->n];
	(void)fwrite(body->text + end, 1, body->size - end, stream);
	const bool is_whole = ferror(stream) == 0;
	const enum rk_status status = fclose(stream) == 0 && is_whole
					      ? rk_load_pool_add(pool, (struct rk_bytes){text, size}, n, reterr)
					      : rk_error_set(reterr, RK_NO_MEMORY, "a body of %zu candidates", n);
	free(text);
	return status;
}

enum rk_status rk_load_bodies_read(struct rk_load_pool *pool, const char *file, const struct rk_load_mix *mix,
				   uint64_t seed, struct rk_error *reterr)
{
	FILE *stream = fopen(file, "re");
	if (stream == NULL)
		return rk_error_set(reterr, RK_NOT_FOUND, "%s: %s", file, strerror(errno));
	struct bodies bodies = {.items = calloc(RK_LOAD_MAX_LINES, sizeof(struct body))};
	enum rk_status status = bodies.items == NULL ? rk_error_set(reterr, RK_NO_MEMORY, "the table of bodies")
						     : read_lines(&bodies, stream, reterr);
	(void)fclose(stream);

	struct rk_load_random random = {.state = seed};
	size_t n_requests = pool->capacity;
	if (mix->kind == RK_LOAD_MIX_OWN && bodies.n < n_requests)
		n_requests = bodies.n;
	for (size_t k = 0; status == RK_OK && k < n_requests; k++) {
		const struct body *body = &bodies.items[k % bodies.n];
		const size_t n = rk_load_mix_draw(mix, &random);
		status = n == 0 ? add_request(pool, body, body->n, 0, reterr)
				: add_request(pool, body, n, rk_load_random_below(&random, body->n), reterr);
	}
	if (bodies.items != NULL)
		bodies_close(&bodies);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "%s", file);
}
