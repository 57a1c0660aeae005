/* The arrays of struct rk_weights, and the way from a loop's place to the struct that takes a tensor's pointer. */
#include "loader/slots_table.h"

#include "model/base/check.h"

/* What the arrays are made of; one function walks it to count and to allocate, so that the two cannot differ. */
struct maker {
	struct rk_arena *arena; /* NULL: only count */
	size_t bytes;
};

static void *make(struct maker *maker, uint32_t n, size_t size)
{
	size_t bytes = (size_t)n * size; /* counts are bounded by the config reader: far from overflow */
	maker->bytes += (bytes + RK_ARENA_ALIGNMENT - 1) / RK_ARENA_ALIGNMENT * RK_ARENA_ALIGNMENT;
	return maker->arena != NULL ? rk_arena_alloc_zeroed(maker->arena, n, size) : NULL;
}

static struct rk_stack_weights *make_stacks(struct maker *maker, uint32_t n, uint32_t n_layers)
{
	struct rk_stack_weights *stacks = make(maker, n, sizeof(*stacks));
	for (uint32_t i = 0; i < n; i++) {
		struct rk_linear *layers = make(maker, n_layers, sizeof(*layers));
		if (stacks != NULL)
			stacks[i].layers = layers;
	}
	return stacks;
}

static uint32_t n_of(const struct rk_config *config, enum rk_slot_loop loop)
{
	return rk_slot_counts_of(config, loop).n_i;
}

static void make_arrays(struct maker *maker, struct rk_weights *weights, const struct rk_config *config)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	weights->blocks = make(maker, n_of(config, RK_LOOP_BLOCKS), sizeof(*weights->blocks));
	weights->gru = make(maker, n_of(config, RK_LOOP_GRU_LAYERS), sizeof(*weights->gru));
	weights->user_tables = make(maker, n_of(config, RK_LOOP_USER_TABLES), sizeof(*weights->user_tables));
	weights->candidate_tables =
		make(maker, n_of(config, RK_LOOP_CANDIDATE_TABLES), sizeof(*weights->candidate_tables));
	weights->cross = make(maker, n_of(config, RK_LOOP_CROSS_LAYERS), sizeof(*weights->cross));
	weights->hidden = make(maker, n_of(config, RK_LOOP_HIDDEN_LAYERS), sizeof(*weights->hidden));
	weights->gates = make(maker, n_of(config, RK_LOOP_GATES), sizeof(*weights->gates));
	weights->experts = make_stacks(maker, n_of(config, RK_LOOP_EXPERT_LAYERS), ranker->n_hidden);
	weights->towers = make_stacks(maker, n_of(config, RK_LOOP_TOWER_OUTS), ranker->n_tower_hidden);
}

size_t rk_slots_arena_bytes(const struct rk_config *config)
{
	struct maker maker = {0};
	struct rk_weights weights = {0};
	make_arrays(&maker, &weights, config);
	return maker.bytes;
}

enum rk_status rk_slots_alloc(struct rk_slot_target *ret_target, const struct rk_config *config, struct rk_arena *arena,
			      struct rk_error *reterr)
{
	if (rk_slots_arena_bytes(config) > arena->size - arena->used)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for the model's layers");
	struct maker maker = {.arena = arena};
	struct rk_slot_target target = {.ids = NULL};
	make_arrays(&maker, &target.weights, config);
	*ret_target = target;
	return RK_OK;
}

static void *element_of(struct rk_slot_target *target, enum rk_slot_loop loop, uint32_t i, uint32_t j)
{
	struct rk_weights *weights = &target->weights;
	switch (loop) {
	case RK_LOOP_ONCE:
		return target;
	case RK_LOOP_BLOCKS:
		return &weights->blocks[i];
	case RK_LOOP_GRU_LAYERS:
		return &weights->gru[i];
	case RK_LOOP_USER_TABLES:
		return &weights->user_tables[i];
	case RK_LOOP_CANDIDATE_TABLES:
		return &weights->candidate_tables[i];
	case RK_LOOP_CROSS_LAYERS:
		return &weights->cross[i];
	case RK_LOOP_HIDDEN_LAYERS:
		return &weights->hidden[i];
	case RK_LOOP_EXPERT_LAYERS:
		return &weights->experts[i].layers[j];
	case RK_LOOP_GATES:
		return &weights->gates[i];
	case RK_LOOP_TOWER_LAYERS:
		return &weights->towers[i].layers[j];
	case RK_LOOP_TOWER_OUTS:
		return &weights->towers[i].out;
	}
	RK_ASSERT(false); /* the table has no other loop */
	return NULL;
}

void rk_slots_place(struct rk_slot_target *target, const struct rk_slot *slot, uint32_t i, uint32_t j,
		    const void *memory)
{
	char *element = element_of(target, slot->loop, i, j);
	memcpy(element + slot->place, &memory, sizeof(memory));
}
