/* Readers of names and of what refers to them. The schema's order guarantees that `actions` and `signals` come first.
 */
#include "loader/config_parts.h"
#include "loader/foreign.h"

#include <math.h>
#include <stdlib.h>

int32_t rk_config_find_name(const struct rk_names *names, struct rk_bytes name)
{
	for (uint32_t i = 0; i < names->n; i++) {
		if (rk_bytes_equal(names->names[i], name))
			return (int32_t)i;
	}
	return -1;
}

enum rk_status rk_config_read_name(struct rk_config_reader *reader, json_t *value, struct rk_bytes *ret_name)
{
	if (!json_is_string(value) || json_string_length(value) < 1 || json_string_length(value) > RK_MAX_NAME_BYTES)
		return rk_config_fail(reader, value, "a name of 1 to %d bytes", RK_MAX_NAME_BYTES);
	*ret_name = rk_config_keep_text(reader, rk_json_text(value));
	return RK_OK;
}

static int compare_rows(const void *left, const void *right)
{
	const struct rk_config_row *a = left, *b = right;
	int order = rk_bytes_compare(a->text, b->text);
	return order != 0 ? order : (a->row > b->row) - (a->row < b->row);
}

int64_t rk_config_sort_rows(struct rk_config_row *rows, size_t n)
{
	qsort(rows, n, sizeof(*rows), compare_rows);
	for (size_t i = 1; i < n; i++) {
		if (rk_bytes_equal(rows[i - 1].text, rows[i].text))
			return rows[i].row;
	}
	return -1;
}

static enum rk_status check_unique(struct rk_config_reader *reader, const struct rk_bytes *names, uint32_t n)
{
	size_t mark = rk_arena_mark(reader->arena);
	struct rk_config_row *rows = rk_arena_alloc_array(reader->arena, n, sizeof(*rows));
	if (rows == NULL)
		return rk_config_no_memory(reader);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = (struct rk_config_row){names[i], i};
	int64_t again = rk_config_sort_rows(rows, n);
	rk_arena_rewind(reader->arena, mark);
	if (again < 0)
		return RK_OK;
	return rk_error_set(reader->reterr, RK_INVALID, "%s[%lld]: expected unique names, found \"%s\" again",
			    reader->path, (long long)again, rk_foreign_show(names[again]).text);
}

enum rk_status rk_config_read_names(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				    char *base)
{
	if (!json_is_array(value))
		return rk_config_fail(reader, value, "a list of names");
	struct rk_names list = {.n = (uint32_t)json_array_size(value)};
	if (list.n < (uint32_t)key->least || list.n > (uint32_t)key->most)
		return rk_error_set(reader->reterr, RK_INVALID, "%s: expected %.0f to %.0f names, found %u",
				    reader->path, key->least, key->most, list.n);
	struct rk_bytes *names = rk_arena_alloc_array(reader->arena, list.n, sizeof(*names));
	if (names == NULL)
		return rk_config_no_memory(reader);
	for (uint32_t i = 0; i < list.n; i++) {
		size_t mark = rk_config_enter_index(reader, i);
		enum rk_status status = rk_config_read_name(reader, json_array_get(value, i), &names[i]);
		rk_config_leave(reader, mark);
		if (status != RK_OK)
			return status;
	}
	list.names = names;
	memcpy(base + key->place, &list, sizeof(list));
	return check_unique(reader, names, list.n);
}

static enum rk_status find_action(struct rk_config_reader *reader, json_t *value, uint32_t *ret_action)
{
	int32_t action =
		json_is_string(value) ? rk_config_find_name(&reader->config->actions, rk_json_text(value)) : -1;
	if (action < 0)
		return rk_config_fail(reader, value, "a name in actions");
	*ret_action = (uint32_t)action;
	return RK_OK;
}

enum rk_status rk_config_read_action(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				     char *base)
{
	uint32_t action;
	enum rk_status status = find_action(reader, value, &action);
	if (status == RK_OK)
		memcpy(base + key->place, &action, sizeof(action));
	reader->n_conditions = 0; /* `name` is a derived action's first key: a new one begins */
	return status;
}

enum rk_status rk_config_read_condition(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
					char *base)
{
	struct rk_derived_action *derived = (struct rk_derived_action *)(void *)base;
	const enum rk_condition *condition = key->detail;
	if (!json_is_number(value))
		return rk_config_fail(reader, value, "a number");
	if (++reader->n_conditions > 1)
		return rk_error_set(reader->reterr, RK_INVALID, "%s: expected one condition, found a second",
				    reader->path);
	derived->condition = *condition;
	derived->threshold = json_number_value(value);
	return RK_OK;
}

enum rk_status rk_config_read_derived(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				      char *base)
{
	enum rk_status status = rk_config_read_list(reader, key, value, base);
	for (size_t i = 0; status == RK_OK && i < json_array_size(value); i++) {
		/* two conditions were refused on the way, so one is there unless `name` stands alone */
		if (json_object_size(json_array_get(value, i)) < 2) {
			(void)rk_config_enter_index(reader, i);
			status = rk_error_set(reader->reterr, RK_INVALID, "%s: expected one condition, found none",
					      reader->path);
		}
	}
	return status;
}

/* ---- feedback ---- */

enum rk_status rk_config_read_polarity(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				       char *base)
{
	struct rk_polarity_config *polarity = (struct rk_polarity_config *)(void *)(base + key->place);
	uint32_t n_words = rk_action_words(reader->config);
	polarity->explicit_actions = rk_arena_alloc_zeroed(reader->arena, n_words, sizeof(uint64_t));
	polarity->implicit_actions = rk_arena_alloc_zeroed(reader->arena, n_words, sizeof(uint64_t));
	if (polarity->implicit_actions == NULL)
		return rk_config_no_memory(reader);
	polarity->present = true;
	return rk_config_walk(reader, key->detail, value, base + key->place);
}

enum rk_status rk_config_read_action_set(struct rk_config_reader *reader, const struct rk_config_key *key,
					 json_t *value, char *base)
{
	if (!json_is_array(value))
		return rk_config_fail(reader, value, "a list of names");
	uint64_t *set = rk_arena_alloc_zeroed(reader->arena, rk_action_words(reader->config), sizeof(*set));
	if (set == NULL)
		return rk_config_no_memory(reader);
	for (size_t i = 0; i < json_array_size(value); i++) {
		size_t mark = rk_config_enter_index(reader, i);
		uint32_t action;
		enum rk_status status = find_action(reader, json_array_get(value, i), &action);
		if (status == RK_OK && (set[action / 64] >> (action % 64) & 1) != 0)
			status = rk_config_fail(reader, json_array_get(value, i), "unique names");
		rk_config_leave(reader, mark);
		if (status != RK_OK)
			return status;
		set[action / 64] |= (uint64_t)1 << (action % 64);
	}
	memcpy(base + key->place, &set, sizeof(set));
	return RK_OK;
}

/* ---- reward ---- */

enum rk_status rk_config_read_weights(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				      char *base)
{
	(void)key;
	if (!json_is_object(value))
		return rk_config_fail(reader, value, "an object of signals and numbers");
	const struct rk_names *signals = &reader->config->signals;
	float *weights = rk_arena_alloc_zeroed(reader->arena, signals->n, sizeof(*weights));
	uint8_t *has_weight = rk_arena_alloc_zeroed(reader->arena, signals->n, sizeof(*has_weight));
	if (has_weight == NULL)
		return rk_config_no_memory(reader);
	void *iterator = json_object_iter(value);
	for (; iterator != NULL; iterator = json_object_iter_next(value, iterator)) {
		struct rk_bytes name = {json_object_iter_key(iterator), json_object_iter_key_len(iterator)};
		size_t mark = rk_config_enter_key(reader, name);
		int32_t signal = rk_config_find_name(signals, name);
		if (signal < 0)
			return rk_error_set(reader->reterr, RK_INVALID, "%s: expected a name in signals", reader->path);
		enum rk_status status = rk_config_number_to_float(reader, json_object_iter_value(iterator), -HUGE_VAL,
								  &weights[signal]);
		if (status != RK_OK)
			return status;
		has_weight[signal] = 1;
		rk_config_leave(reader, mark);
	}
	struct rk_reward_config *reward = (struct rk_reward_config *)(void *)base;
	reward->weights = weights;
	reward->has_weight = has_weight;
	return RK_OK;
}

enum rk_status rk_config_read_signal(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				     char *base)
{
	struct rk_reward_config *reward = (struct rk_reward_config *)(void *)base;
	(void)key;
	if (!json_is_string(value))
		return rk_config_fail(reader, value, "a name in signals");
	if (reward->type != RK_REWARD_ODDS)
		return RK_OK;
	int32_t signal = rk_config_find_name(&reader->config->signals, rk_json_text(value));
	if (signal < 0)
		return rk_config_fail(reader, value, "a name in signals");
	reward->signal = (uint32_t)signal;
	return RK_OK;
}
