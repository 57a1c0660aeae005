/* The words of the command line. Each returns the process's exit code; `argv[0]` is the word itself. */
#ifndef RK_SERVER_CMD_SERVE_H
#define RK_SERVER_CMD_SERVE_H

/* `rankd serve`: until a signal ends it. 0; 1 when something stops it; 2 for a wrong setting. */
int rk_cmd_serve(int argc, char **argv);

#endif
