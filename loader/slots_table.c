/* Every tensor of docs/model-format.md, in its order. */
#include "loader/slots_table.h"

#define AT(type, member) offsetof(struct type, member)
#define WEIGHT(member) offsetof(struct rk_slot_target, weights.member)
#define SLOT(name, kind, need, when, loop, rows, columns, place)                                                       \
	{                                                                                                              \
		name, RK_SLOT_##kind, RK_SLOT_##need, RK_WHEN_##when, RK_LOOP_##loop,                                  \
			{RK_DIM_##rows, RK_DIM_##columns}, place                                                       \
	}
#define LINEAR(name, when, loop, out, in, place)                                                                       \
	SLOT(name ".weight", FLOATS, REQUIRED, when, loop, out, in, (place) + AT(rk_linear, weight)),                  \
		SLOT(name ".bias", FLOATS, REQUIRED, when, loop, out, NONE, (place) + AT(rk_linear, bias))
#define NORM(name, when, loop, place)                                                                                  \
	SLOT(name ".weight", FLOATS, REQUIRED, when, loop, D, NONE, (place) + AT(rk_layer_norm, weight)),              \
		SLOT(name ".bias", FLOATS, REQUIRED, when, loop, D, NONE, (place) + AT(rk_layer_norm, bias))
#define GRU(part, place)                                                                                               \
	SLOT("encoder.gru.weight_" part "_l{0}", FLOATS, REQUIRED, ALWAYS, GRU_LAYERS, D_TIMES_3, D,                   \
	     (place) + AT(rk_linear, weight)),                                                                         \
		SLOT("encoder.gru.bias_" part "_l{0}", FLOATS, REQUIRED, ALWAYS, GRU_LAYERS, D_TIMES_3, NONE,          \
		     (place) + AT(rk_linear, bias))
#define ATTENTION(name, when, loop, place)                                                                             \
	LINEAR(name ".query", when, loop, D, D, (place) + AT(rk_attention_weights, query)),                            \
		LINEAR(name ".key", when, loop, D, D, (place) + AT(rk_attention_weights, key)),                        \
		LINEAR(name ".value", when, loop, D, D, (place) + AT(rk_attention_weights, value))

const struct rk_slot rk_slot_table[] = {
	/* first, since it tells V */
	SLOT("items.embedding", ITEMS, REQUIRED, ALWAYS, ONCE, V, D, WEIGHT(item_embedding)),
	SLOT("items.ids", I64, ID, ALWAYS, ONCE, V, NONE, AT(rk_slot_target, ids)),
	SLOT("items.id_bytes", U8, ID, ALWAYS, ONCE, N_BYTES, NONE, AT(rk_slot_target, id_bytes)),
	SLOT("items.id_offsets", I64, ID, ALWAYS, ONCE, V_PLUS_1, NONE, AT(rk_slot_target, id_offsets)),
	SLOT("items.unknown", FLOATS, OPTIONAL, ALWAYS, ONCE, D, NONE, WEIGHT(unknown_item)),

	SLOT("encoder.position", FLOATS, REQUIRED, POSITION, ONCE, HISTORY, D, WEIGHT(position)),
	SLOT("encoder.action", FLOATS, REQUIRED, ACTIONS, ONCE, N_ACTIONS, D, WEIGHT(action)),
	SLOT("encoder.cold_start", FLOATS, OPTIONAL, ALWAYS, ONCE, D, NONE, WEIGHT(cold_start)),
	NORM("encoder.input_norm", INPUT_NORM, ONCE, WEIGHT(input_norm)),
	NORM("encoder.final_norm", FINAL_NORM, ONCE, WEIGHT(final_norm)),
	ATTENTION("encoder.blocks.{0}.attention", ALWAYS, BLOCKS, AT(rk_block_weights, attention)),
	LINEAR("encoder.blocks.{0}.attention.output", ALWAYS, BLOCKS, D, D, AT(rk_block_weights, attention.output)),
	NORM("encoder.blocks.{0}.attention_norm", ALWAYS, BLOCKS, AT(rk_block_weights, attention_norm)),
	NORM("encoder.blocks.{0}.ffn_norm", ALWAYS, BLOCKS, AT(rk_block_weights, ffn_norm)),
	LINEAR("encoder.blocks.{0}.ffn.up", ALWAYS, BLOCKS, FFN, D, AT(rk_block_weights, up)),
	LINEAR("encoder.blocks.{0}.ffn.down", ALWAYS, BLOCKS, D, FFN, AT(rk_block_weights, down)),
	GRU("ih", AT(rk_gru_weights, input)),
	GRU("hh", AT(rk_gru_weights, hidden)),

	ATTENTION("ranker.positive_attention", ATTENDS_POSITIVE, ONCE, WEIGHT(target_attention[RK_POSITIVE])),
	ATTENTION("ranker.negative_attention", ATTENDS_NEGATIVE, ONCE, WEIGHT(target_attention[RK_NEGATIVE])),
	/* dot does not read the tables of features, but an exporter may well write them: neither is an error */
	SLOT("features.user.{0}.embedding", FLOATS, UNLESS_DOT, ALWAYS, USER_TABLES, N_VALUES_PLUS_1, FEATURE, 0),
	SLOT("features.candidate.{0}.embedding", FLOATS, UNLESS_DOT, ALWAYS, CANDIDATE_TABLES, N_VALUES_PLUS_1, FEATURE,
	     0),
	LINEAR("ranker.cross.{0}", ALWAYS, CROSS_LAYERS, WIDTH, WIDTH, 0),
	LINEAR("ranker.mlp.{0}", HAS_HEADS, HIDDEN_LAYERS, HIDDEN_OUT, HIDDEN_IN, 0),
	LINEAR("ranker.heads", HAS_HEADS, ONCE, N_SIGNALS, LAST_HIDDEN, WEIGHT(heads)),
	LINEAR("ranker.experts.{0}.{1}", ALWAYS, EXPERT_LAYERS, HIDDEN_OUT, HIDDEN_IN, 0),
	LINEAR("ranker.gates.{0}", ALWAYS, GATES, N_EXPERTS, WIDTH, 0),
	LINEAR("ranker.towers.{0}.{1}", ALWAYS, TOWER_LAYERS, TOWER_OUT, TOWER_IN, 0),
	LINEAR("ranker.towers.{0}.out", ALWAYS, TOWER_OUTS, ONE, LAST_TOWER, 0),
	SLOT("ranker.bias", FLOATS, OPTIONAL, DOT, ONCE, V, NONE, WEIGHT(item_bias)),
};

const size_t rk_slot_table_n = sizeof(rk_slot_table) / sizeof(rk_slot_table[0]);
