#include "model/kernels/avx512/transpose.h"

#include "model/kernels/vector/gather.h"
