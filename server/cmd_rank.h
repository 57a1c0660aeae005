/* `rankd rank MODEL_DIR`: one request without a server, for scripts and for looking closer at an answer. */
#ifndef RK_SERVER_CMD_RANK_H
#define RK_SERVER_CMD_RANK_H

#include "server/cli.h"

extern const struct rk_cli_command rk_cli_rank;

/* Reads the body of a request on standard input, and writes the body of the answer, or of the problem, on standard
 * output: the same bytes that `rankd serve` sends, but without a budget of its own. Exit code: 0; 1 for a refused
 * request (and, with the reason on standard error, for a folder that does not load); 2 for a wrong command line. */
int rk_cmd_rank(int argc, char **argv);

#endif
