/* The command `rankd bench anytime`: what the order of a degraded answer is worth. Exit codes: 0; 1 when it could not
 * be measured; 2 for a wrong command line. */
#ifndef RK_BENCH_ANYTIME_CMD_ANYTIME_H
#define RK_BENCH_ANYTIME_CMD_ANYTIME_H

/* The flags from argv[1] on. Returns the exit code. */
int rk_cmd_bench_anytime(int argc, char **argv);

#endif
