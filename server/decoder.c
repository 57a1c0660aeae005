/* Faults are written when they happen, so that a body without any costs no formatting: a path is a chain of steps on
 * the callers' stacks until then. */
#include "server/decoder.h"

#include "server/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void rk_decoder_stop(struct rk_decoder *decoder, enum rk_problem problem, const char *detail)
{
	decoder->stopped = true;
	decoder->refusal->problem = problem;
	decoder->refusal->detail = detail;
}

/* One step of a JSON Pointer (RFC 6901): "/" and the key, in which ~ and / are written ~0 and ~1. What does not fit is
 * left out from there on, whole characters at a time. */
static void put_key(struct rk_text *pointer, struct rk_bytes rest)
{
	rk_text_put_char(pointer, '/');
	while (rest.size > 0 && !pointer->overflowed) {
		size_t n = 1;
		while (n < rest.size && ((unsigned char)rest.data[n] & 0xc0) == 0x80)
			n++;
		if (*rest.data == '~' || *rest.data == '/')
			rk_text_put(pointer, *rest.data == '~' ? "~0" : "~1", 2);
		else
			rk_text_put(pointer, rest.data, n);
		rest.data += n;
		rest.size -= n;
	}
}

static void put_path(struct rk_text *pointer, const struct rk_path *path)
{
	enum { MAX_STEPS = 4 * RK_MAX_NESTING };
	const struct rk_path *steps[MAX_STEPS];
	size_t n = 0;
	for (; path != NULL && n < MAX_STEPS; path = path->parent)
		steps[n++] = path;
	while (n-- > 0) {
		if (steps[n]->key.data != NULL) {
			put_key(pointer, steps[n]->key);
		} else {
			rk_text_put_char(pointer, '/');
			rk_text_put_unsigned(pointer, steps[n]->index);
		}
	}
}

void rk_decoder_fault(struct rk_decoder *decoder, const struct rk_path *path, const char *format, ...)
{
	struct rk_fault fault;
	struct rk_text pointer;
	rk_text_init(&pointer, fault.pointer, sizeof(fault.pointer) - 1);
	put_path(&pointer, path);
	fault.pointer[pointer.used] = '\0';
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(fault.message, sizeof(fault.message), format, arguments);
	va_end(arguments);
	rk_faults_add(&decoder->refusal->faults, fault.pointer, "%s", fault.message);
}

static void miss_members(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_fields *fields,
			 uint32_t seen)
{
	for (size_t i = 0; i < fields->n_required; i++)
		if ((seen >> i & 1) == 0)
			rk_decoder_fault(decoder,
					 &(struct rk_path){.parent = path, .key = rk_bytes_of(fields->fields[i].name)},
					 "a required field is missing");
}

/* Index of the field, or fields->n. Objects of a kind mostly have their members in one order, if not in the table's:
 * the search begins behind the field found last. */
static size_t find_field(const struct rk_fields *fields, struct rk_bytes name, size_t first)
{
	for (size_t k = 0; k < fields->n; k++) {
		size_t i = first + k < fields->n ? first + k : first + k - fields->n;
		if (rk_bytes_equal(rk_bytes_of(fields->fields[i].name), name))
			return i;
	}
	return fields->n;
}

void rk_decode_members(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *object,
		       const struct rk_fields *fields, size_t index)
{
	const struct rk_json *key = object + 1;
	size_t next = 0;
	uint32_t seen = 0; /* bits of the fields that are there and not null */
	for (uint32_t member = 0; member < object->n; member++, key = rk_json_next(key + 1)) {
		const struct rk_json *value = key + 1;
		struct rk_path at = {.parent = path, .key = rk_json_string(key)};
		size_t i = find_field(fields, at.key, next);
		next = i < fields->n ? i + 1 : 0;
		if (i == fields->n) {
			rk_decoder_fault(decoder, &at, "unknown field");
		} else if (value->type != RK_JSON_NULL) {
			seen |= UINT32_C(1) << i;
			fields->fields[i].decode(decoder, &at, value, index);
		}
		if (!rk_decoder_goes_on(decoder))
			return;
	}
	miss_members(decoder, path, fields, seen);
}

static const char *type_name(const struct rk_json *value)
{
	switch (value->type) {
	case RK_JSON_OBJECT:
		return "an object";
	case RK_JSON_ARRAY:
		return "an array";
	case RK_JSON_STRING:
		return "a string";
	case RK_JSON_INTEGER:
		return "an integer";
	case RK_JSON_REAL:
		return "a number with a fraction or an exponent";
	case RK_JSON_TRUE:
	case RK_JSON_FALSE:
		return "a boolean";
	case RK_JSON_NULL:
		break;
	}
	return "null";
}

bool rk_decode_expect(struct rk_decoder *decoder, const struct rk_path *path, bool fits, const char *expected,
		      const struct rk_json *value)
{
	if (!fits)
		rk_decoder_fault(decoder, path, "expected %s, found %s", expected, type_name(value));
	return fits;
}

bool rk_decode_number(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		      double *ret_number)
{
	if (!rk_decode_expect(decoder, path, rk_json_is_number(value), "a number", value))
		return false;
	double number = rk_json_number(value);
	if (!isfinite((float)number)) {
		rk_decoder_fault(decoder, path, "expected a number that a 32-bit float can hold");
		return false;
	}
	*ret_number = number;
	return true;
}

bool rk_decode_id(struct rk_decoder *decoder, const struct rk_path *path, const struct rk_json *value,
		  struct rk_item_id *ret_id)
{
	if (value->type == RK_JSON_INTEGER) {
		*ret_id = (struct rk_item_id){.is_integer = true, .integer = value->integer};
		return true;
	}
	if (!rk_decode_expect(decoder, path, value->type == RK_JSON_STRING, "an id (a string or an integer)", value))
		return false;
	struct rk_bytes text = rk_json_string(value);
	if (text.size == 0 || text.size > RK_MAX_ID_BYTES) {
		rk_decoder_fault(decoder, path, "expected an id of 1 to %d bytes, found %zu", RK_MAX_ID_BYTES,
				 text.size);
		return false;
	}
	*ret_id = (struct rk_item_id){.text = text};
	return true;
}

uint32_t rk_decode_rows(const struct rk_decoder *decoder, const struct rk_item_id *ids, uint32_t n, int32_t *ret_rows)
{
	uint32_t n_unknown = 0;
	rk_ids_find_all(decoder->ids, ids, n, ret_rows);
	for (uint32_t i = 0; i < n; i++)
		n_unknown += ret_rows[i] == RK_ROW_UNKNOWN;
	return n_unknown;
}
