/*
 * The index is sorted by name once; then each tensor that the config calls for looks for its own in the file and takes
 * it, and what is left over must be training-only. Faults are counted, the first is kept, all are told.
 */
#include "loader/bind.h"

#include "loader/foreign.h"
#include "model/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Integers for rows are int32_t, and the ids' index has at least two slots an id. */
enum { MAX_ITEMS = INT32_MAX / 2 };

struct named {
	struct rk_bytes name;
	uint32_t tensor; /* place in the file */
};

struct binder {
	const struct rk_config *config;
	const struct rk_tensor_index *index;
	const struct named *by_name; /* [index->n] */
	struct rk_bound *bound;      /* [index->n] */
	bool *taken;                 /* [index->n] */
	struct rk_binding binding;
	const struct rk_bind_listener *listener;
	struct rk_error *reterr;
	enum rk_status first; /* fault, or RK_OK */
	uint32_t n_faults;
};

/* ---- faults ---- */

static enum rk_status add_fault(struct binder *binder, enum rk_status status, const char *format, ...) RK_PRINTF(3, 4);

static enum rk_status add_fault(struct binder *binder, enum rk_status status, const char *format, ...)
{
	struct rk_error error = {.status = status};
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(error.message, sizeof(error.message), format, arguments);
	va_end(arguments);
	if (binder->n_faults++ == 0) {
		binder->first = status;
		(void)rk_error_set(binder->reterr, status, "%s", error.message);
	}
	if (binder->listener != NULL)
		binder->listener->fault(binder->listener->context, error.message);
	return binder->n_faults < RK_MAX_BIND_FAULTS ? RK_OK : status;
}

struct shape_text {
	char text[RK_MAX_TENSOR_DIMS * 24];
};

static struct shape_text show_found(const struct rk_tensor *tensor)
{
	struct shape_text shown = {"["};
	size_t used = 1;
	for (uint32_t i = 0; i < tensor->n_dims; i++)
		used += (size_t)snprintf(shown.text + used, sizeof(shown.text) - used, "%s%llu", i > 0 ? ", " : "",
					 (unsigned long long)tensor->dims[i]);
	(void)snprintf(shown.text + used, sizeof(shown.text) - used, "]");
	return shown;
}

static struct shape_text show_expected(const struct rk_slot_tensor *expected)
{
	struct shape_text shown = {"["};
	size_t used = 1;
	for (uint32_t i = 0; i < expected->n_dims; i++) {
		const char *comma = i > 0 ? ", " : "";
		char *at = shown.text + used;
		size_t room = sizeof(shown.text) - used;
		/* the only dimensions that no config knows: V and the bytes of the ids */
		if (expected->dims[i] == RK_ANY_DIM)
			used += (size_t)snprintf(at, room, "%s%s", comma, expected->kind == RK_SLOT_U8 ? "B" : "V");
		else
			used += (size_t)snprintf(at, room, "%s%lld", comma, (long long)expected->dims[i]);
	}
	(void)snprintf(shown.text + used, sizeof(shown.text) - used, "]");
	return shown;
}

/* ---- one tensor ---- */

static int compare_names(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	return rk_bytes_compare(a->name, b->name);
}

static const struct named *find(const struct binder *binder, const char *name)
{
	struct named wanted = {.name = rk_bytes_of(name)};
	if (binder->index->n == 0)
		return NULL;
	return bsearch(&wanted, binder->by_name, binder->index->n, sizeof(wanted), compare_names);
}

static bool has_shape(const struct rk_slot_tensor *expected, const struct rk_tensor *found)
{
	if (found->n_dims != expected->n_dims)
		return false;
	for (uint32_t i = 0; i < found->n_dims; i++) {
		if (expected->dims[i] != RK_ANY_DIM && (uint64_t)expected->dims[i] != found->dims[i])
			return false;
	}
	return true;
}

static bool has_dtype(enum rk_slot_kind kind, enum rk_file_dtype dtype)
{
	switch (kind) {
	case RK_SLOT_FLOATS:
	case RK_SLOT_ITEMS:
	case RK_SLOT_HALVED_ITEMS:
		return dtype == RK_FILE_F32 || dtype == RK_FILE_F16 || dtype == RK_FILE_BF16;
	case RK_SLOT_I64:
		return dtype == RK_FILE_I64;
	case RK_SLOT_U8:
		return dtype == RK_FILE_U8;
	}
	return false;
}

static const char *dtypes_of(enum rk_slot_kind kind)
{
	return kind == RK_SLOT_I64 ? "I64" : kind == RK_SLOT_U8 ? "U8" : "F32, F16 or BF16";
}

size_t rk_bind_memory_bytes(enum rk_slot_kind kind, const struct rk_tensor *tensor)
{
	if (kind == RK_SLOT_HALVED_ITEMS)
		return (size_t)tensor->bytes / (tensor->dtype == RK_FILE_F32 ? 2 : 1);
	return (size_t)tensor->bytes * (kind == RK_SLOT_FLOATS && tensor->dtype != RK_FILE_F32 ? 2 : 1);
}

static size_t round_up(size_t bytes)
{
	return (bytes + RK_ARENA_ALIGNMENT - 1) / RK_ARENA_ALIGNMENT * RK_ARENA_ALIGNMENT;
}

static void take(struct binder *binder, const struct rk_slot_tensor *expected, uint32_t place)
{
	const struct rk_tensor *tensor = &binder->index->tensors[place];
	struct rk_binding *binding = &binder->binding;
	enum rk_slot_kind kind = expected->kind;
	if (kind == RK_SLOT_ITEMS && binder->config->precision == RK_PRECISION_BF16 && tensor->dtype != RK_FILE_BF16) {
		kind = RK_SLOT_HALVED_ITEMS;
		binding->item_dtype = RK_DTYPE_BF16;
	}
	binder->bound[place] = (struct rk_bound){expected->slot, expected->i, expected->j, kind};
	binding->n_used++;
	binding->used_bytes += tensor->bytes;
	binding->memory_bytes += round_up(rk_bind_memory_bytes(kind, tensor));
	if (expected->kind == RK_SLOT_U8) /* only the strings' bytes are U8 */
		binding->n_id_bytes = (size_t)tensor->bytes;
}

static enum rk_status visit(void *context, const struct rk_slot_tensor *expected)
{
	struct binder *binder = context;
	const struct named *named = find(binder, expected->name);
	struct rk_foreign_shown name = rk_foreign_show(rk_bytes_of(expected->name));
	if (named == NULL && expected->need == RK_SLOT_REQUIRED)
		return add_fault(binder, RK_NOT_FOUND, "%s: expected shape %s, found nothing", name.text,
				 show_expected(expected).text);
	if (named == NULL)
		return RK_OK;
	const struct rk_tensor *found = &binder->index->tensors[named->tensor];
	RK_ASSERT(!binder->taken[named->tensor]); /* no two places of the table make the same name */
	binder->taken[named->tensor] = true;
	if (!has_shape(expected, found))
		return add_fault(binder, RK_INVALID, "%s: expected shape %s, found %s", name.text,
				 show_expected(expected).text, show_found(found).text);
	if (!has_dtype(expected->kind, found->dtype))
		return add_fault(binder, RK_INVALID, "%s: expected %s, found %s", name.text, dtypes_of(expected->kind),
				 rk_file_dtype_name(found->dtype));
	take(binder, expected, named->tensor);
	return RK_OK;
}

/* ---- all tensors ---- */

bool rk_bind_is_training_only(struct rk_bytes name)
{
	static const char *const prefixes[] = {"contrast.", "training."};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t size = strlen(prefixes[i]);
		if (name.size >= size && memcmp(name.data, prefixes[i], size) == 0)
			return true;
	}
	return false;
}

static enum rk_status check_rest(struct binder *binder)
{
	for (uint32_t i = 0; i < binder->index->n; i++) {
		const struct rk_tensor *tensor = &binder->index->tensors[i];
		if (binder->taken[i])
			continue;
		if (rk_bind_is_training_only(tensor->name)) {
			binder->binding.n_dropped++;
			binder->binding.dropped_bytes += tensor->bytes;
			continue;
		}
		enum rk_status status = add_fault(binder, RK_INVALID, "%s: expected no such tensor, found %s",
						  rk_foreign_show(tensor->name).text, show_found(tensor).text);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

/* V comes from the table of items; without a table of the right rank it stays unknown, and only the table is a fault.
 */
static int64_t find_n_items(struct binder *binder)
{
	const struct named *named = find(binder, "items.embedding");
	if (named == NULL)
		return RK_ANY_DIM;
	const struct rk_tensor *table = &binder->index->tensors[named->tensor];
	if (table->n_dims != 2)
		return RK_ANY_DIM;
	if (table->dims[0] < 1 || table->dims[0] > MAX_ITEMS) {
		(void)add_fault(binder, RK_LIMIT, "items.embedding: expected 1 to %d rows, found %llu", MAX_ITEMS,
				(unsigned long long)table->dims[0]);
		return RK_ANY_DIM;
	}
	binder->binding.n_items = (uint32_t)table->dims[0];
	binder->binding.item_dtype = table->dtype == RK_FILE_F32   ? RK_DTYPE_F32
				     : table->dtype == RK_FILE_F16 ? RK_DTYPE_F16
								   : RK_DTYPE_BF16;
	return (int64_t)table->dims[0];
}

static void check_ids(struct binder *binder)
{
	bool integers = find(binder, "items.ids") != NULL;
	bool bytes = find(binder, "items.id_bytes") != NULL, offsets = find(binder, "items.id_offsets") != NULL;
	if (integers && (bytes || offsets))
		(void)add_fault(binder, RK_INVALID,
				"items.ids: expected either it or items.id_bytes with "
				"items.id_offsets, found both");
	else if (!integers && !bytes && !offsets)
		(void)add_fault(binder, RK_NOT_FOUND,
				"items.ids: expected it or items.id_bytes with items.id_offsets, "
				"found nothing");
	else if (bytes != offsets)
		(void)add_fault(binder, RK_NOT_FOUND, "items.id_%s: expected it beside items.id_%s, found nothing",
				bytes ? "offsets" : "bytes", bytes ? "bytes" : "offsets");
}

size_t rk_bind_arena_bytes(uint32_t n_tensors)
{
	return n_tensors * (sizeof(struct named) + sizeof(struct rk_bound) + sizeof(bool)) +
	       3 * (size_t)RK_ARENA_ALIGNMENT;
}

static enum rk_status sort_names(struct binder *binder, struct rk_arena *arena)
{
	uint32_t n = binder->index->n;
	struct rk_bound *bound = rk_arena_alloc_zeroed(arena, n, sizeof(*bound));
	bool *taken = rk_arena_alloc_zeroed(arena, n, sizeof(*taken));
	struct named *by_name = rk_arena_alloc_array(arena, n, sizeof(*by_name));
	if (by_name == NULL)
		return rk_error_set(binder->reterr, RK_NO_MEMORY, "no memory to bind %u tensors", n);
	for (uint32_t i = 0; i < n; i++)
		by_name[i] = (struct named){binder->index->tensors[i].name, i};
	qsort(by_name, n, sizeof(*by_name), compare_names);
	binder->bound = bound;
	binder->taken = taken;
	binder->by_name = by_name;
	return RK_OK;
}

enum rk_status rk_bind(struct rk_binding *ret_binding, const struct rk_config *config,
		       const struct rk_tensor_index *index, struct rk_arena *arena,
		       const struct rk_bind_listener *listener, struct rk_error *reterr)
{
	struct binder binder = {.config = config, .index = index, .listener = listener, .reterr = reterr};
	enum rk_status status = sort_names(&binder, arena);
	if (status != RK_OK)
		return status;
	status = rk_slots_walk(config, find_n_items(&binder), visit, &binder);
	if (status == RK_OK)
		status = check_rest(&binder);
	if (status == RK_OK)
		check_ids(&binder);
	if (binder.n_faults > 1 && reterr != NULL) {
		size_t used = strlen(reterr->message);
		(void)snprintf(reterr->message + used, sizeof(reterr->message) - used, " (and %u more)",
			       binder.n_faults - 1);
	}
	if (binder.n_faults > 0)
		return binder.first;
	binder.binding.bound = binder.bound;
	*ret_binding = binder.binding;
	return RK_OK;
}
