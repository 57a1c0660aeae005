#include "model/kernels/scalar/vec.h"

#include "model/kernels/vector/activation.h"
