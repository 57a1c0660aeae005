/*
 * Walks each JSON object along its table: first every key in the file must be in the table, then the table's keys are
 * read in the table's order. A required key that is missing goes to its reader as NULL, so that the reader's own
 * message says what was expected.
 */
#include "loader/config_reader.h"

#include "loader/config_parts.h"
#include "loader/foreign.h"

#include <stdarg.h>
#include <stdio.h>

size_t rk_config_arena_bytes(size_t json_bytes)
{
	/* The densest list is categorical values: 2 bytes of JSON each, and 28 of arena while they are sorted. */
	return 24 * json_bytes + (64 << 10);
}

enum rk_status rk_config_fail(struct rk_config_reader *reader, json_t *value, const char *format, ...)
{
	char expected[192];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	return rk_error_set(reader->reterr, RK_INVALID, "%s: expected %s, found %s", reader->path, expected,
			    rk_json_show(value).text);
}

enum rk_status rk_config_no_memory(struct rk_config_reader *reader)
{
	return rk_error_set(reader->reterr, RK_NO_MEMORY, "%s: no memory for it", reader->path);
}

static size_t lengthen_path(struct rk_config_reader *reader, int n)
{
	size_t mark = reader->path_size;
	size_t room = sizeof(reader->path) - 1 - mark;
	reader->path_size += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
	return mark;
}

size_t rk_config_enter_key(struct rk_config_reader *reader, struct rk_bytes key)
{
	int n = snprintf(reader->path + reader->path_size, sizeof(reader->path) - reader->path_size, "%s%s",
			 reader->path_size > 0 ? "." : "", rk_foreign_show(key).text);
	return lengthen_path(reader, n);
}

size_t rk_config_enter_index(struct rk_config_reader *reader, size_t index)
{
	int n = snprintf(reader->path + reader->path_size, sizeof(reader->path) - reader->path_size, "[%zu]", index);
	return lengthen_path(reader, n);
}

void rk_config_leave(struct rk_config_reader *reader, size_t mark)
{
	reader->path_size = mark;
	reader->path[mark] = '\0';
}

struct rk_bytes rk_config_keep_text(struct rk_config_reader *reader, struct rk_bytes text)
{
	struct rk_bytes kept = {reader->text, text.size};
	memcpy(reader->text, text.data, text.size);
	reader->text[text.size] = '\0';
	reader->text += text.size + 1;
	return kept;
}

static const struct rk_config_key *find_key(const struct rk_config_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->n; i++) {
		if (strcmp(schema->keys[i].name, name) == 0)
			return &schema->keys[i];
	}
	return NULL;
}

static enum rk_status check_keys(struct rk_config_reader *reader, const struct rk_config_schema *schema, json_t *object)
{
	void *iterator = json_object_iter(object);
	for (; iterator != NULL; iterator = json_object_iter_next(object, iterator)) {
		const char *name = json_object_iter_key(iterator);
		if (find_key(schema, name) != NULL)
			continue;
		size_t mark = rk_config_enter_key(reader, rk_bytes_of(name));
		(void)rk_error_set(reader->reterr, RK_INVALID, "%s: unknown key", reader->path);
		rk_config_leave(reader, mark);
		return RK_INVALID;
	}
	return RK_OK;
}

static enum rk_status read_key(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *object,
			       uint32_t type_bit, char *base)
{
	json_t *value = json_object_get(object, key->name);
	if (value == NULL && (key->required & type_bit) == 0)
		return RK_OK;
	enum rk_status status;
	size_t mark = rk_config_enter_key(reader, rk_bytes_of(key->name));
	if ((key->allowed & type_bit) == 0)
		status = rk_error_set(reader->reterr, RK_INVALID, "%s: not a key of this type", reader->path);
	else
		status = key->read(reader, key, value, base);
	rk_config_leave(reader, mark);
	return status;
}

enum rk_status rk_config_walk(struct rk_config_reader *reader, const struct rk_config_schema *schema, json_t *value,
			      char *base)
{
	if (!json_is_object(value))
		return rk_config_fail(reader, value, "an object");
	enum rk_status status = check_keys(reader, schema, value);
	uint32_t type_bit = ~0u;
	for (size_t i = 0; status == RK_OK && i < schema->n; i++) {
		status = read_key(reader, &schema->keys[i], value, type_bit, base);
		if (status == RK_OK && i == 0 && schema->has_type) {
			unsigned type;
			memcpy(&type, base + schema->keys[0].place, sizeof(type));
			type_bit = 1u << type;
		}
	}
	return status;
}

enum rk_status rk_config_read_object(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				     char *base)
{
	return rk_config_walk(reader, key->detail, value, base + key->place);
}

enum rk_status rk_config_read_list(struct rk_config_reader *reader, const struct rk_config_key *key, json_t *value,
				   char *base)
{
	const struct rk_config_schema *schema = key->detail;
	if (!json_is_array(value))
		return rk_config_fail(reader, value, "a list of objects");
	size_t n = json_array_size(value);
	if (n > (size_t)key->most)
		return rk_error_set(reader->reterr, RK_LIMIT, "%s: expected at most %.0f entries, found %zu",
				    reader->path, key->most, n);
	char *elements = rk_arena_alloc_zeroed(reader->arena, n, schema->bytes);
	if (elements == NULL)
		return rk_config_no_memory(reader);
	for (size_t i = 0; i < n; i++) {
		size_t mark = rk_config_enter_index(reader, i);
		enum rk_status status =
			rk_config_walk(reader, schema, json_array_get(value, i), elements + i * schema->bytes);
		rk_config_leave(reader, mark);
		if (status != RK_OK)
			return status;
	}
	uint32_t count = (uint32_t)n;
	memcpy(base + key->place_n, &count, sizeof(count));
	memcpy(base + key->place, &elements, sizeof(elements));
	return RK_OK;
}

static enum rk_status read_root(struct rk_config *config, json_t *root, size_t json_bytes, struct rk_arena *arena,
				struct rk_error *reterr)
{
	struct rk_config_reader reader = {.config = config, .arena = arena, .reterr = reterr};
	reader.text = rk_arena_alloc(arena, json_bytes);
	if (reader.text == NULL)
		return rk_config_no_memory(&reader);
	if (!json_is_object(root))
		return rk_error_set(reterr, RK_INVALID, "expected an object, found %s", rk_json_show(root).text);
	enum rk_status status = rk_config_walk(&reader, &rk_config_top_schema, root, (char *)config);
	return status == RK_OK ? rk_config_check(&reader) : status;
}

enum rk_status rk_config_read(struct rk_config *ret_config, struct rk_bytes json, struct rk_arena *arena,
			      struct rk_error *reterr)
{
	static const struct rk_json_limits limits = {.max_depth = 8, .max_values = RK_MAX_CONFIG_BYTES};
	if (json.size > RK_MAX_CONFIG_BYTES)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %d bytes, found %zu", RK_MAX_CONFIG_BYTES,
				    json.size);
	json_t *root = NULL;
	enum rk_status status = rk_json_read(&root, json, &limits, reterr);
	if (status != RK_OK)
		return status;
	struct rk_config config = {.encoder.norm_eps = 1e-5f, .golden_tolerance = 1e-4};
	status = read_root(&config, root, json.size, arena, reterr);
	json_decref(root);
	if (status == RK_OK)
		*ret_config = config;
	return status;
}
