#include "model/kernels/avx512/vec.h"

#include "model/kernels/vector/halves.h"
