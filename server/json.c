/*
 * Recursive descent, as deep as the nesting is allowed to be. Values are appended to a row that was reserved for the
 * most values that the text can hold, so appending never fails; memory is touched only as far as there are values.
 */
#include "server/json.h"

#include "server/json_lex.h"
#include "server/json_word.h"

#include <string.h>

enum {
	FEW_KEYS = 12,    /* up to here keys are compared with each other, beyond by a table */
	LEAST_PLACES = 32 /* of the table: a power of two, as the mask needs, and twice as many as keys or more */
};

/* A value takes two bytes of text at least, except the last: "1," or "[]". */
static size_t max_values(size_t size)
{
	return size / 2 + 2;
}

size_t rk_json_bytes(size_t size)
{
	/* values; unescaped strings; a table of keys with up to four places a key, a key being 4 bytes of text at least
	 */
	return max_values(size) * sizeof(struct rk_json) + size + (size + 8) * sizeof(uint32_t) +
	       3 * RK_ARENA_ALIGNMENT;
}

static struct rk_json *append(struct rk_lexer *lexer, enum rk_json_type type)
{
	struct rk_json *value = lexer->next++;
	*value = (struct rk_json){.type = type, .span = 1};
	return value;
}

static bool read_literal(struct rk_lexer *lexer, const char *word, enum rk_json_type type)
{
	size_t size = strlen(word);
	if ((size_t)(lexer->end - lexer->at) < size || memcmp(lexer->at, word, size) != 0)
		return rk_lexer_fail(lexer, "invalid syntax");
	lexer->at += size;
	append(lexer, type);
	return true;
}

static bool same_key(const struct rk_json *a, const struct rk_json *b)
{
	return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

static bool few_keys_differ(const struct rk_json *object)
{
	const struct rk_json *key = object + 1;
	for (uint32_t i = 0; i < object->n; i++, key = rk_json_next(key + 1)) {
		const struct rk_json *other = object + 1;
		for (uint32_t j = 0; j < i; j++, other = rk_json_next(other + 1))
			if (same_key(key, other))
				return false;
	}
	return true;
}

/* Open addressing over the keys' places in the row; the hash is keyed, since the client chooses the keys. */
static bool many_keys_differ(struct rk_lexer *lexer, const struct rk_json *object)
{
	uint32_t n_places = LEAST_PLACES;
	while (n_places < 2 * object->n)
		n_places *= 2;
	size_t mark = rk_arena_mark(lexer->arena);
	uint32_t *places = rk_arena_alloc_zeroed(lexer->arena, n_places, sizeof(*places));
	if (places == NULL)
		return rk_lexer_fail(lexer, NULL);
	bool differ = true;
	const struct rk_json *key = object + 1;
	for (uint32_t i = 0; i < object->n && differ; i++, key = rk_json_next(key + 1)) {
		uint32_t place = (uint32_t)rk_lexer_hash(rk_json_string(key)) & (n_places - 1);
		for (; places[place] != 0 && differ; place = (place + 1) & (n_places - 1))
			differ = !same_key(object + places[place], key);
		places[place] = (uint32_t)(key - object);
	}
	rk_arena_rewind(lexer->arena, mark);
	return differ;
}

static bool read_value(struct rk_lexer *lexer, unsigned depth);

/* For what cannot go on as it does. */
static bool fail_here(struct rk_lexer *lexer)
{
	return rk_lexer_fail(lexer, lexer->at == lexer->end ? "the body ends too early" : "invalid syntax");
}

static bool is_next(struct rk_lexer *lexer, char c)
{
	bool is_it = rk_lexer_peek(lexer) == c;
	lexer->at += is_it;
	return is_it;
}

/* Whether the next is `close` or a comma; either is eaten. */
static bool read_separator(struct rk_lexer *lexer, char close, bool *ret_is_end)
{
	char c = rk_lexer_peek(lexer);
	if (c != ',' && c != close)
		return fail_here(lexer);
	lexer->at++;
	*ret_is_end = c == close;
	return true;
}

/* The short integers that come next, each with the comma behind it: what most requests mostly consist of. Anything else
 * is left where it stands. Returns how many they were. */
static uint32_t read_integers(struct rk_lexer *lexer)
{
	for (uint32_t n = 0;; n++) {
		uint64_t word = rk_word_load(lexer->at, lexer->end);
		unsigned n_digits = rk_word_digits(word);
		bool is_padded = n_digits > 1 && rk_word_byte(word, 0) == '0';
		if (n_digits == 0 || n_digits == RK_WORD_BYTES || rk_word_byte(word, n_digits) != ',' || is_padded)
			return n;
		append(lexer, RK_JSON_INTEGER)->integer = rk_word_number(word, n_digits);
		lexer->at += n_digits + 1;
		(void)rk_lexer_peek(lexer);
	}
}

static bool read_array(struct rk_lexer *lexer, unsigned depth)
{
	struct rk_json *array = append(lexer, RK_JSON_ARRAY);
	uint32_t n = 0;
	for (bool is_end = is_next(lexer, ']'); !is_end; n++) {
		n += read_integers(lexer);
		if (!read_value(lexer, depth) || !read_separator(lexer, ']', &is_end))
			return false;
	}
	array->n = n;
	array->span = (uint32_t)(lexer->next - array);
	return true;
}

static bool read_member(struct rk_lexer *lexer, unsigned depth)
{
	if (rk_lexer_peek(lexer) != '"')
		return fail_here(lexer);
	if (!rk_lexer_read_string(lexer, append(lexer, RK_JSON_STRING)))
		return false;
	return is_next(lexer, ':') ? read_value(lexer, depth) : fail_here(lexer);
}

static bool read_object(struct rk_lexer *lexer, unsigned depth)
{
	struct rk_json *object = append(lexer, RK_JSON_OBJECT);
	uint32_t n = 0;
	for (bool is_end = is_next(lexer, '}'); !is_end; n++)
		if (!read_member(lexer, depth) || !read_separator(lexer, '}', &is_end))
			return false;
	object->n = n;
	object->span = (uint32_t)(lexer->next - object);
	bool differ = n <= FEW_KEYS ? few_keys_differ(object) : many_keys_differ(lexer, object);
	return differ || lexer->failed || rk_lexer_fail(lexer, "an object has a key twice");
}

static bool read_value(struct rk_lexer *lexer, unsigned depth)
{
	switch (rk_lexer_peek(lexer)) {
	case '{':
	case '[':
		if (depth == RK_JSON_MAX_NESTING)
			return rk_lexer_fail(lexer, "values are nested too deeply");
		return *lexer->at++ == '{' ? read_object(lexer, depth + 1) : read_array(lexer, depth + 1);
	case '"':
		return rk_lexer_read_string(lexer, append(lexer, RK_JSON_STRING));
	case 't':
		return read_literal(lexer, "true", RK_JSON_TRUE);
	case 'f':
		return read_literal(lexer, "false", RK_JSON_FALSE);
	case 'n':
		return read_literal(lexer, "null", RK_JSON_NULL);
	case '\0':
		return fail_here(lexer);
	default:
		return rk_lexer_read_number(lexer, append(lexer, RK_JSON_INTEGER));
	}
}

const struct rk_json *rk_json_parse(struct rk_bytes text, struct rk_arena *arena, struct rk_json_error *ret_error)
{
	struct rk_lexer lexer = {.start = text.data, .at = text.data, .end = text.data + text.size, .arena = arena};
	const struct rk_json *first = lexer.next =
		rk_arena_alloc_array(arena, max_values(text.size), sizeof(*lexer.next));
	if (first == NULL || text.size > UINT32_MAX) {
		*ret_error = (struct rk_json_error){0, NULL};
		return NULL;
	}
	bool is_good = read_value(&lexer, 0);
	(void)rk_lexer_peek(&lexer);
	if (is_good && lexer.at != lexer.end)
		is_good = rk_lexer_fail(&lexer, "there is more after the end of the value");
	if (!is_good)
		*ret_error = (struct rk_json_error){(size_t)(lexer.at - lexer.start), lexer.detail};
	return is_good ? first : NULL;
}

const struct rk_json *rk_json_get(const struct rk_json *value, const char *key)
{
	if (value == NULL || value->type != RK_JSON_OBJECT)
		return NULL;
	const struct rk_json *member = value + 1;
	for (uint32_t i = 0; i < value->n; i++, member = rk_json_next(member + 1))
		if (rk_bytes_equal(rk_json_string(member), rk_bytes_of(key)))
			return member + 1;
	return NULL;
}
