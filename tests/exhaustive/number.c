/* Checks the text of every finite float of one sign, or of every n-th: `exhaustive_number [n]`. About half an hour. */
#include "tests/unit/server/number_check.h"

int main(int argc, char **argv)
{
	enum { INFINITY_BITS = 0x7f800000 };
	unsigned long stride = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	unsigned long n = 0, n_wrong = 0;
	if (stride == 0)
		return 2;
	for (unsigned long bits = 0; bits < INFINITY_BITS; bits += stride, n++) {
		const char *wrong = rk_check_float_text(rk_float_of_bits((uint32_t)bits));
		if (wrong != NULL && n_wrong++ < 20)
			printf("bits 0x%08lx: %s\n", bits, wrong);
	}
	printf("%lu floats, %lu wrong\n", n, n_wrong);
	return n_wrong == 0 ? 0 : 1;
}
