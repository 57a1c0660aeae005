/* Any bytes as a config.json: refused, or a config that keeps its rules and can be walked. */
#include "loader/config_reader.h"
#include "loader/slots.h"
#include "model/base/check.h"
#include "model/base/pages.h"

enum { MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum rk_status visit(void *context, const struct rk_slot_tensor *tensor)
{
	unsigned *n = context;
	RK_ASSERT(tensor->name[0] != '\0' && tensor->n_dims >= 1 && tensor->n_dims <= 2);
	return ++*n < 10000 ? RK_OK : RK_LIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rk_arena arena;
	static struct rk_pages pages;
	if (size > MAX_BYTES)
		return 0;
	if (pages.base == NULL) {
		RK_ASSERT(rk_pages_open(&pages, rk_config_arena_bytes(MAX_BYTES), NULL) == RK_OK);
		rk_arena_init(&arena, pages.base, pages.size);
	}
	struct rk_config config;
	struct rk_error error;
	rk_arena_init(&arena, pages.base, rk_config_arena_bytes(size));
	if (rk_config_read(&config, (struct rk_bytes){(const char *)data, size}, &arena, &error) != RK_OK) {
		RK_ASSERT(error.status != RK_NO_MEMORY);
		return 0;
	}
	RK_ASSERT(config.dim >= 1 && config.dim <= RK_MAX_DIM && config.signals.n >= 1 &&
		  config.signals.n <= RK_MAX_SIGNALS);
	RK_ASSERT(config.encoder.type != RK_ENCODER_SASREC || config.dim % config.encoder.n_heads == 0);
	RK_ASSERT(config.ranker.attention_heads == 0 || config.dim % config.ranker.attention_heads == 0);
	RK_ASSERT(config.reward.signal < config.signals.n && rk_config_ranker_width(&config) <= 1 << 20);
	unsigned n = 0;
	enum rk_status status = rk_slots_walk(&config, 1000, visit, &n);
	RK_ASSERT((status == RK_OK) == (n < 10000));
	return 0;
}
