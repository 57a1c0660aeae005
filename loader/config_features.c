/*
 * Readers of context features. A categorical feature's values are kept as two sorted lists, integers and strings,
 * each value with its row of the embedding table, for a binary search at request time.
 */
#include "loader/config_parts.h"
#include "loader/foreign.h"

#include <stdlib.h>

enum rk_status rk_config_read_feature_name(struct rk_config_reader *reader, const struct rk_config_key *key,
					   json_t *value, char *base)
{
	struct rk_bytes name;
	enum rk_status status = rk_config_read_name(reader, value, &name);
	if (status == RK_OK)
		memcpy(base + key->place, &name, sizeof(name));
	return status;
}

static enum rk_status check_feature_names(struct rk_config_reader *reader, const struct rk_features_config *list)
{
	size_t mark = rk_arena_mark(reader->arena);
	struct rk_config_row *rows = rk_arena_alloc_array(reader->arena, list->n, sizeof(*rows));
	if (rows == NULL)
		return rk_config_no_memory(reader);
	for (uint32_t i = 0; i < list->n; i++)
		rows[i] = (struct rk_config_row){list->features[i].name, i};
	int64_t again = rk_config_sort_rows(rows, list->n);
	rk_arena_rewind(reader->arena, mark);
	if (again < 0)
		return RK_OK;
	return rk_error_set(reader->reterr, RK_INVALID, "%s[%lld].name: expected unique names, found \"%s\" again",
			    reader->path, (long long)again, rk_foreign_show(list->features[again].name).text);
}

enum rk_status rk_config_read_features(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				       char *base)
{
	struct rk_features_config *list = (struct rk_features_config *)(void *)(base + key->place);
	struct rk_config_key list_key = *key;
	list_key.place = offsetof(struct rk_features_config, features);
	list_key.place_n = offsetof(struct rk_features_config, n);
	enum rk_status status = rk_config_read_list(reader, &list_key, value, (char *)list);
	if (status != RK_OK)
		return status;
	uint64_t width = 0;
	for (uint32_t i = 0; i < list->n; i++)
		width += rk_feature_width(&list->features[i]);
	list->width = (uint32_t)width; /* at most `most` features of RK_MAX_DIM columns: fits */
	return check_feature_names(reader, list);
}

/* ---- values ---- */

struct integer_row {
	int64_t value;
	uint32_t row;
};

static int compare_integers(const void *left, const void *right)
{
	const struct integer_row *a = left, *b = right;
	return a->value != b->value ? (a->value > b->value ? 1 : -1) : (a->row > b->row) - (a->row < b->row);
}

static enum rk_status fail_again(struct rk_config_reader *reader, json_t *list, int64_t row)
{
	(void)rk_config_enter_index(reader, (size_t)row - 1);
	return rk_error_set(reader->reterr, RK_INVALID, "%s: expected unique values, found %s again", reader->path,
			    rk_json_show(json_array_get(list, (size_t)row - 1)).text);
}

static enum rk_status keep_integers(struct rk_config_reader *reader, json_t *list, struct rk_feature_config *feature)
{
	int64_t *integers = rk_arena_alloc_array(reader->arena, feature->n_integers, sizeof(*integers));
	uint32_t *rows = rk_arena_alloc_array(reader->arena, feature->n_integers, sizeof(*rows));
	size_t mark = rk_arena_mark(reader->arena);
	struct integer_row *pairs = rk_arena_alloc_array(reader->arena, feature->n_integers, sizeof(*pairs));
	if (pairs == NULL)
		return rk_config_no_memory(reader);
	uint32_t n = 0;
	for (uint32_t i = 0; i < feature->n_values; i++) {
		json_t *value = json_array_get(list, i);
		if (json_is_integer(value))
			pairs[n++] = (struct integer_row){json_integer_value(value), i + 1};
	}
	qsort(pairs, n, sizeof(*pairs), compare_integers);
	for (uint32_t i = 0; i < n; i++) {
		integers[i] = pairs[i].value;
		rows[i] = pairs[i].row;
		if (i > 0 && integers[i] == integers[i - 1])
			return fail_again(reader, list, rows[i]);
	}
	rk_arena_rewind(reader->arena, mark);
	feature->integers = integers;
	feature->integer_rows = rows;
	return RK_OK;
}

static enum rk_status keep_strings(struct rk_config_reader *reader, json_t *list, struct rk_feature_config *feature)
{
	struct rk_bytes *strings = rk_arena_alloc_array(reader->arena, feature->n_strings, sizeof(*strings));
	uint32_t *rows = rk_arena_alloc_array(reader->arena, feature->n_strings, sizeof(*rows));
	size_t mark = rk_arena_mark(reader->arena);
	struct rk_config_row *pairs = rk_arena_alloc_array(reader->arena, feature->n_strings, sizeof(*pairs));
	if (pairs == NULL)
		return rk_config_no_memory(reader);
	uint32_t n = 0;
	for (uint32_t i = 0; i < feature->n_values; i++) {
		json_t *value = json_array_get(list, i);
		if (json_is_string(value))
			pairs[n++] = (struct rk_config_row){rk_config_keep_text(reader, rk_json_text(value)), i + 1};
	}
	int64_t again = rk_config_sort_rows(pairs, n);
	if (again >= 0)
		return fail_again(reader, list, again);
	for (uint32_t i = 0; i < n; i++) {
		strings[i] = pairs[i].text;
		rows[i] = pairs[i].row;
	}
	rk_arena_rewind(reader->arena, mark);
	feature->strings = strings;
	feature->string_rows = rows;
	return RK_OK;
}

enum rk_status rk_config_read_values(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				     char *base)
{
	struct rk_feature_config *feature = (struct rk_feature_config *)(void *)base;
	(void)key;
	if (!json_is_array(value))
		return rk_config_fail(reader, value, "a list of strings and integers");
	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *element = json_array_get(value, i);
		if (!json_is_string(element) && !json_is_integer(element)) {
			(void)rk_config_enter_index(reader, i);
			return rk_config_fail(reader, element, "a string or an integer");
		}
		feature->n_integers += json_is_integer(element);
		feature->n_strings += json_is_string(element);
	}
	feature->n_values = feature->n_integers + feature->n_strings;
	enum rk_status status = keep_integers(reader, value, feature);
	return status == RK_OK ? keep_strings(reader, value, feature) : status;
}
