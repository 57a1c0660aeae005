/* rankd: the words of the command line. The only place that stands above server/ and bench/. */
#if RK_WITH_BENCH
#include "bench/anytime/cmd_anytime.h"
#include "bench/load/cmd_load.h"
#include "bench/model/cmd_model.h"
#include "bench/replay/cmd_replay.h"
#endif
#include "server/cmd_inspect.h"
#include "server/cmd_serve.h"
#include "server/cmd_validate.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_WRONG_COMMAND = 2 };

#if RK_WITH_BENCH
/* `bench model` and `bench anytime` rank in this process; `bench load` is the client of a running server. */
static int run_bench(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "model") == 0)
		return rk_cmd_bench_model(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "anytime") == 0)
		return rk_cmd_bench_anytime(argc - 1, argv + 1);
	return rk_cmd_bench(argc, argv);
}
#endif

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"serve", rk_cmd_serve, "answer ranking requests over HTTP; --help shows the settings"},
	{"inspect", rk_cmd_inspect, "MODEL_DIR: tensors used, dropped and missing; memory that serving takes"},
	{"validate", rk_cmd_validate,
	 "MODEL_DIR: load it, run its golden and warm-up requests; --cpu chooses the kernels"},
#if RK_WITH_BENCH
	{"bench", run_bench,
	 "load: open-loop load against a server; model: time of a model by stage; anytime: worth of a degraded order"},
	{"replay", rk_cmd_replay, "FILE: sends recorded requests again and compares the answers; --help tells more"},
#endif
};

static void print_help(FILE *stream)
{
	(void)fputs("usage: rankd COMMAND …\n\n", stream);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)fprintf(stream, "  %-10s %s\n", commands[i].word, commands[i].help);
	(void)fputs("  --version  show the version\n  --help     show this\n", stream);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word, commands[i].word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(word, "--version") == 0) {
		(void)printf("rankd %s\n", RK_VERSION);
		return 0;
	}
	if (strcmp(word, "--help") == 0) {
		print_help(stdout);
		return 0;
	}
	print_help(stderr);
	return EXIT_WRONG_COMMAND;
}
