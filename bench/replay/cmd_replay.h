/*
 * The command `rankd replay FILE [--url URL]`: sends recorded requests again and compares the answers' items.
 * FILE: what GET /v1/slow gave, or log lines (those that are no `slow_request` are passed over).
 * Exit codes: 0 every answer that was recorded came out the same; 1 one did not, or could not be had; 2 for a wrong
 * command line or file.
 */
#ifndef RK_BENCH_REPLAY_CMD_REPLAY_H
#define RK_BENCH_REPLAY_CMD_REPLAY_H

/* The flags from argv[1] on. Returns the exit code. */
int rk_cmd_replay(int argc, char **argv);

#endif
