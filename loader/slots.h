/*
 * The slots: every tensor that a config can call for, as a table of patterns. A pattern is walked along the config
 * (a layer's or an expert's number, a signal's or a feature's name) and gives exact names and shapes.
 * docs/model-format.md names the same tensors in words.
 */
#ifndef RK_LOADER_SLOTS_H
#define RK_LOADER_SLOTS_H

#include "loader/safetensors.h"
#include "model/base/arena.h"
#include "model/config.h"
#include "model/weights.h"

enum { RK_SLOT_NAME_BYTES = 512 };

enum rk_slot_kind {
	RK_SLOT_FLOATS,       /* F32, F16 or BF16 → F32 */
	RK_SLOT_ITEMS,        /* the item table: F32, F16 or BF16, kept as it is */
	RK_SLOT_HALVED_ITEMS, /* the item table of a bf16 model: F32 or F16 → BF16, rounded to nearest even */
	RK_SLOT_I64,          /* I64 */
	RK_SLOT_U8,           /* U8 */
};

enum rk_slot_need {
	RK_SLOT_REQUIRED,
	RK_SLOT_OPTIONAL,
	RK_SLOT_UNLESS_DOT, /* required, but optional where the ranker is dot */
	RK_SLOT_ID,         /* item ids: rk_bind checks which of them belong together */
};

struct rk_slot; /* a row of the table */

/* What the tensors' destinations hang on: the weights, and the ids' tensors, which are not weights. */
struct rk_slot_target {
	struct rk_weights weights;
	const int64_t *ids;        /* [V] or NULL */
	const char *id_bytes;      /* [B] or NULL */
	const int64_t *id_offsets; /* [V + 1] or NULL */
};

enum { RK_ANY_DIM = -1 }; /* in an expected shape: not known from the config */

/* One tensor that the config calls for. */
struct rk_slot_tensor {
	const struct rk_slot *slot;
	uint32_t i, j; /* where the loops stand */
	enum rk_slot_kind kind;
	enum rk_slot_need need;
	char name[RK_SLOT_NAME_BYTES];
	uint32_t n_dims;
	int64_t dims[2];
};

/* Called for each tensor; a status other than RK_OK ends the walk and is returned. */
typedef enum rk_status (*rk_slot_fn)(void *context, const struct rk_slot_tensor *tensor);

/* Walks over every tensor that the config calls for. `n_items` is V, or RK_ANY_DIM while it is not known. */
RK_NODISCARD enum rk_status rk_slots_walk(const struct rk_config *config, int64_t n_items, rk_slot_fn visit,
					  void *context);

/* Bytes of arena that rk_slots_alloc takes. */
size_t rk_slots_arena_bytes(const struct rk_config *config);

/* Makes the arrays of struct rk_weights (blocks, experts, …) with every tensor NULL. RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_slots_alloc(struct rk_slot_target *ret_target, const struct rk_config *config,
					   struct rk_arena *arena, struct rk_error *reterr);

/* Puts a tensor's memory into its place. */
void rk_slots_place(struct rk_slot_target *target, const struct rk_slot *slot, uint32_t i, uint32_t j,
		    const void *memory);

#endif
