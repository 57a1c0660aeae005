/* Any bytes as JSON: our reader and jansson agree on the verdict and on every value. */
#include "model/base/check.h"
#include "tests/unit/server/json_oracle.h"

#include <stdint.h>

enum { MAX_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_valid;
	if (size > MAX_BYTES)
		return 0;
	RK_ASSERT(json_oracle_compare((struct rk_bytes){(const char *)data, size}, &is_valid) == NULL);
	return 0;
}
