/*
 * One pass over the order, straight into the buffer. What is the same for every item, the signals' keys, is escaped
 * once per reply. Overflow is sticky and checked at the end; the parts of an item whose length is bounded are written
 * together, with one check for all of them.
 */
#include "server/reply.h"

#include "server/number.h"
#include "server/text.h"

enum {
	ESCAPE_FACTOR = 6, /* \u0000 */
	KEY_BYTES = 4,     /* comma or brace, quotes, colon: around a key */
	PIECE_BYTES =
		128, /* of an item without its explanation, if its id is an integer: 54 of text, and two numbers */
};

/* `,"click":` for each signal; the first byte is left out for the first of an object. */
struct keys {
	uint32_t n;
	const struct rk_bytes *keys;
};

static size_t signal_key_bytes(const struct rk_config *config)
{
	size_t bytes = 0;
	for (uint32_t k = 0; k < config->signals.n; k++)
		bytes += ESCAPE_FACTOR * config->signals.names[k].size + KEY_BYTES;
	return bytes;
}

size_t rk_reply_arena_bytes(const struct rk_config *config)
{
	return signal_key_bytes(config) + config->signals.n * sizeof(struct rk_bytes) + 2 * RK_ARENA_ALIGNMENT;
}

size_t rk_reply_bytes(const struct rk_request_limits *limits, const struct rk_config *config)
{
	static const char around[] = "{\"request_id\":\"\",\"model\":{\"name\":\"\",\"version\":},\"items\":[],"
				     "\"history\":{\"used\":,\"unknown_items\":,\"unknown_actions\":},"
				     "\"degraded\":{\"reason\":\"deadline\",\"scored\":,\"unscored\":}}";
	static const char around_item[] = ",{\"item\":,\"score\":,\"unknown\":true,\"error\":\"nonfinite\","
					  "\"signals\":{},\"terms\":{}}";
	size_t names = ESCAPE_FACTOR * (RK_MAX_REQUEST_ID_BYTES + sizeof(((struct rk_version *)NULL)->name));
	size_t numbers = signal_key_bytes(config) + config->signals.n * (size_t)RK_FLOAT_TEXT_BYTES;
	size_t item = sizeof(around_item) + RK_FLOAT_TEXT_BYTES + 2 * numbers;
	return sizeof(around) + names + 6 * RK_INTEGER_TEXT_BYTES + limits->max_candidates * item +
	       limits->max_body_bytes;
}

static bool make_keys(const struct rk_config *config, struct rk_arena *arena, struct keys *ret_keys)
{
	size_t bytes = signal_key_bytes(config);
	char *memory = rk_arena_alloc(arena, bytes);
	struct rk_bytes *keys = rk_arena_alloc_array(arena, config->signals.n, sizeof(*keys));
	if (arena->overflowed)
		return false;
	struct rk_text text;
	rk_text_init(&text, memory, bytes);
	for (uint32_t k = 0; k < config->signals.n; k++) {
		size_t start = text.used;
		rk_text_put_char(&text, ',');
		rk_text_put_json(&text, config->signals.names[k]);
		rk_text_put_char(&text, ':');
		keys[k] = (struct rk_bytes){memory + start, text.used - start};
	}
	*ret_keys = (struct keys){config->signals.n, keys};
	return !text.overflowed;
}

/* {"click":0.62,"like":0.04} of those k for which `shown` holds (NULL: all). */
static void put_values(struct rk_text *text, const struct keys *keys, const float *values, const uint8_t *shown)
{
	size_t skip = 1;
	rk_text_put_char(text, '{');
	for (uint32_t k = 0; k < keys->n; k++) {
		if (shown != NULL && !shown[k])
			continue;
		rk_text_put(text, keys->keys[k].data + skip, keys->keys[k].size - skip);
		rk_text_put_float(text, values[k]);
		skip = 0;
	}
	rk_text_put_char(text, '}');
}

/* `text` must be a literal, so that its bytes become a few moves. */
static inline __attribute__((always_inline)) char *append(char *to, const char *text)
{
	size_t size = strlen(text);
	memcpy(to, text, size);
	return to + size;
}

/* Up to the item's end, or to its explanation. `spare` [PIECE_BYTES]. */
static void put_item(struct rk_text *text, char *spare, const struct rk_reply_source *source, uint32_t place,
		     bool is_first, bool is_explained)
{
	const struct rk_item_id *id = &source->request->candidate_ids[place];
	uint8_t state = source->result->states[place];
	char *start = rk_text_begin(text, spare, PIECE_BYTES);
	*start = ',';
	char *end = append(start + !is_first, "{\"item\":");
	if (id->is_integer) {
		end += rk_number_write_integer(id->integer, end);
	} else {
		rk_text_end(text, start, end);
		rk_text_put_json(text, id->text);
		end = start = rk_text_begin(text, spare, PIECE_BYTES);
	}
	end = append(end, ",\"score\":");
	if (state == RK_SCORED)
		end += rk_number_write_float(source->result->scores[place], end);
	else
		end = append(end, "null");
	if (source->request->input.candidate_rows[place] == RK_ROW_UNKNOWN)
		end = append(end, ",\"unknown\":true");
	if (state == RK_NONFINITE)
		end = append(end, ",\"error\":\"nonfinite\"");
	*end = '}';
	rk_text_end(text, start, end + !is_explained);
}

static void put_explanation(struct rk_text *text, const struct rk_rank_result *result, const struct keys *keys,
			    uint32_t place)
{
	size_t row = (size_t)place * result->n_signals;
	rk_text_put_text(text, ",\"signals\":");
	put_values(text, keys, result->signals + row, NULL);
	rk_text_put_text(text, ",\"terms\":");
	put_values(text, keys, result->terms + row, result->has_term);
	rk_text_put_char(text, '}');
}

static void put_items(struct rk_text *text, const struct rk_reply_source *source, const struct keys *keys)
{
	const struct rk_request *request = source->request;
	char spare[PIECE_BYTES];
	for (uint32_t i = 0; i < request->top_k; i++) {
		uint32_t place = source->result->order[i];
		bool is_explained = request->explain && source->result->states[place] == RK_SCORED;
		put_item(text, spare, source, place, i == 0, is_explained);
		if (is_explained)
			put_explanation(text, source->result, keys, place);
	}
}

static void put_head(struct rk_text *text, const struct rk_reply_source *source)
{
	const struct rk_version *version = source->request->version;
	rk_text_put_text(text, "{\"request_id\":");
	rk_text_put_json(text, rk_bytes_of(source->request_id));
	rk_text_put_text(text, ",\"model\":{\"name\":");
	rk_text_put_json(text, rk_bytes_of(version->name));
	rk_text_put_text(text, ",\"version\":");
	rk_text_put_unsigned(text, version->number);
	rk_text_put_text(text, "},\"items\":[");
}

static void put_degraded(struct rk_text *text, const struct rk_rank_result *result)
{
	if (result->n_unreached == 0) {
		rk_text_put_text(text, "null");
		return;
	}
	rk_text_put_text(text, "{\"reason\":\"deadline\",\"scored\":");
	rk_text_put_unsigned(text, result->n_scored);
	rk_text_put_text(text, ",\"unscored\":");
	rk_text_put_unsigned(text, result->n_unreached);
	rk_text_put_char(text, '}');
}

static void put_tail(struct rk_text *text, const struct rk_reply_source *source)
{
	rk_text_put_text(text, "],\"history\":{\"used\":");
	rk_text_put_unsigned(text, source->result->n_used_events);
	rk_text_put_text(text, ",\"unknown_items\":");
	rk_text_put_unsigned(text, source->request->n_unknown_events);
	rk_text_put_text(text, ",\"unknown_actions\":");
	rk_text_put_unsigned(text, source->request->n_unknown_actions);
	rk_text_put_text(text, "},\"degraded\":");
	put_degraded(text, source->result);
	rk_text_put_char(text, '}');
}

enum rk_status rk_reply_write(const struct rk_reply_source *source, struct rk_arena *arena, char *ret_text, size_t size,
			      size_t *ret_bytes)
{
	struct keys keys;
	if (!make_keys(&source->request->version->model.config, arena, &keys))
		return RK_NO_MEMORY;
	struct rk_text text;
	rk_text_init(&text, ret_text, size);
	put_head(&text, source);
	put_items(&text, source, &keys);
	put_tail(&text, source);
	if (text.overflowed)
		return RK_LIMIT;
	*ret_bytes = text.used;
	return RK_OK;
}
