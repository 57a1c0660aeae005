/*
 * Completion for three shells from the tables of commands, flags and settings. What a value is decides what the shell
 * offers: one of its words, a file, or nothing. Each shell is a writer with the same four steps.
 */
#include "cli/commands.h"
#include "server/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FINE = 0, MAX_FLAG_BYTES = 64 };

const struct rk_cli_command rk_cli_completion = {
	.word = "completion",
	.operands = "bash|zsh|fish",
	.help = "write what completes these commands in a shell: source <(rankd completion bash)",
};

/* ---- the flags of any command, settings among them ---- */

#define VALUES_TEXT(unit) "FILE"
#define VALUES_NAME(unit) ""
#define VALUES_ADDRESS(unit) ""
#define VALUES_CHOICE(unit) unit
#define VALUES_COUNT(unit) ""
#define VALUES_SIZE(unit) ""
#define VALUES_REAL(unit) ""
#define VALUES_BOOLEAN(unit) unit

static const struct rk_cli_flag settings[] = {
#define SETTING(name, kind, fallback, low, high, unit, help) {#name, VALUES_##kind(unit), help},
	RK_SETTING_TABLE(SETTING)
#undef SETTING
		{"config", "FILE", "JSON object of settings"},
	{"print_config", "", "show the values in force and end"},
};

struct flags {
	const struct rk_cli_command *command;
	size_t next;
	char name[MAX_FLAG_BYTES];
};

/* The next flag, its name without the dashes; false past the last. */
static bool next_flag(struct flags *flags, struct rk_cli_flag *ret_flag)
{
	bool is_serve = strcmp(flags->command->word, "serve") == 0;
	size_t n = is_serve ? sizeof(settings) / sizeof(settings[0]) : flags->command->n_flags;
	if (flags->next == n)
		return false;
	*ret_flag = is_serve ? settings[flags->next] : flags->command->flags[flags->next];
	const char *name = ret_flag->name + (is_serve ? 0 : strlen("--"));
	size_t size = strlen(name);
	for (size_t i = 0; i <= size && i < sizeof(flags->name) - 1; i++)
		flags->name[i] = name[i] == '_' ? '-' : name[i];
	ret_flag->name = flags->name;
	flags->next++;
	return true;
}

/* ---- texts ---- */

static bool is_words(const char *values)
{
	return strchr(values, '|') != NULL;
}

static bool is_file(const char *values)
{
	return strcmp(values, "FILE") == 0 || strcmp(values, "MODEL_DIR") == 0;
}

/* With spaces for the bars. */
static void put_words(const char *values)
{
	for (; *values != '\0'; values++)
		(void)putchar(*values == '|' ? ' ' : *values);
}

/* Inside single quotes; `escaped` are further letters that take a backslash. */
static void put_quoted(const char *text, const char *quote, const char *escaped)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			(void)fputs(quote, stdout);
			continue;
		}
		if (strchr(escaped, *text) != NULL)
			(void)putchar('\\');
		(void)putchar(*text);
	}
}

/* ---- bash ---- */

static void put_bash_offer(const char *values)
{
	(void)fputs("COMPREPLY=(", stdout);
	if (is_words(values)) {
		(void)fputs("$(compgen -W \"", stdout);
		put_words(values);
		(void)fputs("\" -- \"$current\")", stdout);
	} else if (is_file(values)) {
		(void)fputs("$(compgen -f -- \"$current\")", stdout);
	}
	(void)fputs(")", stdout);
}

static void put_bash_values(const struct rk_cli_command *command)
{
	struct flags flags = {.command = command};
	struct rk_cli_flag flag;
	while (next_flag(&flags, &flag)) {
		if (strcmp(flag.name, "print-config") == 0)
			continue;
		(void)printf("    \"%s --%s\") ", command->word, flag.name);
		put_bash_offer(flag.values);
		(void)fputs("; return ;;\n", stdout);
	}
}

static void put_bash_command(const struct rk_cli_command *command)
{
	struct flags flags = {.command = command};
	struct rk_cli_flag flag;
	(void)printf("    %s)\n        ", command->word);
	put_bash_offer(command->operands);
	(void)fputs("\n        words=\"--help", stdout);
	while (next_flag(&flags, &flag))
		(void)printf(" --%s", flag.name);
	(void)fputs("\" ;;\n", stdout);
}

static void write_bash(void)
{
	(void)fputs("# bash completion of rankd\n_rankd() {\n"
		    "    local current=${COMP_WORDS[COMP_CWORD]} words=\n"
		    "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words=\"--help --version",
		    stdout);
	for (size_t i = 0; i < rk_n_commands; i++)
		(void)printf(" %s", rk_commands[i].cli->word);
	(void)fputs("\"\n        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n        return\n    fi\n"
		    "    case \"${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}\" in\n",
		    stdout);
	for (size_t i = 0; i < rk_n_commands; i++)
		put_bash_values(rk_commands[i].cli);
	(void)fputs("    esac\n    case ${COMP_WORDS[1]} in\n", stdout);
	for (size_t i = 0; i < rk_n_commands; i++)
		put_bash_command(rk_commands[i].cli);
	(void)fputs("    esac\n    COMPREPLY+=($(compgen -W \"$words\" -- \"$current\"))\n}\n"
		    "complete -o filenames -F _rankd rankd\n",
		    stdout);
}

/* ---- zsh ---- */

/* ":what:action" of _arguments; a flag that takes no value has none. */
static void put_zsh_values(const char *values)
{
	(void)fputs(":value:", stdout);
	if (is_words(values)) {
		(void)putchar('(');
		put_words(values);
		(void)putchar(')');
	} else if (is_file(values)) {
		(void)fputs("_files", stdout);
	}
}

static void put_zsh_command(const struct rk_cli_command *command)
{
	struct flags flags = {.command = command};
	struct rk_cli_flag flag;
	(void)printf("    %s)\n        _arguments '--help[show the flags]'", command->word);
	while (next_flag(&flags, &flag)) {
		(void)printf(" \\\n            '--%s[", flag.name);
		put_quoted(flag.help, "'\\''", "]:[\\");
		(void)putchar(']');
		if (strcmp(flag.name, "print-config") != 0)
			put_zsh_values(flag.values);
		(void)putchar('\'');
	}
	if (command->operands[0] != '\0') {
		(void)fputs(" \\\n            '1", stdout);
		put_zsh_values(command->operands);
		(void)putchar('\'');
	}
	(void)fputs(" ;;\n", stdout);
}

static void write_zsh(void)
{
	(void)fputs("#compdef rankd\n_rankd() {\n    local -a commands=(\n", stdout);
	for (size_t i = 0; i < rk_n_commands; i++) {
		(void)printf("        '%s:", rk_commands[i].cli->word);
		put_quoted(rk_commands[i].cli->help, "'\\''", "");
		(void)fputs("'\n", stdout);
	}
	(void)fputs(
		"    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
		"    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n",
		stdout);
	for (size_t i = 0; i < rk_n_commands; i++)
		put_zsh_command(rk_commands[i].cli);
	(void)fputs("    esac\n}\n"
		    "if [ \"$funcstack[1]\" = _rankd ]; then _rankd \"$@\"; else compdef _rankd rankd; fi\n",
		    stdout);
}

/* ---- fish ---- */

static void put_fish_values(const char *values)
{
	if (is_words(values)) {
		(void)fputs(" -x -a '", stdout);
		put_words(values);
		(void)putchar('\'');
	} else {
		(void)fputs(is_file(values) ? " -r -F" : " -x", stdout);
	}
}

static void put_fish_help(const char *help)
{
	(void)fputs(" -d '", stdout);
	put_quoted(help, "\\'", "\\");
	(void)fputs("'\n", stdout);
}

static void put_fish_command(const struct rk_cli_command *command)
{
	struct flags flags = {.command = command};
	struct rk_cli_flag flag;
	(void)printf("complete -c rankd -n __fish_use_subcommand -a %s", command->word);
	put_fish_help(command->help);
	if (command->operands[0] != '\0') {
		(void)printf("complete -c rankd -n '__fish_seen_subcommand_from %s'", command->word);
		if (is_words(command->operands))
			put_fish_values(command->operands);
		else
			(void)fputs(" -F", stdout);
		(void)putchar('\n');
	}
	while (next_flag(&flags, &flag)) {
		(void)printf("complete -c rankd -n '__fish_seen_subcommand_from %s' -l %s", command->word, flag.name);
		if (strcmp(flag.name, "print-config") != 0)
			put_fish_values(flag.values);
		put_fish_help(flag.help);
	}
}

static void write_fish(void)
{
	(void)fputs("# fish completion of rankd\ncomplete -c rankd -f\ncomplete -c rankd -l help\n"
		    "complete -c rankd -n __fish_use_subcommand -l version\n",
		    stdout);
	for (size_t i = 0; i < rk_n_commands; i++)
		put_fish_command(rk_commands[i].cli);
}

/* ---- command ---- */

int rk_cmd_completion(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(void);
	} shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};
	struct rk_cli_values values;
	int code = rk_cli_read(&rk_cli_completion, argc, argv, &values);
	if (code != RK_CLI_GO_ON)
		return code;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(values.operand, shells[i].name) != 0)
			continue;
		shells[i].write();
		return EXIT_FINE;
	}
	(void)fprintf(stderr, "rankd completion: %s: expected one of %s\n", values.operand, rk_cli_completion.operands);
	return RK_CLI_WRONG;
}
