/* Runs a fuzz target over files: without libFuzzer, and to repeat what it found. Usage: fuzz_x FILE … */
#include "model/base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		RK_ASSERT(file != NULL && fseek(file, 0, SEEK_END) == 0);
		long size = ftell(file);
		RK_ASSERT(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
		uint8_t *bytes = malloc((size_t)size + 1);
		RK_ASSERT(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size);
		(void)fclose(file);
		(void)LLVMFuzzerTestOneInput(bytes, (size_t)size);
		free(bytes);
	}
	(void)printf("%d files\n", argc - 1);
	return 0;
}
