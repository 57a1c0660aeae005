/* The load client as a program of its own: `rankd-load --url …` is `rankd bench load --url …`. */
#include "bench/load/cmd_load.h"

int main(int argc, char **argv)
{
	return rk_cmd_load(argc, argv);
}
