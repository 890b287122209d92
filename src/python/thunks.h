// C functions for PyMethodDef, one per group of overloads: CPython calls built-in functions faster than any object that
// could carry the group itself.
#pragma once
#include "python/convert.h"

namespace facula::python {

inline constexpr int kThunks = 1024;
FastFunction function_thunk(int i);
FastFunction method_thunk(int i);
FastFunction inplace_thunk(int i);
FastFunction inplace_function_thunk(int i);
Group& group_at(int i);

}  // namespace facula::python
