/* Private to server/json*.c: the text under the reader, and the reading of its smallest parts. */
#ifndef RK_SERVER_JSON_LEX_H
#define RK_SERVER_JSON_LEX_H

#include "server/json.h"

struct rk_lexer {
	const char *start, *at, *end;
	struct rk_json *next; /* of the values: there is room for every one that the text can hold */
	struct rk_arena *arena;
	char *texts; /* where unescaped strings go, room for all that is left of the text; NULL before the first */
	bool failed;
	const char *detail;
};

/* Notes the first failure, at lexer->at. Returns false. */
bool rk_lexer_fail(struct rk_lexer *lexer, const char *detail);

/* Moves over white space. Returns the byte there, NUL at the end: where a value's parts meet, it is never right. */
static inline char rk_lexer_peek(struct rk_lexer *lexer)
{
	for (; lexer->at < lexer->end; lexer->at++) {
		char c = *lexer->at;
		if ((unsigned char)c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t'))
			return c;
	}
	return '\0';
}

/* From the opening quote to behind the closing one. */
bool rk_lexer_read_string(struct rk_lexer *lexer, struct rk_json *ret_string);

/* Whatever begins no other value: RK_JSON_INTEGER or RK_JSON_REAL. */
bool rk_lexer_read_number(struct rk_lexer *lexer, struct rk_json *ret_number);

/* SipHash-1-3 with a key of this process. */
uint64_t rk_lexer_hash(struct rk_bytes text);

#endif
