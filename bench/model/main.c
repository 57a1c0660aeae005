/* The benchmark as a program of its own: `rankd-bench-model MODEL_DIR …` is `rankd bench model MODEL_DIR …`. */
#include "bench/model/cmd_model.h"

int main(int argc, char **argv)
{
	return rk_cmd_bench_model(argc, argv);
}
