// One function for each part of the native module.
#pragma once
#include <nanobind/nanobind.h>

namespace twin {

void bind_pool(nanobind::module_& m);

}  // namespace twin
