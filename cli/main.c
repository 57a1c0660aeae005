/* rankd: the words of the command line. The only place that stands above server/ and bench/. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static void print_help(FILE *stream)
{
	(void)fputs("usage: rankd COMMAND …\n\n", stream);
	for (size_t i = 0; i < rk_n_commands; i++)
		(void)fprintf(stream, "  %-10s %s\n", rk_commands[i].cli->word, rk_commands[i].cli->help);
	(void)fputs(
		"\n  --version  show the version\n  --help     show this; after a command: its operands and flags\n",
		stream);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	for (size_t i = 0; i < rk_n_commands; i++)
		if (strcmp(word, rk_commands[i].cli->word) == 0)
			return rk_commands[i].run(argc - 1, argv + 1);
	if (strcmp(word, "--version") == 0) {
		(void)printf("rankd %s\n", RK_VERSION);
		return 0;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (word[0] != '\0')
		(void)fprintf(stderr, "rankd: %s: no such command\n", word);
	print_help(stderr);
	return RK_CLI_WRONG;
}
