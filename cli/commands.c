#include "cli/commands.h"

#if RK_WITH_BENCH
#include "bench/anytime/cmd_anytime.h"
#include "bench/load/cmd_load.h"
#include "bench/model/cmd_model.h"
#include "bench/replay/cmd_replay.h"
#endif
#include "server/cmd_doctor.h"
#include "server/cmd_inspect.h"
#include "server/cmd_rank.h"
#include "server/cmd_serve.h"
#include "server/cmd_validate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- the commands that read their flags by themselves ---- */

static const struct rk_cli_command cli_serve = {
	.word = "serve",
	.operands = "",
	.help = "answer ranking requests over HTTP; --help shows the settings",
};

#if RK_WITH_BENCH
static const struct rk_cli_command cli_bench = {
	.word = "bench",
	.operands = "load|model|anytime",
	.help = "measure: load on a server, the time of a model by stage, the worth of a degraded order",
};

static const struct rk_cli_command cli_replay = {
	.word = "replay",
	.operands = "FILE",
	.help = "send recorded requests again and compare the answers",
};

static const struct {
	const char *word, *help;
	int (*run)(int argc, char **argv);
} benches[] = {
	{"load", "send requests to a running server on a fixed schedule (open loop)", rk_cmd_load},
	{"model", "rank in this process: the time of a model by stage, on one core", rk_cmd_bench_model},
	{"anytime", "the worth of the order that a degraded answer has", rk_cmd_bench_anytime},
};

static int run_bench(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		if (strcmp(word, benches[i].word) == 0)
			return benches[i].run(argc - 1, argv + 1);
	const bool asked = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
	FILE *stream = asked ? stdout : stderr;
	if (!asked && word[0] != '\0')
		(void)fprintf(stream, "rankd bench: expected load, model or anytime, found %s\n", word);
	(void)fprintf(stream, "usage: rankd bench %s …\n\n", cli_bench.operands);
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		(void)fprintf(stream, "  %-10s %s\n", benches[i].word, benches[i].help);
	(void)fputs("\n  --help after one of these shows its flags\n", stream);
	return asked ? 0 : RK_CLI_WRONG;
}
#endif

const struct rk_command rk_commands[] = {
	{&cli_serve, rk_cmd_serve},
	{&rk_cli_inspect, rk_cmd_inspect},
	{&rk_cli_validate, rk_cmd_validate},
	{&rk_cli_rank, rk_cmd_rank},
	{&rk_cli_doctor, rk_cmd_doctor},
#if RK_WITH_BENCH
	{&cli_bench, run_bench},
	{&cli_replay, rk_cmd_replay},
#endif
	{&rk_cli_completion, rk_cmd_completion},
};

const size_t rk_n_commands = sizeof(rk_commands) / sizeof(rk_commands[0]);
