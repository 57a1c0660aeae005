#include "model/kernels/scalar/vec.h"

#include "model/kernels/vector/halves.h"
