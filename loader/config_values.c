/* Readers of single values. An integer is a JSON integer (2.0 is none); a number is finite, which jansson ensures. */
#include "loader/config_parts.h"

#include <math.h>
#include <stdio.h>

static const char format_name[] = "rankd-model/1";

enum rk_status rk_config_read_format(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				     char *base)
{
	(void)key;
	(void)base;
	if (!json_is_string(value) || strcmp(json_string_value(value), format_name) != 0)
		return rk_config_fail(reader, value, "the string \"%s\"", format_name);
	return RK_OK;
}

enum rk_status rk_config_read_text(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				   char *base)
{
	if (!json_is_string(value))
		return rk_config_fail(reader, value, "a string");
	struct rk_bytes text = rk_config_keep_text(reader, rk_json_text(value));
	memcpy(base + key->place, &text, sizeof(text));
	return RK_OK;
}

static bool is_integer_within(json_t *value, double least, double most)
{
	return json_is_integer(value) && json_integer_value(value) >= (json_int_t)least &&
	       json_integer_value(value) <= (json_int_t)most;
}

enum rk_status rk_config_read_integer(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				      char *base)
{
	if (!is_integer_within(value, key->least, key->most))
		return rk_config_fail(reader, value, "an integer from %.0f to %.0f", key->least, key->most);
	uint32_t number = (uint32_t)json_integer_value(value);
	memcpy(base + key->place, &number, sizeof(number));
	return RK_OK;
}

static enum rk_status fail_number(struct rk_config_reader *reader, json_t *value, double least)
{
	if (isfinite(least))
		return rk_config_fail(reader, value, "a number > %g", least);
	return rk_config_fail(reader, value, "a number");
}

enum rk_status rk_config_read_number(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				     char *base)
{
	double number = json_number_value(value);
	if (!json_is_number(value) || !(number > key->least))
		return fail_number(reader, value, key->least);
	memcpy(base + key->place, &number, sizeof(number));
	return RK_OK;
}

enum rk_status rk_config_number_to_float(struct rk_config_reader *reader, json_t *value, double least,
					 float *ret_number)
{
	float number = (float)json_number_value(value);
	/* compared as a float: 1e-60 is > 0 and -1 + 1e-12 is > -1 only as doubles */
	if (json_is_number(value) && !isfinite(number))
		return rk_config_fail(reader, value, "a number that a 32-bit float holds");
	if (!json_is_number(value) || !((double)number > least))
		return fail_number(reader, value, least);
	*ret_number = number;
	return RK_OK;
}

enum rk_status rk_config_read_float(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				    char *base)
{
	float number;
	enum rk_status status = rk_config_number_to_float(reader, value, key->least, &number);
	if (status == RK_OK)
		memcpy(base + key->place, &number, sizeof(number));
	return status;
}

enum rk_status rk_config_read_boolean(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				      char *base)
{
	if (!json_is_boolean(value))
		return rk_config_fail(reader, value, "true or false");
	bool flag = json_is_true(value);
	memcpy(base + key->place, &flag, sizeof(flag));
	return RK_OK;
}

static enum rk_status fail_word(struct rk_config_reader *reader, const struct rk_config_words *words, json_t *value)
{
	char list[128] = "";
	size_t used = 0;
	for (size_t i = 0; i < words->n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", words->words[i]);
	return rk_config_fail(reader, value, "one of %s", list);
}

enum rk_status rk_config_read_word(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				   char *base)
{
	const struct rk_config_words *words = key->detail;
	for (unsigned i = 0; json_is_string(value) && i < words->n; i++) {
		if (strcmp(json_string_value(value), words->words[i]) != 0)
			continue;
		memcpy(base + key->place, &i, sizeof(i));
		return RK_OK;
	}
	return fail_word(reader, words, value);
}

enum rk_status rk_config_read_sizes(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				    char *base)
{
	enum { MAX_SIZE = 1 << 20 };
	if (!json_is_array(value))
		return rk_config_fail(reader, value, "a list of integers");
	uint32_t n = (uint32_t)json_array_size(value);
	if (n > (uint32_t)key->most)
		return rk_error_set(reader->reterr, RK_LIMIT, "%s: expected at most %.0f sizes, found %u", reader->path,
				    key->most, n);
	uint32_t *sizes = rk_arena_alloc_array(reader->arena, n, sizeof(*sizes));
	if (sizes == NULL)
		return rk_config_no_memory(reader);
	for (uint32_t i = 0; i < n; i++) {
		json_t *size = json_array_get(value, i);
		if (!is_integer_within(size, 1, MAX_SIZE)) {
			(void)rk_config_enter_index(reader, i);
			return rk_config_fail(reader, size, "an integer from 1 to %d", MAX_SIZE);
		}
		sizes[i] = (uint32_t)json_integer_value(size);
	}
	memcpy(base + key->place_n, &n, sizeof(n));
	memcpy(base + key->place, &sizes, sizeof(sizes));
	return RK_OK;
}
