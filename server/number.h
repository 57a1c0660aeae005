/*
 * Numbers as JSON text. Floats: the shortest decimal that reads back (strtof) to the same bits, and among those the one
 * closest to the float; written plainly or with an exponent, whichever is shorter (plain if equal):
 * 0.1, 3, 1e-7, 1.5e-5, 16777216, 3e10, -0. Integral floats have no ".0".
 * Method: R. Giulietti, "The Schubfach way to render doubles" (2020), in its single-precision form.
 */
#ifndef RK_SERVER_NUMBER_H
#define RK_SERVER_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum {
	RK_FLOAT_TEXT_BYTES = 15,   /* "-1.17549435e-38" */
	RK_INTEGER_TEXT_BYTES = 20, /* "-9223372036854775808" */
	RK_NUMBER_ROOM_BYTES = 24,
};

/* Each writes at the start of the RK_NUMBER_ROOM_BYTES at `ret_text`, without NUL, and returns how many bytes count, at
 * most as above; what is behind them is undefined. `number` must be finite. */
size_t rk_number_write_float(float number, char *ret_text);
size_t rk_number_write_unsigned(uint64_t number, char *ret_text);
size_t rk_number_write_integer(int64_t number, char *ret_text);

#endif
