#include "model/kernels/scalar/vec.h"

#include "model/kernels/vector/peak.h"
