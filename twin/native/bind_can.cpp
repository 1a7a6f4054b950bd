// The buses for Python: they write into NumPy's arrays, which are checked here once and kept alive.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <optional>

#include "bind.h"
#include "can.h"

namespace nb = nanobind;

namespace twin {
namespace {

template <class T>
std::vector<T> copy(const Array<const T, 2>& values) {
  return {values.data(), values.data() + values.size()};
}

// Owns the buses and the arrays they work on, and lets one thread in at a time.
// (Not `Handle` as in bind_pool.cpp: nanobind tells types apart by their names.)
class CanHandle {
 public:
  CanHandle(double bitrate_bit_s, const std::vector<int64_t>& order, const std::vector<int64_t>& logged,
         const Array<const int64_t, 2>& headers, const Array<const int64_t, 2>& crc,
         const Array<const uint8_t, 2>& stuffing_7, const Array<const uint8_t, 2>& stuffing_8,
         Array<uint64_t, 2> mailbox, std::vector<Array<int64_t, 2>> counts, Array<uint32_t, 3> histogram,
         Array<int64_t, 1> busy_ns)
      : mailbox_(mailbox), counts_(counts), histogram_(histogram), busy_ns_(busy_ns),
        can_(arrays(), tables(headers, crc, stuffing_7, stuffing_8), bitrate_bit_s, checked(order), inside(logged)) {}

  void send(const Array<const int64_t, 1>& message, const Array<const int64_t, 1>& rows,
            const Array<const int64_t, 1>& time_ns, const Array<const uint8_t, 2>& payload,
            const std::optional<Array<const int64_t, 1>>& bits) {
    const size_t n = message.size();
    require(rows.size() == n && time_ns.size() == n && (!bits || bits->size() == n), "one number a frame");
    require(payload.shape(0) == n && payload.shape(1) == 8, "payload[n, 8]");
    for (size_t i = 0; i < n; ++i) {
      require(size_t(message.data()[i]) < messages(), "a message that the buses have not");
      require(size_t(rows.data()[i]) < count(), "a bus that there is not");
    }
    const Sends sends{n, message.data(), rows.data(), time_ns.data(), payload.data(), bits ? bits->data() : nullptr};
    enter([&] { can_.send(sends); });
  }

  void advance(const Array<const int64_t, 1>& until_ns) {
    require(until_ns.size() == count(), "until_ns[count]");
    enter([&] { can_.advance(until_ns.data()); });
  }

  nb::bytes take_log(size_t bus) {
    require(bus < count(), "a bus that there is not");
    std::vector<uint64_t> rows;
    enter([&] { rows = can_.take_log(bus); });
    return nb::bytes(rows.data(), rows.size() * sizeof(uint64_t));
  }

 private:
  size_t count() const { return mailbox_.shape(0); }
  size_t messages() const { return mailbox_.shape(1); }

  BusArrays arrays() const {
    require(counts_.size() == 5, "mailbox times, frames, overwritten, latency sums and maxima");
    for (const auto& one : counts_) require(one.shape(0) == count() && one.shape(1) == messages(), "[bus, message]");
    require(histogram_.shape(0) == count() && histogram_.shape(1) == messages(), "histogram[bus, message, bin]");
    require(histogram_.shape(2) > 0 && busy_ns_.size() == count(), "busy_ns[bus]");
    return {count(), messages(), histogram_.shape(2), mailbox_.data(), counts_[0].data(), counts_[1].data(),
            counts_[2].data(), counts_[3].data(), counts_[4].data(), histogram_.data(), busy_ns_.data()};
  }

  FrameTables tables(const Array<const int64_t, 2>& headers, const Array<const int64_t, 2>& crc,
                     const Array<const uint8_t, 2>& stuffing_7, const Array<const uint8_t, 2>& stuffing_8) const {
    require(headers.shape(0) == messages() && headers.shape(1) == 4, "headers[message, 4]");
    require(crc.shape(0) == 8 && crc.shape(1) == 256, "crc[8, 256]");
    require(stuffing_7.shape(0) == 8 && stuffing_7.shape(1) == 128, "stuffing_7[8, 128]");
    require(stuffing_8.shape(0) == 8 && stuffing_8.shape(1) == 256, "stuffing_8[8, 256]");
    return {copy(headers), copy(crc), copy(stuffing_7), copy(stuffing_8)};
  }

  const std::vector<int64_t>& checked(const std::vector<int64_t>& order) const {
    require(order.size() == messages(), "order[message]");
    for (const int64_t message : order) require(size_t(message) < messages(), "a message that the buses have not");
    return order;
  }

  const std::vector<int64_t>& inside(const std::vector<int64_t>& logged) const {
    for (const int64_t bus : logged) require(size_t(bus) < count(), "a bus that there is not");
    return logged;
  }

  template <class Work>
  void enter(Work&& work) {
    nb::gil_scoped_release released;
    const std::lock_guard lock(mutex_);
    work();
  }

  Array<uint64_t, 2> mailbox_;
  std::vector<Array<int64_t, 2>> counts_;
  Array<uint32_t, 3> histogram_;
  Array<int64_t, 1> busy_ns_;
  std::mutex mutex_;
  Can can_;
};

}  // namespace

void bind_can(nb::module_& m) {
  using Integers = Array<const int64_t, 2>;
  using Bytes = Array<const uint8_t, 2>;
  nb::class_<CanHandle>(m, "Can")
      .def(nb::init<double, const std::vector<int64_t>&, const std::vector<int64_t>&, const Integers&, const Integers&,
                    const Bytes&, const Bytes&, Array<uint64_t, 2>, std::vector<Array<int64_t, 2>>,
                    Array<uint32_t, 3>, Array<int64_t, 1>>(),
           nb::kw_only(), nb::arg("bitrate_bit_s"), nb::arg("order"), nb::arg("logged"),
           nb::arg("headers").noconvert(), nb::arg("crc").noconvert(), nb::arg("stuffing_7").noconvert(),
           nb::arg("stuffing_8").noconvert(), nb::arg("mailbox").noconvert(), nb::arg("counts").noconvert(),
           nb::arg("latency_histogram").noconvert(), nb::arg("busy_ns").noconvert())
      .def("send", &CanHandle::send, nb::arg("message").noconvert(), nb::arg("rows").noconvert(),
           nb::arg("time_ns").noconvert(), nb::arg("payload").noconvert(), nb::arg("bits").noconvert().none())
      .def("advance", &CanHandle::advance, nb::arg("until_ns").noconvert())
      .def("take_log", &CanHandle::take_log, nb::arg("bus"));
}

}  // namespace twin
