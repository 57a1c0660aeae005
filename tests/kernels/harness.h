/*
 * Parity and timing of every kernel of every tier in one program (the idea of dav1d's checkasm): each kernel is
 * compared with a plain double-precision oracle over all tail lengths, on buffers that end at an unreadable page.
 * Prints TAP; with --bench prints the time of a call instead.
 */
#ifndef RK_TESTS_KERNELS_HARNESS_H
#define RK_TESTS_KERNELS_HARNESS_H

#include "model/kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>

/* A tier under test. */
struct tier {
	const char *name;
	const struct rk_kernels *kernels;
	bool bench;
};

/* Floats whose last byte is followed by an unreadable page; the start is aligned to 64 bytes if n is a multiple of 16.
 * Freed all at once by guarded_free. Contents: NaN. */
float *guarded_floats(size_t n);
void *guarded_bytes(size_t n);
void guarded_free(void);

/* Uniform in [low, high]; the same sequence in every run. */
float random_float(float low, float high);
void random_floats(float *values, size_t n, float low, float high);
unsigned random_below(unsigned n);

/* One TAP line for a group of comparisons: ok if no expect_* failed since the last one. */
void report(const struct tier *tier, const char *what);

/* |found − expected| ≤ bound, both NaN counts as equal; the first few failures are told. */
void expect_near(double found, double expected, double bound, const char *what, size_t at);
void expect_same_bits(float found, float expected, const char *what, size_t at);

/* Nanoseconds of one call, best of several rounds; prints "tier what: t ns, rate". work: operations of a call. */
void bench(const struct tier *tier, const char *what, void (*call)(void *context), void *context, double work);

/* One each a family. */
void check_product(const struct tier *tier);
void check_halves(const struct tier *tier);
void check_digits(const struct tier *tier);
void check_activation(const struct tier *tier);
void check_softmax(const struct tier *tier);
void check_norm(const struct tier *tier);
void check_gather(const struct tier *tier);
void check_elementwise(const struct tier *tier);

#endif
