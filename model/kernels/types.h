/* What the kernels and the model both speak of: activations, and the types of stored floats. */
#ifndef RK_KERNELS_TYPES_H
#define RK_KERNELS_TYPES_H

#include <stddef.h>

/* A kernel's own buffer, which is written before it is read: the hardening would fill it with zeros at every call. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define RK_UNFILLED __attribute__((uninitialized))
#endif
#endif
#if !defined(RK_UNFILLED)
#define RK_UNFILLED
#endif

/* X-macro: enumerator, the word in config.json. gelu is exact (erf), gelu_tanh its tanh approximation. */
#define RK_ACTIVATION_TABLE(X) X(RELU, "relu") X(GELU, "gelu") X(GELU_TANH, "gelu_tanh") X(SILU, "silu")

enum rk_activation {
#define RK_ACTIVATION_ENUM(name, text) RK_ACTIVATION_##name,
	RK_ACTIVATION_TABLE(RK_ACTIVATION_ENUM)
#undef RK_ACTIVATION_ENUM
};

enum rk_dtype { RK_DTYPE_F32, RK_DTYPE_F16, RK_DTYPE_BF16 };

static inline size_t rk_dtype_bytes(enum rk_dtype dtype)
{
	return dtype == RK_DTYPE_F32 ? 4 : 2;
}

#endif
