/*
 * A hash table of buckets that are a cache line each: an id is looked for in the bucket that its hash names and, while
 * that is full, in the next. On average four of a bucket's five places are taken at most, so that nearly every look-up
 * is one cache line. The hash of an integer is a bijection: equal hashes are equal ids, and nothing else is compared.
 * Strings stay in their tensor and are compared where the 64 bits of the hash agree.
 * An id that a request writes in the table's other form is brought to the table's own form first; only the canonical
 * decimal of an integer has one ("7", "-7"; not "07", "+7" or "-0").
 */
#include "loader/ids.h"

#include "loader/foreign.h"

#include <string.h>

enum { N_DECIMAL = 20 }; /* characters of INT64_MIN */

enum { MEAN_TAKEN = 4 }; /* places of a bucket, at most */

_Static_assert(sizeof(struct rk_id_bucket) == RK_ARENA_ALIGNMENT, "a bucket is a cache line");

/* An id in the table's own form. */
struct key {
	bool can_be_there; /* false: no table of this kind has such an id, or the table is empty */
	int32_t likely_row;
	uint64_t hash;
	struct rk_bytes text;    /* strings only */
	char decimal[N_DECIMAL]; /* the text of an integer that is looked for among strings */
};

/* A bijection: each step can be undone. */
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

static uint32_t buckets_for(uint32_t n_items)
{
	uint64_t n_buckets = 1;
	while (MEAN_TAKEN * n_buckets < n_items)
		n_buckets *= 2;
	return n_items == 0 ? 0 : (uint32_t)n_buckets;
}

static struct rk_bytes string_of(const struct rk_ids *ids, int32_t row)
{
	int64_t begin = ids->offsets[row];
	return (struct rk_bytes){ids->bytes + begin, (size_t)(ids->offsets[row + 1] - begin)};
}

size_t rk_ids_bytes(uint32_t n_items)
{
	return buckets_for(n_items) * sizeof(struct rk_id_bucket);
}

/* ---- keys ---- */

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

/* Of an id that is not in the table's form, or of a string. */
static __attribute__((noinline)) void make_other_key(const struct rk_ids *ids, const struct rk_item_id *wanted,
						     struct key *ret_key)
{
	int64_t integer = 0;
	if (ids->bytes == NULL) {
		ret_key->can_be_there = ids->n_buckets > 0 && parse_canonical(wanted->text, &integer);
		ret_key->hash = mix((uint64_t)integer);
	} else {
		ret_key->can_be_there = ids->n_buckets > 0;
		ret_key->text = wanted->is_integer ? format_decimal(wanted->integer, ret_key->decimal) : wanted->text;
		ret_key->hash = hash_bytes(ret_key->text);
	}
}

static void make_key(const struct rk_ids *ids, const struct rk_item_id *wanted, struct key *ret_key)
{
	if (ids->bytes != NULL || !wanted->is_integer) {
		make_other_key(ids, wanted, ret_key);
		return;
	}
	ret_key->can_be_there = ids->n_buckets > 0;
	ret_key->hash = mix((uint64_t)wanted->integer);
}

/* ---- finding ---- */

enum { GROUP = 64 }; /* look-ups under way together: one step of all takes longer than memory needs */

static const struct rk_id_bucket *bucket_of(const struct rk_ids *ids, uint64_t hash)
{
	return &ids->buckets[hash & (ids->n_buckets - 1)];
}

/* The next one, after the last the first. */
static const struct rk_id_bucket *bucket_after(const struct rk_ids *ids, const struct rk_id_bucket *bucket)
{
	return bucket + 1 == ids->buckets + ids->n_buckets ? ids->buckets : bucket + 1;
}

static bool is_full(const struct rk_id_bucket *bucket)
{
	return bucket->rows[RK_BUCKET_IDS - 1] >= 0;
}

/* A bit for each place that has the hash; free places may be among them, behind those that are taken. Without a jump,
 * since where an id stands in its bucket cannot be predicted. */
static unsigned places_of(const struct rk_id_bucket *bucket, uint64_t hash)
{
	unsigned places = 0;
	for (unsigned i = 0; i < RK_BUCKET_IDS; i++)
		places |= (unsigned)(bucket->hashes[i] == hash) << i;
	return places;
}

static __attribute__((noinline)) int32_t search(const struct rk_ids *ids, const struct key *key)
{
	for (const struct rk_id_bucket *bucket = bucket_of(ids, key->hash);; bucket = bucket_after(ids, bucket)) {
		for (unsigned places = places_of(bucket, key->hash); places != 0; places &= places - 1) {
			int32_t row = bucket->rows[__builtin_ctz(places)];
			if (row < 0 || ids->bytes == NULL || rk_bytes_equal(string_of(ids, row), key->text))
				return row;
		}
		if (!is_full(bucket))
			return -1;
	}
}

/* The row of the id, or -1. Most are integers that stand in their own bucket. */
static int32_t find_key(const struct rk_ids *ids, const struct key *key)
{
	if (!key->can_be_there)
		return -1;
	const struct rk_id_bucket *bucket = bucket_of(ids, key->hash);
	unsigned places = places_of(bucket, key->hash);
	return ids->bytes == NULL && places != 0 ? bucket->rows[__builtin_ctz(places)] : search(ids, key);
}

/* Asks for the strings that the keys will be compared with: first for where they stand, then for their bytes. */
static void prefetch_strings(const struct rk_ids *ids, uint32_t n, struct key *keys)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct rk_id_bucket *bucket = bucket_of(ids, keys[i].hash);
		unsigned places = places_of(bucket, keys[i].hash);
		keys[i].likely_row = places == 0 ? -1 : bucket->rows[__builtin_ctz(places)];
		if (keys[i].likely_row >= 0)
			__builtin_prefetch(&ids->offsets[keys[i].likely_row]);
	}
	for (uint32_t i = 0; i < n; i++)
		if (keys[i].likely_row >= 0)
			__builtin_prefetch(ids->bytes + ids->offsets[keys[i].likely_row]);
}

static void find_group(const struct rk_ids *ids, const struct rk_item_id *wanted, uint32_t n, struct key *keys,
		       int32_t *ret_rows)
{
	for (uint32_t i = 0; i < n; i++) {
		make_key(ids, &wanted[i], &keys[i]);
		if (keys[i].can_be_there)
			__builtin_prefetch(bucket_of(ids, keys[i].hash));
	}
	if (ids->bytes != NULL && ids->n_buckets > 0)
		prefetch_strings(ids, n, keys);
	for (uint32_t i = 0; i < n; i++)
		ret_rows[i] = find_key(ids, &keys[i]);
}

void rk_ids_find_all(const struct rk_ids *ids, const struct rk_item_id *wanted, uint32_t n, int32_t *ret_rows)
{
	struct key keys[GROUP];
	for (uint32_t first = 0; first < n; first += GROUP) {
		uint32_t n_keys = n - first < GROUP ? n - first : GROUP;
		find_group(ids, wanted + first, n_keys, keys, ret_rows + first);
	}
}

static int32_t find(const struct rk_ids *ids, const struct rk_item_id *wanted)
{
	struct key key;
	make_key(ids, wanted, &key);
	return find_key(ids, &key);
}

int32_t rk_ids_find_integer(const struct rk_ids *ids, int64_t id)
{
	return find(ids, &(struct rk_item_id){.is_integer = true, .integer = id});
}

int32_t rk_ids_find_string(const struct rk_ids *ids, struct rk_bytes id)
{
	return find(ids, &(struct rk_item_id){.text = id});
}

/* ---- building ---- */

static enum rk_status alloc_buckets(struct rk_ids *ids, struct rk_arena *arena, struct rk_id_bucket **ret_buckets,
				    struct rk_error *reterr)
{
	ids->n_buckets = buckets_for(ids->n_items);
	struct rk_id_bucket *buckets = rk_arena_alloc_array(arena, ids->n_buckets, sizeof(*buckets));
	if (buckets == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "no room for the index of %u ids", ids->n_items);
	memset(buckets, 0xff, ids->n_buckets * sizeof(*buckets)); /* rows: -1 everywhere */
	ids->buckets = *ret_buckets = buckets;
	return RK_OK;
}

/* The row that has the id already, or -1 and the id has the row now. */
static int32_t insert(struct rk_ids *ids, struct rk_id_bucket *buckets, const struct rk_item_id *id, uint32_t row)
{
	struct key key;
	make_key(ids, id, &key);
	int32_t same = find_key(ids, &key);
	if (same >= 0)
		return same;
	const struct rk_id_bucket *first_free = bucket_of(ids, key.hash);
	while (is_full(first_free))
		first_free = bucket_after(ids, first_free);
	struct rk_id_bucket *bucket = &buckets[first_free - ids->buckets];
	unsigned place = 0;
	while (bucket->rows[place] >= 0)
		place++;
	bucket->hashes[place] = key.hash;
	bucket->rows[place] = (int32_t)row;
	return -1;
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
	struct rk_id_bucket *buckets;
	enum rk_status status = check_count(n_items, reterr);
	if (status == RK_OK)
		status = alloc_buckets(&ids, arena, &buckets, reterr);
	if (status != RK_OK)
		return status;
	for (uint32_t row = 0; row < n_items; row++) {
		struct rk_item_id id = {.is_integer = true, .integer = integers[row]};
		int32_t same = insert(&ids, buckets, &id, row);
		if (same >= 0)
			return rk_error_set(reterr, RK_INVALID, "row %u: expected unique ids, found %lld as in row %d",
					    row, (long long)integers[row], same);
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
	struct rk_id_bucket *buckets;
	enum rk_status status = check_count(n_items, reterr);
	if (status == RK_OK)
		status = check_offsets(offsets, n_items, n_bytes, reterr);
	if (status == RK_OK)
		status = alloc_buckets(&ids, arena, &buckets, reterr);
	if (status != RK_OK)
		return status;
	for (uint32_t row = 0; row < n_items; row++) {
		struct rk_bytes id = string_of(&ids, (int32_t)row);
		status = check_text(id, row, reterr);
		if (status != RK_OK)
			return status;
		int32_t same = insert(&ids, buckets, &(struct rk_item_id){.text = id}, row);
		if (same >= 0)
			return rk_error_set(reterr, RK_INVALID,
					    "row %u: expected unique ids, found that of row %d again", row, same);
	}
	*ret_ids = ids;
	return RK_OK;
}
