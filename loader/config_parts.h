/*
 * The config reader's inside: a schema is a table of keys, a key has a reader. Private to loader/config_*.c.
 *
 *     config_keys.c    the tables
 *     config_reader.c  walks an object along its table
 *     config_values.c  readers of single values and of plain lists
 *     config_names.c   readers of names and of what refers to them
 *     config_features.c  readers of features and their values
 *     config_check.c   what holds between keys
 */
#ifndef RK_LOADER_CONFIG_PARTS_H
#define RK_LOADER_CONFIG_PARTS_H

#include "loader/json_read.h"
#include "model/base/arena.h"
#include "model/config.h"

enum { RK_MAX_NAME_BYTES = 255 };

struct rk_config_reader {
	struct rk_config *config;
	struct rk_arena *arena;
	char *text; /* strings are copied here, one after the other; as long as the JSON, so that it always suffices */
	struct rk_error *reterr;
	uint32_t n_conditions; /* seen in the present derived action */
	size_t path_size;
	char path[512]; /* of the value being read, for messages */
};

struct rk_config_key;

/* Reads `value` (NULL: a required key that is missing) to its place in `base`. Fails on NULL like on any other type. */
typedef enum rk_status rk_config_read_fn(struct rk_config_reader *reader, const struct rk_config_key *key,
					 json_t *value, char *base);

struct rk_config_key {
	const char *name;
	rk_config_read_fn *read;
	uint32_t required;  /* bit t: required for objects of type t */
	uint32_t allowed;   /* bit t: known to objects of type t */
	double least, most; /* range of an integer, or of a list's length; a number is > least */
	const void *detail; /* struct rk_config_words, struct rk_config_schema, or by the reader */
	size_t place;       /* offset in `base` */
	size_t place_n;     /* offset of a list's length */
};

/* A table of keys, in the order in which they are read: names stand before what refers to them. */
struct rk_config_schema {
	const struct rk_config_key *keys;
	size_t n;
	bool has_type; /* the first key is the object's type */
	size_t bytes;  /* of the struct, where the schema describes a list's elements */
};

struct rk_config_words {
	const char *const *words;
	size_t n;
};

extern const struct rk_config_schema rk_config_top_schema;

/* ---- config_reader.c ---- */

/* RK_INVALID: "<path>: expected <format...>, found <value>" */
enum rk_status rk_config_fail(struct rk_config_reader *reader, json_t *value, const char *format, ...) RK_PRINTF(3, 4);
enum rk_status rk_config_no_memory(struct rk_config_reader *reader);

/* Lengthens the path; returns what rk_config_leave takes to shorten it again. */
size_t rk_config_enter_key(struct rk_config_reader *reader, struct rk_bytes key);
size_t rk_config_enter_index(struct rk_config_reader *reader, size_t index);
void rk_config_leave(struct rk_config_reader *reader, size_t mark);

/* Copies a string into the reader's text. */
struct rk_bytes rk_config_keep_text(struct rk_config_reader *reader, struct rk_bytes text);

enum rk_status rk_config_walk(struct rk_config_reader *reader, const struct rk_config_schema *schema, json_t *value,
			      char *base);

rk_config_read_fn rk_config_read_object; /* detail: schema */
rk_config_read_fn rk_config_read_list;   /* detail: schema of the elements */

/* ---- config_values.c ---- */
rk_config_read_fn rk_config_read_format;
rk_config_read_fn rk_config_read_text;    /* struct rk_bytes */
rk_config_read_fn rk_config_read_integer; /* uint32_t */
rk_config_read_fn rk_config_read_number;  /* double */
rk_config_read_fn rk_config_read_float;   /* float */
rk_config_read_fn rk_config_read_boolean; /* bool */
rk_config_read_fn rk_config_read_word;    /* an enum; detail: words */
rk_config_read_fn rk_config_read_sizes;   /* const uint32_t * and its length */

/* A number that a float holds and that is > least. */
enum rk_status rk_config_number_to_float(struct rk_config_reader *reader, json_t *value, double least,
					 float *ret_number);

/* ---- config_names.c ---- */

/* Place of the name, or -1. */
int32_t rk_config_find_name(const struct rk_names *names, struct rk_bytes name);

/* Reads one name: a string of 1 to RK_MAX_NAME_BYTES bytes, copied. */
enum rk_status rk_config_read_name(struct rk_config_reader *reader, json_t *value, struct rk_bytes *ret_name);

/* For sorting: a text and where it stood. */
struct rk_config_row {
	struct rk_bytes text;
	uint32_t row;
};
/* Sorts the rows by text. Returns the later row of the first text that stands there twice, or -1. */
int64_t rk_config_sort_rows(struct rk_config_row *rows, size_t n);

rk_config_read_fn rk_config_read_names;      /* struct rk_names */
rk_config_read_fn rk_config_read_action;     /* uint32_t: index of an action */
rk_config_read_fn rk_config_read_condition;  /* struct rk_derived_action; detail: pointer to an enum rk_condition */
rk_config_read_fn rk_config_read_derived;    /* list of derived actions */
rk_config_read_fn rk_config_read_polarity;   /* struct rk_polarity_config */
rk_config_read_fn rk_config_read_action_set; /* const uint64_t * */
rk_config_read_fn rk_config_read_weights;    /* struct rk_reward_config */
rk_config_read_fn rk_config_read_signal;     /* struct rk_reward_config */

/* ---- config_features.c ---- */
rk_config_read_fn rk_config_read_features;     /* struct rk_features_config */
rk_config_read_fn rk_config_read_feature_name; /* struct rk_bytes */
rk_config_read_fn rk_config_read_values;       /* struct rk_feature_config */

/* ---- config_check.c ---- */

/* What holds between keys; and clears the fields of other types. */
enum rk_status rk_config_check(struct rk_config_reader *reader);

#endif
