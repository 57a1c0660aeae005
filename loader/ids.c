/*
 * Open addressing with linear probing over at least twice as many slots as ids, so that a probe is one or two cache
 * lines. A slot holds a row; the ids themselves stay in the tensors. A table of strings also keeps the high half of
 * each hash, so that a miss seldom touches the strings.
 * An id that a request writes in the table's other form is brought to the table's own form first; only the canonical
 * decimal of an integer has one ("7", "-7"; not "07", "+7" or "-0").
 */
#include "loader/ids.h"

#include "loader/foreign.h"

#include <string.h>

enum { N_DECIMAL = 20 }; /* characters of INT64_MIN */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xd1b54a32d192ed03u;
	x ^= x >> 32;
	return x;
}

static uint64_t hash_bytes(struct rk_bytes text)
{
	uint64_t hash = mix(text.size + 1);
	size_t at = 0;
	for (; at + sizeof(uint64_t) <= text.size; at += sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, text.data + at, sizeof(word));
		hash = mix(hash ^ word) + 0x9e3779b97f4a7c15u;
	}
	uint64_t tail = 0;
	if (at < text.size)
		memcpy(&tail, text.data + at, text.size - at);
	return mix(hash ^ tail);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

static uint32_t slots_for(uint32_t n_items)
{
	uint64_t n_slots = 1;
	while (n_slots < 2 * (uint64_t)n_items)
		n_slots *= 2;
	return n_items == 0 ? 0 : (uint32_t)n_slots;
}

static struct rk_bytes string_of(const struct rk_ids *ids, int32_t row)
{
	int64_t begin = ids->offsets[row];
	return (struct rk_bytes){ids->bytes + begin, (size_t)(ids->offsets[row + 1] - begin)};
}

size_t rk_ids_bytes(uint32_t n_items)
{
	return (size_t)slots_for(n_items) * (sizeof(int32_t) + sizeof(uint32_t)) + 2 * (size_t)RK_ARENA_ALIGNMENT;
}

/* ---- finding ---- */

/* The slot of the id, or the free slot where it would stand. */
static uint32_t probe_integer(const struct rk_ids *ids, int64_t id)
{
	uint32_t mask = ids->n_slots - 1;
	uint32_t slot = (uint32_t)mix((uint64_t)id) & mask;
	while (ids->slots[slot] >= 0 && ids->integers[ids->slots[slot]] != id)
		slot = (slot + 1) & mask;
	return slot;
}

static uint32_t probe_string(const struct rk_ids *ids, struct rk_bytes id, uint64_t hash)
{
	uint32_t mask = ids->n_slots - 1;
	uint32_t slot = (uint32_t)hash & mask;
	while (ids->slots[slot] >= 0) {
		if (ids->tags[slot] == tag_of(hash) && rk_bytes_equal(string_of(ids, ids->slots[slot]), id))
			break;
		slot = (slot + 1) & mask;
	}
	return slot;
}

static int32_t find_integer(const struct rk_ids *ids, int64_t id)
{
	return ids->n_slots == 0 ? -1 : ids->slots[probe_integer(ids, id)];
}

static int32_t find_string(const struct rk_ids *ids, struct rk_bytes id)
{
	return ids->n_slots == 0 ? -1 : ids->slots[probe_string(ids, id, hash_bytes(id))];
}

static bool parse_canonical(struct rk_bytes text, int64_t *ret_value)
{
	bool negative = text.size > 0 && text.data[0] == '-';
	size_t at = negative ? 1 : 0;
	size_t n_digits = text.size - at;
	if (n_digits == 0 || text.size > N_DECIMAL || (text.data[at] == '0' && text.size > 1))
		return false;
	int64_t value = 0; /* counted downwards, since INT64_MIN has no positive counterpart */
	for (; at < text.size; at++) {
		if (text.data[at] < '0' || text.data[at] > '9')
			return false;
		if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
		    __builtin_sub_overflow(value, (int64_t)(text.data[at] - '0'), &value))
			return false;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
		return false;
	*ret_value = value;
	return true;
}

static struct rk_bytes format_decimal(int64_t value, char buffer[N_DECIMAL])
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t at = N_DECIMAL;
	do {
		buffer[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		buffer[--at] = '-';
	return (struct rk_bytes){buffer + at, N_DECIMAL - at};
}

int32_t rk_ids_find_integer(const struct rk_ids *ids, int64_t id)
{
	if (ids->bytes == NULL)
		return find_integer(ids, id);
	char buffer[N_DECIMAL];
	return find_string(ids, format_decimal(id, buffer));
}

int32_t rk_ids_find_string(const struct rk_ids *ids, struct rk_bytes id)
{
	if (ids->bytes != NULL)
		return find_string(ids, id);
	int64_t value;
	return parse_canonical(id, &value) ? find_integer(ids, value) : -1;
}

/* ---- finding many ---- */

enum { GROUP = 16 }; /* look-ups under way together: about as many misses as a core keeps open */

/* An id brought to the table's own form. */
struct wanted_key {
	bool can_be_there;
	int64_t integer;
	struct rk_bytes text;
	uint64_t hash;
	char decimal[N_DECIMAL];
};

static void prepare_key(const struct rk_ids *ids, const struct rk_item_id *wanted, struct wanted_key *key)
{
	key->can_be_there = ids->n_slots > 0;
	if (ids->bytes == NULL) {
		key->integer = wanted->integer;
		if (!wanted->is_integer)
			key->can_be_there = key->can_be_there && parse_canonical(wanted->text, &key->integer);
		key->hash = mix((uint64_t)key->integer);
	} else {
		key->text = wanted->is_integer ? format_decimal(wanted->integer, key->decimal) : wanted->text;
		key->hash = hash_bytes(key->text);
	}
}

static uint32_t first_slot(const struct rk_ids *ids, const struct wanted_key *key)
{
	return (uint32_t)key->hash & (ids->n_slots - 1);
}

/* Asks for the id of the row that stands in the first slot: mostly it is the one. */
static void prefetch_row(const struct rk_ids *ids, const struct wanted_key *key)
{
	int32_t row = ids->slots[first_slot(ids, key)];
	if (row >= 0 && ids->bytes == NULL)
		__builtin_prefetch(&ids->integers[row]);
	else if (row >= 0)
		__builtin_prefetch(&ids->offsets[row]);
}

static int32_t find_key(const struct rk_ids *ids, const struct wanted_key *key)
{
	if (!key->can_be_there)
		return -1;
	return ids->slots[ids->bytes == NULL ? probe_integer(ids, key->integer)
					     : probe_string(ids, key->text, key->hash)];
}

void rk_ids_find_all(const struct rk_ids *ids, const struct rk_item_id *wanted, uint32_t n, int32_t *ret_rows)
{
	struct wanted_key keys[GROUP];
	for (uint32_t first = 0; first < n; first += GROUP) {
		uint32_t n_keys = n - first < GROUP ? n - first : GROUP;
		for (uint32_t i = 0; i < n_keys; i++) {
			prepare_key(ids, &wanted[first + i], &keys[i]);
			if (!keys[i].can_be_there)
				continue;
			__builtin_prefetch(&ids->slots[first_slot(ids, &keys[i])]);
			if (ids->tags != NULL)
				__builtin_prefetch(&ids->tags[first_slot(ids, &keys[i])]);
		}
		for (uint32_t i = 0; i < n_keys; i++)
			if (keys[i].can_be_there)
				prefetch_row(ids, &keys[i]);
		for (uint32_t i = 0; i < n_keys; i++)
			ret_rows[first + i] = find_key(ids, &keys[i]);
	}
}

/* ---- building ---- */

static enum rk_status alloc_slots(struct rk_ids *ids, bool with_tags, struct rk_arena *arena, int32_t **ret_slots,
				  uint32_t **ret_tags, struct rk_error *reterr)
{
	ids->n_slots = slots_for(ids->n_items);
	int32_t *slots = rk_arena_alloc_array(arena, ids->n_slots, sizeof(*slots));
	uint32_t *tags = with_tags ? rk_arena_alloc_zeroed(arena, ids->n_slots, sizeof(*tags)) : NULL;
	if (slots == NULL || (with_tags && tags == NULL))
		return rk_error_set(reterr, RK_NO_MEMORY, "no room for the index of %u ids", ids->n_items);
	memset(slots, 0xff, ids->n_slots * sizeof(*slots)); /* -1 everywhere */
	ids->slots = *ret_slots = slots;
	ids->tags = *ret_tags = tags;
	return RK_OK;
}

static enum rk_status check_count(uint32_t n_items, struct rk_error *reterr)
{
	if (n_items > INT32_MAX / 2)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %d ids, found %u", INT32_MAX / 2, n_items);
	return RK_OK;
}

enum rk_status rk_ids_init_integers(struct rk_ids *ret_ids, const int64_t *integers, uint32_t n_items,
				    struct rk_arena *arena, struct rk_error *reterr)
{
	struct rk_ids ids = {.n_items = n_items, .integers = integers};
	int32_t *slots;
	uint32_t *tags;
	enum rk_status status = check_count(n_items, reterr);
	if (status == RK_OK)
		status = alloc_slots(&ids, false, arena, &slots, &tags, reterr);
	if (status != RK_OK)
		return status;
	for (uint32_t row = 0; row < n_items; row++) {
		uint32_t slot = probe_integer(&ids, integers[row]);
		if (slots[slot] >= 0)
			return rk_error_set(reterr, RK_INVALID, "row %u: expected unique ids, found %lld as in row %d",
					    row, (long long)integers[row], slots[slot]);
		slots[slot] = (int32_t)row;
	}
	*ret_ids = ids;
	return RK_OK;
}

/* The offsets are checked before any string is touched. */
static enum rk_status check_offsets(const int64_t *offsets, uint32_t n_items, size_t n_bytes, struct rk_error *reterr)
{
	if (offsets[0] != 0)
		return rk_error_set(reterr, RK_INVALID, "row 0: expected offset 0, found %lld", (long long)offsets[0]);
	for (uint32_t row = 0; row < n_items; row++) {
		if (offsets[row + 1] < offsets[row])
			return rk_error_set(reterr, RK_INVALID, "row %u: expected an end of at least %lld, found %lld",
					    row, (long long)offsets[row], (long long)offsets[row + 1]);
		int64_t size = offsets[row + 1] - offsets[row];
		if (size < 1 || size > RK_MAX_ID_BYTES)
			return rk_error_set(reterr, RK_INVALID, "row %u: expected 1 to %d bytes, found %lld", row,
					    RK_MAX_ID_BYTES, (long long)size);
	}
	if ((uint64_t)offsets[n_items] != n_bytes)
		return rk_error_set(reterr, RK_INVALID, "row %u: expected the last end to be %zu, found %lld", n_items,
				    n_bytes, (long long)offsets[n_items]);
	return RK_OK;
}

static enum rk_status check_text(struct rk_bytes id, uint32_t row, struct rk_error *reterr)
{
	if (memchr(id.data, '\0', id.size) != NULL)
		return rk_error_set(reterr, RK_INVALID, "row %u: expected text, found a NUL", row);
	if (!rk_foreign_is_utf8(id))
		return rk_error_set(reterr, RK_INVALID, "row %u: expected UTF-8, found other bytes", row);
	return RK_OK;
}

enum rk_status rk_ids_init_strings(struct rk_ids *ret_ids, const char *bytes, size_t n_bytes, const int64_t *offsets,
				   uint32_t n_items, struct rk_arena *arena, struct rk_error *reterr)
{
	struct rk_ids ids = {.n_items = n_items, .bytes = bytes, .offsets = offsets};
	int32_t *slots;
	uint32_t *tags;
	enum rk_status status = check_count(n_items, reterr);
	if (status == RK_OK)
		status = check_offsets(offsets, n_items, n_bytes, reterr);
	if (status == RK_OK)
		status = alloc_slots(&ids, true, arena, &slots, &tags, reterr);
	if (status != RK_OK)
		return status;
	for (uint32_t row = 0; row < n_items; row++) {
		struct rk_bytes id = string_of(&ids, (int32_t)row);
		status = check_text(id, row, reterr);
		if (status != RK_OK)
			return status;
		uint64_t hash = hash_bytes(id);
		uint32_t slot = probe_string(&ids, id, hash);
		if (slots[slot] >= 0)
			return rk_error_set(reterr, RK_INVALID,
					    "row %u: expected unique ids, found that of row %d again", row,
					    slots[slot]);
		slots[slot] = (int32_t)row;
		tags[slot] = tag_of(hash);
	}
	*ret_ids = ids;
	return RK_OK;
}
