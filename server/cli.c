#include "server/cli.h"

#include "model/base/check.h"

#include <stdio.h>
#include <string.h>

static void print_usage(const struct rk_cli_command *command, FILE *stream)
{
	(void)fprintf(stream, "usage: rankd %s", command->word);
	for (size_t i = 0; i < command->n_flags; i++)
		(void)fprintf(stream, " [%s %s]", command->flags[i].name, command->flags[i].values);
	(void)fprintf(stream, "%s%s\n", command->operands[0] == '\0' ? "" : " ", command->operands);
}

static void print_help(const struct rk_cli_command *command)
{
	print_usage(command, stdout);
	(void)printf("\n%s\n", command->help);
	for (size_t i = 0; i < command->n_flags; i++) {
		const struct rk_cli_flag *flag = &command->flags[i];
		(void)printf("%s  %s %s  %s\n", i == 0 ? "\n" : "", flag->name, flag->values, flag->help);
	}
}

/* Index of the flag that the word begins with, n_flags if there is none. *ret_value is what follows a =, or NULL. */
static size_t find_flag(const struct rk_cli_command *command, const char *word, const char **ret_value)
{
	size_t size = strcspn(word, "=");
	*ret_value = word[size] == '=' ? word + size + 1 : NULL;
	for (size_t i = 0; i < command->n_flags; i++)
		if (strlen(command->flags[i].name) == size && strncmp(command->flags[i].name, word, size) == 0)
			return i;
	return command->n_flags;
}

static int wrong(const struct rk_cli_command *command, const char *word, const char *why)
{
	(void)fprintf(stderr, "rankd %s: %s%s%s\n", command->word, word, word[0] == '\0' ? "" : ": ", why);
	print_usage(command, stderr);
	return RK_CLI_WRONG;
}

/* Takes argv[*at], and its value; *at is then the last that was taken. */
static int take(const struct rk_cli_command *command, char **argv, int *at, struct rk_cli_values *values)
{
	const char *word = argv[*at], *value;
	if (word[0] != '-') {
		if (values->operand != NULL || word[0] == '\0')
			return wrong(command, word, word[0] == '\0' ? "an empty operand" : "one operand too many");
		values->operand = word;
		return RK_CLI_GO_ON;
	}
	size_t flag = find_flag(command, word, &value);
	if (flag == command->n_flags)
		return wrong(command, word, "no such flag");
	if (value == NULL)
		value = argv[++*at];
	if (value == NULL)
		return wrong(command, word, "needs a value");
	values->flags[flag] = value;
	return RK_CLI_GO_ON;
}

int rk_cli_read(const struct rk_cli_command *command, int argc, char **argv, struct rk_cli_values *ret_values)
{
	struct rk_cli_values values = {.operand = NULL};
	RK_ASSERT(command->n_flags <= RK_CLI_MAX_FLAGS);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(command);
			return 0;
		}
		int code = take(command, argv, &i, &values);
		if (code != RK_CLI_GO_ON)
			return code;
	}
	if (values.operand == NULL && command->operands[0] != '\0')
		return wrong(command, "", "an operand is missing");
	*ret_values = values;
	return RK_CLI_GO_ON;
}
