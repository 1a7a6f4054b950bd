// The pool for Python: arrays are checked here once and then used through their addresses.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <optional>

#include "bind.h"
#include "pool.h"

namespace nb = nanobind;

namespace twin {
namespace {

Columns columns(const Array<const uint32_t, 1>& references, const Array<const int64_t, 1>& positions,
                const Array<const double, 1>& start, bool direct) {
  Columns made{{references.data(), references.data() + references.size()},
               {positions.data(), positions.data() + positions.size()},
               {start.data(), start.data() + start.size()},
               direct};
  for (const int64_t position : made.positions)
    require(position >= 0 && position < int64_t(made.start.size()), "a column stands outside of the packed values");
  require(!direct || made.positions.size() == made.start.size(), "direct columns are all of the packed values");
  return made;
}

// Owns the pool and the arrays it works on, and lets one thread in at a time.
class Handle {
 public:
  Handle(const std::string& library, const std::string& version, const std::string& name, const std::string& token,
         const std::string& resource_uri, const std::string& resource_path, std::vector<std::string> categories,
         bool keeps_state, bool serializes_state, const Columns& input_columns, const Columns& output_columns,
         Array<double, 2> inputs, Array<double, 2> outputs, Array<int32_t, 1> status, Array<int32_t, 1> generation,
         int threads)
      : inputs_(inputs), outputs_(outputs), status_(status), generation_(generation), categories_(categories) {
    const size_t count = status.shape(0);
    require(inputs.shape(0) == count && inputs.shape(1) == input_columns.positions.size(), "inputs[count, n_in]");
    require(outputs.shape(0) == count && outputs.shape(1) == output_columns.positions.size(), "outputs[count, n_out]");
    require(generation.shape(0) == count, "generation[count]");
    require(threads >= 1, "at least one thread");
    Settings settings{library, version, {name, token, resource_uri, resource_path, {}},
                      keeps_state, serializes_state, threads};
    for (const auto& category : categories_) settings.identity.log_categories.push_back(category.c_str());
    const Arrays arrays{count, inputs.data(), outputs.data(), status.data(), generation.data()};
    pool_ = open_pool(settings, arrays, input_columns, output_columns);
  }

  void start(const std::vector<int64_t>& rows, const Columns& parameters, const Array<const double, 2>& values,
             double start_s, std::optional<double> tolerance, std::optional<double> stop_s) {
    for (const int64_t row : rows) require(row >= 0 && row < int64_t(count()), "a row outside of the pool");
    require(values.shape(0) == rows.size() && values.shape(1) == parameters.start.size(), "values[rows, width]");
    const Experiment experiment{start_s, tolerance.has_value(), tolerance.value_or(0), stop_s.has_value(),
                                stop_s.value_or(0)};
    enter([&](Pool& pool) { pool.start(rows, experiment, parameters.view(), values.data()); });
  }

  void step(const Array<const double, 1>& time_s, const Array<const double, 1>& step_s,
            const std::optional<Array<const bool, 1>>& mask) {
    require(!mask || mask->size() == count(), "mask[count]");
    enter([&](Pool& pool) { pool.step(series(time_s), series(step_s), mask ? mask->data() : nullptr); });
  }

  States take() {
    States taken;
    enter([&](Pool& pool) { taken = pool.take(); });
    return taken;
  }
  void put(const States& states, const Array<const bool, 1>& mask) {
    require(mask.size() == count() && states.states.size() == count(), "mask[count], states[count]");
    enter([&](Pool& pool) { pool.put(states, mask.data()); });
  }
  void release(States& states) {
    if (pool_) enter([&](Pool& pool) { pool.release(states); });
  }
  nb::bytes freeze(size_t instance) {
    require(instance < count(), "an instance outside of the pool");
    std::string bytes;
    enter([&](Pool& pool) { bytes = pool.freeze(instance); });
    return nb::bytes(bytes.data(), bytes.size());
  }
  void thaw(size_t instance, const nb::bytes& state) {
    require(instance < count(), "an instance outside of the pool");
    const std::string bytes(state.c_str(), state.size());
    enter([&](Pool& pool) { pool.thaw(instance, bytes); });
  }
  // (FMI call or None, column of the output that is not finite or -1, what the FMU logged)
  std::tuple<std::optional<std::string>, int64_t, nb::bytes> failure(size_t instance) {
    require(instance < count(), "an instance outside of the pool");
    Failure found;
    enter([&](Pool& pool) { found = pool.failure(instance); });
    std::optional<std::string> function;
    if (found.function) function = found.function;
    return {function, found.column, nb::bytes(found.log.data(), found.log.size())};
  }
  std::vector<uintptr_t> addresses() const {
    return {uintptr_t(inputs_.data()), uintptr_t(outputs_.data()), uintptr_t(status_.data())};
  }
  void close() {
    nb::gil_scoped_release released;
    const std::lock_guard lock(mutex_);
    pool_.reset();
  }

 private:
  size_t count() const { return status_.shape(0); }

  Series series(const Array<const double, 1>& values) const {
    require(values.size() == 1 || values.size() == count(), "one number, or one an instance");
    return {values.data(), values.size() == 1 ? size_t{0} : size_t{1}};
  }

  template <class Work>
  void enter(Work&& work) {
    nb::gil_scoped_release released;
    const std::lock_guard lock(mutex_);
    if (!pool_) throw std::runtime_error("the pool is closed");
    work(*pool_);
  }

  Array<double, 2> inputs_, outputs_;
  Array<int32_t, 1> status_, generation_;
  std::vector<std::string> categories_;
  std::mutex mutex_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace

void bind_pool(nb::module_& m) {
  nb::class_<States>(m, "States");
  nb::class_<Columns>(m, "Columns").def("__init__", [](Columns* self, const Array<const uint32_t, 1>& references,
                                                       const Array<const int64_t, 1>& positions,
                                                       const Array<const double, 1>& start, bool direct) {
    new (self) Columns(columns(references, positions, start, direct));
  });
  nb::class_<Handle>(m, "Pool")
      .def(nb::init<const std::string&, const std::string&, const std::string&, const std::string&, const std::string&,
                    const std::string&, std::vector<std::string>, bool, bool, const Columns&, const Columns&,
                    Array<double, 2>, Array<double, 2>, Array<int32_t, 1>, Array<int32_t, 1>, int>(),
           nb::kw_only(), nb::arg("library"), nb::arg("version"), nb::arg("name"), nb::arg("token"),
           nb::arg("resource_uri"), nb::arg("resource_path"), nb::arg("log_categories"), nb::arg("keeps_state"),
           nb::arg("serializes_state"), nb::arg("input_columns"), nb::arg("output_columns"),
           nb::arg("inputs").noconvert(), nb::arg("outputs").noconvert(), nb::arg("status").noconvert(),
           nb::arg("generation").noconvert(), nb::arg("threads"))
      .def("start", &Handle::start, nb::arg("rows"), nb::arg("parameters"), nb::arg("values"), nb::arg("start_s"),
           nb::arg("tolerance").none(), nb::arg("stop_s").none())
      .def("step", &Handle::step, nb::arg("time_s").noconvert(), nb::arg("step_s").noconvert(),
           nb::arg("mask").noconvert().none())
      .def("take", &Handle::take)
      .def("put", &Handle::put, nb::arg("states"), nb::arg("mask").noconvert())
      .def("release", &Handle::release, nb::arg("states"))
      .def("freeze", &Handle::freeze, nb::arg("instance"))
      .def("thaw", &Handle::thaw, nb::arg("instance"), nb::arg("state"))
      .def("failure", &Handle::failure, nb::arg("instance"))
      .def("addresses", &Handle::addresses)
      .def("close", &Handle::close);
}

}  // namespace twin
