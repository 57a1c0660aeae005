#include "server/request_id.h"

#include "model/base/check.h"

#include <sys/random.h>

void rk_request_id_make(char ret_id[33])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[16];
	/* up to 256 bytes come whole and without waiting once the system has booted */
	RK_ASSERT(getrandom(bytes, sizeof(bytes), 0) == (long)sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		ret_id[2 * i] = digits[bytes[i] >> 4];
		ret_id[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_id[32] = '\0';
}
