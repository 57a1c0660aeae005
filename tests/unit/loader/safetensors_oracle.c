#include "tests/unit/loader/safetensors_oracle.h"

#include "loader/foreign.h"

#include <string.h>

/* Every function moves `at` behind what it read and returns whether that was right. */
struct reader {
	const char *at, *end;
};

static void skip_space(struct reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL && *reader->at != '\0')
		reader->at++;
}

static bool is_next(struct reader *reader, char c)
{
	skip_space(reader);
	return reader->at < reader->end && *reader->at == c;
}

static bool eat(struct reader *reader, char c)
{
	if (!is_next(reader, c))
		return false;
	reader->at++;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Only escapes that make one byte are known; a \u above 0x7f is refused, as the tests' headers hold none. */
static bool read_escape(struct reader *reader, char *ret_byte)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	if (reader->at == reader->end)
		return false;
	const char *letter = strchr(letters, *reader->at);
	if (*reader->at != '\0' && letter != NULL) {
		*ret_byte = bytes[letter - letters];
		reader->at++;
		return true;
	}
	if (reader->end - reader->at < 5 || *reader->at != 'u')
		return false;
	int code = 0;
	for (int i = 1; i <= 4; i++) {
		int digit = hex_digit(reader->at[i]);
		if (digit < 0)
			return false;
		code = 16 * code + digit;
	}
	reader->at += 5;
	*ret_byte = (char)code;
	return code > 0 && code < 0x80;
}

static bool read_string(struct reader *reader, char *ret_text, size_t room)
{
	size_t n = 0;
	if (!eat(reader, '"'))
		return false;
	for (;;) {
		if (reader->at == reader->end || (unsigned char)*reader->at < 0x20)
			return false;
		char c = *reader->at++;
		if (c == '"')
			break;
		if (c == '\\' && !read_escape(reader, &c))
			return false;
		if (n + 1 == room)
			return false;
		ret_text[n++] = c;
	}
	ret_text[n] = '\0';
	return rk_foreign_is_utf8((struct rk_bytes){ret_text, n});
}

static bool read_count(struct reader *reader, uint64_t *ret_count)
{
	skip_space(reader);
	if (reader->at < reader->end - 1 && reader->at[0] == '-' && reader->at[1] == '0')
		reader->at++; /* "-0" is an integer of JSON, and it is 0 */
	const char *first = reader->at;
	uint64_t count = 0;
	for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
		if (__builtin_mul_overflow(count, (uint64_t)10, &count) ||
		    __builtin_add_overflow(count, (uint64_t)(*reader->at - '0'), &count))
			return false;
	}
	*ret_count = count;
	bool leading_zero = *first == '0' && reader->at - first > 1;
	return reader->at > first && !leading_zero && count <= INT64_MAX;
}

static bool read_counts(struct reader *reader, uint64_t *ret_counts, uint32_t max, uint32_t *ret_n)
{
	*ret_n = 0;
	if (!eat(reader, '['))
		return false;
	if (eat(reader, ']'))
		return true;
	do {
		if (*ret_n == max || !read_count(reader, &ret_counts[(*ret_n)++]))
			return false;
	} while (eat(reader, ','));
	return eat(reader, ']');
}

static uint64_t bytes_of(const char *dtype)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} known[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
		     {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},     {"U32", 4},
		     {"F32", 4},  {"F64", 8}, {"I64", 8}, {"U64", 8},     {"C64", 8}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, dtype) == 0)
			return known[i].bytes;
	}
	return 0;
}

static bool has_right_size(const struct oracle_tensor *tensor)
{
	__uint128_t size = bytes_of(tensor->dtype);
	bool empty = false;
	for (uint32_t i = 0; i < tensor->n_dims; i++) {
		empty |= tensor->dims[i] == 0;
		size *= tensor->dims[i] == 0 ? 1 : tensor->dims[i];
		if (size > UINT64_MAX)
			return false;
	}
	return size > 0 && tensor->end >= tensor->begin && tensor->end - tensor->begin == (empty ? 0 : (uint64_t)size);
}

static bool read_entry(struct reader *reader, struct oracle_tensor *tensor)
{
	unsigned seen = 0;
	if (!eat(reader, '{'))
		return false;
	do {
		char key[32];
		uint64_t range[2];
		uint32_t n_range = 0;
		if (!read_string(reader, key, sizeof(key)) || !eat(reader, ':'))
			return false;
		unsigned bit = strcmp(key, "dtype") == 0 ? 1 : strcmp(key, "shape") == 0 ? 2 : 4;
		if ((seen & bit) != 0 || (bit == 4 && strcmp(key, "data_offsets") != 0))
			return false;
		seen |= bit;
		if (bit == 1 && !read_string(reader, tensor->dtype, sizeof(tensor->dtype)))
			return false;
		if (bit == 2 && !read_counts(reader, tensor->dims, RK_MAX_TENSOR_DIMS, &tensor->n_dims))
			return false;
		if (bit == 4 && (!read_counts(reader, range, 2, &n_range) || n_range != 2))
			return false;
		if (bit == 4) {
			tensor->begin = range[0];
			tensor->end = range[1];
		}
	} while (eat(reader, ','));
	return eat(reader, '}') && seen == 7 && has_right_size(tensor);
}

static bool read_metadata(struct reader *reader)
{
	char keys[8][64], value[128];
	unsigned n = 0;
	if (!eat(reader, '{'))
		return false;
	if (eat(reader, '}'))
		return true;
	do {
		if (n == 8 || !read_string(reader, keys[n], sizeof(keys[n])) || !eat(reader, ':') ||
		    !read_string(reader, value, sizeof(value)))
			return false;
		for (unsigned i = 0; i < n; i++) {
			if (strcmp(keys[i], keys[n]) == 0)
				return false;
		}
		n++;
	} while (eat(reader, ','));
	return eat(reader, '}');
}

static bool read_member(struct reader *reader, struct oracle_index *index, bool *has_metadata)
{
	char name[RK_MAX_TENSOR_NAME_BYTES + 1];
	if (!read_string(reader, name, sizeof(name)) || !eat(reader, ':'))
		return false;
	if (strcmp(name, "__metadata__") == 0) {
		bool again = *has_metadata;
		*has_metadata = true;
		return !again && read_metadata(reader);
	}
	for (uint32_t i = 0; i < index->n; i++) {
		if (strcmp(index->tensors[i].name, name) == 0)
			return false;
	}
	if (index->n == ORACLE_MAX_TENSORS || name[0] == '\0')
		return false;
	struct oracle_tensor *tensor = &index->tensors[index->n++];
	*tensor = (struct oracle_tensor){.n_dims = 0};
	memcpy(tensor->name, name, sizeof(name));
	return read_entry(reader, tensor);
}

/* Every byte of the data belongs to exactly one tensor: the sizes add up, and no two ranges share a byte. */
static bool covers(const struct oracle_index *index, uint64_t data_bytes)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < index->n; i++) {
		const struct oracle_tensor *a = &index->tensors[i];
		if (a->end > data_bytes)
			return false;
		sum += a->end - a->begin;
		for (uint32_t j = 0; j < index->n; j++) {
			const struct oracle_tensor *b = &index->tensors[j];
			/* also no empty tensor inside another */
			if (i != j && a->begin < b->end && b->begin < a->end &&
			    (a->begin != a->end || a->begin > b->begin))
				return false;
		}
	}
	return sum == data_bytes;
}

bool oracle_accepts(struct rk_bytes head, uint64_t file_bytes, struct oracle_index *ret_index)
{
	uint64_t length;
	ret_index->n = 0;
	if (head.size < 8 || file_bytes < 8)
		return false;
	memcpy(&length, head.data, 8);
	if (length > RK_MAX_HEADER_BYTES || length > file_bytes - 8 || length > head.size - 8)
		return false;
	struct reader reader = {head.data + 8, head.data + 8 + length};
	bool has_metadata = false;
	if (length == 0 || *reader.at++ != '{')
		return false;
	if (!eat(&reader, '}')) {
		do {
			if (!read_member(&reader, ret_index, &has_metadata))
				return false;
		} while (eat(&reader, ','));
		if (!eat(&reader, '}'))
			return false;
	}
	for (; reader.at < reader.end; reader.at++) {
		if (*reader.at != ' ')
			return false;
	}
	return covers(ret_index, file_bytes - 8 - length);
}
