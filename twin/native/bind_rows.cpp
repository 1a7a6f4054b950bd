// Rows of many arrays at once: the state of ECUs is some seventy arrays, of which a few rows are wanted at a time.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <vector>

#include "bind.h"

namespace nb = nanobind;

namespace twin {
namespace {

using AnyArray = nb::ndarray<nb::numpy, nb::c_contig, nb::device::cpu>;
using Arrays = std::vector<AnyArray>;
using Numbers = Array<const int64_t, 1>;

size_t row_bytes(const AnyArray& array) {
  size_t bytes = array.itemsize();
  for (size_t axis = 1; axis < array.ndim(); ++axis) bytes *= array.shape(axis);
  return bytes;
}

// Copies `count` rows of `bytes` each; the size is a constant where it is a common one, so that a row is a few moves.
template <class Copy>
void each_row(size_t count, size_t bytes, Copy copy) {
  const auto rows = [&](size_t size) {
    for (size_t i = 0; i < count; ++i) copy(i, size);
  };
  switch (bytes) {
    case 1: return rows(1);
    case 8: return rows(8);
    case 64: return rows(64);
    case 128: return rows(128);
    default: return rows(bytes);
  }
}

class Rows {
 public:
  explicit Rows(Arrays arrays) : arrays_(std::move(arrays)) {
    for (const AnyArray& array : arrays_) {
      require(array.ndim() >= 1 && array.shape(0) == arrays_[0].shape(0), "arrays[row, ...] of equally many rows");
    }
  }

  void take(const Numbers& rows, const Arrays& into) const {
    check(rows, into);
    nb::gil_scoped_release released;
    for (size_t k = 0; k < arrays_.size(); ++k) {
      const char* from = static_cast<const char*>(arrays_[k].data());
      char* to = static_cast<char*>(into[k].data());
      each_row(rows.size(), row_bytes(arrays_[k]),
               [&](size_t i, size_t size) { std::memcpy(to + i * size, from + size_t(rows.data()[i]) * size, size); });
    }
  }

  void put(const Numbers& rows, const Arrays& from) {
    check(rows, from);
    nb::gil_scoped_release released;
    for (size_t k = 0; k < arrays_.size(); ++k) {
      const char* values = static_cast<const char*>(from[k].data());
      char* to = static_cast<char*>(arrays_[k].data());
      each_row(rows.size(), row_bytes(arrays_[k]), [&](size_t i, size_t size) {
        std::memcpy(to + size_t(rows.data()[i]) * size, values + i * size, size);
      });
    }
  }

 private:
  void check(const Numbers& rows, const Arrays& others) const {
    require(others.size() == arrays_.size(), "as many arrays");
    for (size_t k = 0; k < arrays_.size(); ++k) {
      require(others[k].dtype() == arrays_[k].dtype(), "arrays of the same types");
      require(others[k].ndim() >= 1 && others[k].shape(0) == rows.size(), "one row for each number");
      require(row_bytes(others[k]) == row_bytes(arrays_[k]), "rows of the same shape");
    }
    const int64_t count = arrays_.empty() ? 0 : int64_t(arrays_[0].shape(0));
    for (size_t i = 0; i < rows.size(); ++i) {
      require(rows.data()[i] >= 0 && rows.data()[i] < count, "numbers of rows that there are");
    }
  }

  Arrays arrays_;
};

}  // namespace

void bind_rows(nb::module_& m) {
  nb::class_<Rows>(m, "Rows")
      .def(nb::init<Arrays>(), nb::arg("arrays"))
      .def("take", &Rows::take, nb::arg("rows"), nb::arg("into"))
      .def("put", &Rows::put, nb::arg("rows"), nb::arg("values"));
}

}  // namespace twin
