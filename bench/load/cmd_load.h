/* The command `rankd bench load`. Exit codes: 0; 1 when the run could not be made, or nothing was answered; 2 for a
 * wrong command line. Reports go to standard output, reasons to standard error. */
#ifndef RK_BENCH_LOAD_CMD_LOAD_H
#define RK_BENCH_LOAD_CMD_LOAD_H

/* The flags from argv[1] on. */
int rk_cmd_load(int argc, char **argv);

#endif
