// One function for each part of the native module, and what all of them check their arrays with.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

namespace twin {

template <class T, int D>
using Array = nanobind::ndarray<T, nanobind::numpy, nanobind::ndim<D>, nanobind::c_contig, nanobind::device::cpu>;

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

void bind_codec(nanobind::module_& m);
void bind_network(nanobind::module_& m);
void bind_pool(nanobind::module_& m);
void bind_rows(nanobind::module_& m);

}  // namespace twin
