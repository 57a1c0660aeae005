#include "tests/unit/server/json_oracle.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* jansson bounds nesting at 2048 only, and takes a NUL behind the value for the end of the text. Both are decided here.
 */
static bool is_refused_anyway(struct rk_bytes text)
{
	size_t depth = 0;
	bool in_string = false;
	if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
		return true;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > RK_JSON_MAX_NESTING)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static const struct rk_json *compare(const struct rk_json *ours, json_t *theirs);

static const struct rk_json *compare_object(const struct rk_json *ours, json_t *theirs)
{
	const struct rk_json *member = ours + 1;
	const char *key;
	json_t *value;
	json_object_foreach(theirs, key, value)
	{
		if (!rk_bytes_equal(rk_json_string(member), rk_bytes_of(key)))
			return NULL;
		member = compare(member + 1, value);
		if (member == NULL)
			return NULL;
	}
	return member;
}

static const struct rk_json *compare_array(const struct rk_json *ours, json_t *theirs)
{
	const struct rk_json *element = ours + 1;
	for (size_t i = 0; i < json_array_size(theirs) && element != NULL; i++)
		element = compare(element, json_array_get(theirs, i));
	return element;
}

static bool same_scalar(const struct rk_json *ours, const json_t *theirs)
{
	double real = json_real_value(theirs);
	switch (json_typeof(theirs)) {
	case JSON_NULL:
		return ours->type == RK_JSON_NULL;
	case JSON_TRUE:
		return ours->type == RK_JSON_TRUE;
	case JSON_FALSE:
		return ours->type == RK_JSON_FALSE;
	case JSON_INTEGER:
		return ours->type == RK_JSON_INTEGER && ours->integer == json_integer_value(theirs);
	case JSON_REAL:
		return ours->type == RK_JSON_REAL && memcmp(&ours->real, &real, sizeof(real)) == 0;
	case JSON_STRING:
		return ours->type == RK_JSON_STRING && ours->n == json_string_length(theirs) &&
		       memcmp(ours->text, json_string_value(theirs), ours->n) == 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return false;
}

/* The value behind `ours`, or NULL if they differ. */
static const struct rk_json *compare(const struct rk_json *ours, json_t *theirs)
{
	const struct rk_json *next = rk_json_next(ours);
	if (json_is_object(theirs)) {
		if (ours->type != RK_JSON_OBJECT || ours->n != json_object_size(theirs))
			return NULL;
		return compare_object(ours, theirs) == next ? next : NULL;
	}
	if (json_is_array(theirs)) {
		if (ours->type != RK_JSON_ARRAY || ours->n != json_array_size(theirs))
			return NULL;
		return compare_array(ours, theirs) == next ? next : NULL;
	}
	return same_scalar(ours, theirs) ? next : NULL;
}

static const char *judge(struct rk_bytes text, const struct rk_json *ours, bool *ret_is_valid)
{
	json_error_t error;
	json_t *theirs = is_refused_anyway(text)
				 ? NULL
				 : json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	const char *difference = NULL;
	*ret_is_valid = theirs != NULL;
	if ((ours != NULL) != (theirs != NULL))
		difference = ours == NULL ? "only jansson accepts it" : "only jansson refuses it";
	else if (ours != NULL && compare(ours, theirs) == NULL)
		difference = "the values differ";
	json_decref(theirs);
	return difference;
}

/* The text in front of a page that cannot be read, until the next call. */
static struct rk_bytes guarded(struct rk_bytes text)
{
	enum { ROOM = 1 << 20, GUARD = 1 << 16 }; /* whole pages of any size */
	static char *room;
	if (room == NULL) {
		room = mmap(NULL, ROOM + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (room == MAP_FAILED || mprotect(room + ROOM, GUARD, PROT_NONE) != 0)
			abort();
	}
	if (text.size > ROOM)
		abort();
	char *copy = room + ROOM - text.size;
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	return (struct rk_bytes){copy, text.size};
}

const char *json_oracle_compare(struct rk_bytes text, bool *ret_is_valid)
{
	size_t size = (rk_json_bytes(text.size) + RK_ARENA_ALIGNMENT - 1) / RK_ARENA_ALIGNMENT * RK_ARENA_ALIGNMENT;
	void *memory = aligned_alloc(RK_ARENA_ALIGNMENT, size);
	if (memory == NULL)
		abort();
	struct rk_bytes copy = guarded(text);
	struct rk_arena arena;
	struct rk_json_error error = {0, "none"};
	rk_arena_init(&arena, memory, size);
	const struct rk_json *ours = rk_json_parse(copy, &arena, &error);
	const char *difference = judge(copy, ours, ret_is_valid);
	if (ours == NULL && difference == NULL && (error.detail == NULL || error.offset > text.size))
		difference = error.detail == NULL ? "the arena did not suffice" : "the offset lies outside";
	free(memory);
	return difference;
}
