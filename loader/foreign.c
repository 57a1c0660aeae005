/* One decoder of UTF-8 sequences; both functions walk with it. */
#include "loader/foreign.h"

#include <stdint.h>

/* Bytes of the well-formed sequence at the start of `text` (not empty), or 0. */
static size_t sequence_bytes(struct rk_bytes text)
{
	const unsigned char *s = (const unsigned char *)text.data;
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
		   : s[0] >= 0xe0 && s[0] <= 0xef ? 3
		   : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
						  : 0;
	if (n == 0 || n > text.size)
		return 0;
	uint32_t code = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	bool surrogate = code >= 0xd800 && code <= 0xdfff;
	return code < least[n] || code > 0x10ffff || surrogate ? 0 : n;
}

static struct rk_bytes skip(struct rk_bytes text, size_t n)
{
	return (struct rk_bytes){text.data + n, text.size - n};
}

bool rk_foreign_is_utf8(struct rk_bytes text)
{
	while (text.size > 0) {
		size_t n = sequence_bytes(text);
		if (n == 0)
			return false;
		text = skip(text, n);
	}
	return true;
}

struct rk_foreign_shown rk_foreign_show(struct rk_bytes text)
{
	struct rk_foreign_shown shown = {{0}};
	size_t used = 0;
	while (text.size > 0) {
		size_t n = sequence_bytes(text);
		size_t n_bytes = n > 0 ? n : 1;
		if (used + n_bytes >= sizeof(shown.text))
			break;
		unsigned char first = (unsigned char)text.data[0];
		if (n == 0 || first < 0x20 || first == 0x7f)
			shown.text[used] = '?';
		else
			memcpy(shown.text + used, text.data, n);
		used += n_bytes;
		text = skip(text, n_bytes);
	}
	return shown;
}
