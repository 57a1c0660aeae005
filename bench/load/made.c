#include "bench/load/bodies.h"
#include "model/base/check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t draw_id(const struct rk_load_made *made, struct rk_load_random *random)
{
	return made->id_low + rk_load_random_below(random, made->id_high - made->id_low + 1);
}

/* Writes the next name of the list and returns where the one after it begins, around again at the end. */
static const char *write_action(FILE *stream, const char *names, const char *next)
{
	const size_t size = strcspn(next, ",");
	(void)fprintf(stream, ",\"action\":\"%.*s\"", (int)size, next);
	return next[size] == ',' ? next + size + 1 : names;
}

static void write_body(FILE *stream, const struct rk_load_made *made, uint32_t n_candidates,
		       struct rk_load_random *random)
{
	const char *action = made->actions;
	(void)fputs("{\"history\":[", stream);
	for (uint32_t i = 0; i < made->n_events; i++) {
		(void)fprintf(stream, "%s{\"item\":%" PRIu64, i > 0 ? "," : "", draw_id(made, random));
		if (action != NULL)
			action = write_action(stream, made->actions, action);
		(void)fputc('}', stream);
	}
	(void)fputs("],\"candidates\":[", stream);
	for (uint32_t i = 0; i < n_candidates; i++)
		(void)fprintf(stream, "%s%" PRIu64, i > 0 ? "," : "", draw_id(made, random));
	(void)fputs("]}", stream);
}

static enum rk_status add_request(struct rk_load_pool *pool, const struct rk_load_made *made, uint32_t n_candidates,
				  struct rk_load_random *random, struct rk_error *reterr)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	if (stream == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "a body of %u candidates", n_candidates);
	write_body(stream, made, n_candidates, random);
	const bool is_whole = ferror(stream) == 0;
	const enum rk_status status =
		fclose(stream) == 0 && is_whole
			? rk_load_pool_add(pool, (struct rk_bytes){text, size}, n_candidates, reterr)
			: rk_error_set(reterr, RK_NO_MEMORY, "a body of %u candidates", n_candidates);
	free(text);
	return status;
}

static bool are_plain_names(const char *names)
{
	for (const char *at = names; *at != '\0'; at++)
		if (*at < ' ' || *at == '"' || *at == '\\' || *at == 0x7f ||
		    (*at == ',' && (at == names || at[1] == ',')))
			return false;
	return names[0] != '\0' && names[strlen(names) - 1] != ',';
}

enum rk_status rk_load_bodies_make(struct rk_load_pool *pool, const struct rk_load_made *made,
				   const struct rk_load_mix *mix, uint64_t seed, struct rk_error *reterr)
{
	RK_ASSERT(mix->kind != RK_LOAD_MIX_OWN && made->id_low <= made->id_high &&
		  made->id_high - made->id_low < UINT64_MAX);
	if (made->actions != NULL && !are_plain_names(made->actions))
		return rk_error_set(reterr, RK_INVALID,
				    "--actions: expected printable ASCII names with commas between");
	struct rk_load_random random = {.state = seed};
	enum rk_status status = RK_OK;
	while (status == RK_OK && pool->n < pool->capacity)
		status = add_request(pool, made, rk_load_mix_draw(mix, &random), &random, reterr);
	return status;
}
