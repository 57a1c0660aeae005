/* How much of a whole order's first ten places another order keeps. */
#ifndef RK_BENCH_ANYTIME_QUALITY_H
#define RK_BENCH_ANYTIME_QUALITY_H

#include <stdint.h>

enum { RK_QUALITY_PLACES = 10 };

/* Both orders hold the same n ≥ 1 candidates. Of the first k = min(10, n) places:
 * overlap: the share of the whole order's that stand among the other's;
 * NDCG: Σ gain(order[p]) / log2(p + 2) over that of the whole order, p = 0 … k − 1; the gain of the whole order's
 * candidate at place q < k is k − q, of any other 0. */
double rk_quality_overlap(const uint32_t *whole, const uint32_t *order, uint32_t n);
double rk_quality_ndcg(const uint32_t *whole, const uint32_t *order, uint32_t n);

#endif
