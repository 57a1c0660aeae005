/* `rankd bench model MODEL_DIR`: what a request costs without HTTP, stage by stage, on one core. */
#ifndef RK_BENCH_MODEL_CMD_MODEL_H
#define RK_BENCH_MODEL_CMD_MODEL_H

/* argv[0] is the word itself, the flags and the folder follow (bench/model/options.h). Exit codes: 0; 1 when the
 * measurement could not be made, with the reason in one line on standard error; 2 for a wrong command line. The report
 * goes to standard output. */
int rk_cmd_bench_model(int argc, char **argv);

#endif
