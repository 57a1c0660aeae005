/*
 * Binding: which tensor of the file is which of those that the config calls for. Every tensor must be called for or be
 * training-only, and every one that is called for must be there, in its shape and type. Pure: looks at the header's
 * index only.
 *
 * Training-only tensors have the prefix `contrast.` or `training.`. A dot ranker calls for no target attention; the
 * tables of its features may be there or not.
 */
#ifndef RK_LOADER_BIND_H
#define RK_LOADER_BIND_H

#include "loader/safetensors.h"
#include "loader/slots.h"

/* What becomes of one tensor of the file. */
struct rk_bound {
	const struct rk_slot *slot; /* NULL: training-only, dropped */
	uint32_t i, j;
	enum rk_slot_kind kind;
};

struct rk_binding {
	const struct rk_bound *bound; /* [index.n], in the file's order */
	uint32_t n_items;             /* V */
	enum rk_dtype item_dtype;     /* in memory */
	size_t n_id_bytes;            /* B, for string ids */
	uint32_t n_used, n_dropped;
	uint64_t used_bytes, dropped_bytes; /* in the file */
	size_t memory_bytes;                /* of the used tensors in memory, each aligned to RK_ARENA_ALIGNMENT */
};

/* Told of every fault; `message` is what rk_bind would report if it were the only one. */
struct rk_bind_listener {
	void (*fault)(void *context, const char *message);
	void *context;
};

enum { RK_MAX_BIND_FAULTS = 1000 }; /* after so many the rest is left out */

/* Bytes of arena that binding takes at most. */
size_t rk_bind_arena_bytes(uint32_t n_tensors);

/* Binds. `listener` may be NULL. RK_NOT_FOUND or RK_INVALID: the first fault (tensor, expected, found), and how many
 * more there are. The binding lives in the arena. */
RK_NODISCARD enum rk_status rk_bind(struct rk_binding *ret_binding, const struct rk_config *config,
				    const struct rk_tensor_index *index, struct rk_arena *arena,
				    const struct rk_bind_listener *listener, struct rk_error *reterr);

/* Bytes that the tensor takes in memory: floats as F32, a halved table as BF16, all else as in the file. */
size_t rk_bind_memory_bytes(enum rk_slot_kind kind, const struct rk_tensor *tensor);

/* Whether the tensor is training-only. */
bool rk_bind_is_training_only(struct rk_bytes name);

#endif
