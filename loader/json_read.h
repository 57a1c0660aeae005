/*
 * Strict JSON for the model folder's files: jansson, with the work that a text can cause bounded before it is parsed,
 * and with a failed allocation always seen as an error.
 */
#ifndef RK_LOADER_JSON_READ_H
#define RK_LOADER_JSON_READ_H

#include "model/base/span.h"
#include "model/base/status.h"

#include <jansson.h>
#include <stdint.h>

struct rk_json_limits {
	uint32_t max_depth;  /* objects and arrays within one another */
	uint32_t max_values; /* counted by their separators */
	size_t max_token;    /* bytes of the longest string or number as it is written; 0: the text's own size */
};

/* Parses one JSON value that fills `text` (white space around it is fine): no duplicate keys, no NULs, UTF-8 only.
 * The caller owns *ret_value (json_decref). RK_MALFORMED names line and reason, RK_LIMIT, RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_json_read(json_t **ret_value, struct rk_bytes text, const struct rk_json_limits *limits,
					 struct rk_error *reterr);

/* What a value is, for "expected ..., found ...": `an object`, `3`, `the string "abc"`; "nothing" for NULL. */
struct rk_json_shown {
	char text[96];
};
struct rk_json_shown rk_json_show(const json_t *value);

/* String values and keys as spans; valid as long as their owner. */
struct rk_bytes rk_json_text(const json_t *string);

#endif
