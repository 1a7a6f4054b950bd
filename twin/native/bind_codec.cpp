// The codec for Python: it reads and writes NumPy's arrays, which are checked here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>
#include <utility>
#include <vector>

#include "bind.h"
#include "codec.h"

namespace nb = nanobind;

namespace twin {
namespace {

using Rules = std::vector<std::tuple<size_t, size_t, std::vector<std::pair<uint64_t, uint64_t>>>>;

std::vector<Signal> signals(const Array<const int64_t, 2>& kinds, const Array<const double, 2>& numbers) {
  require(kinds.shape(1) == 3 && numbers.shape(1) == 5, "kinds[signal, 3], numbers[signal, 5]");
  require(kinds.shape(0) == numbers.shape(0), "kinds and numbers of the same signals");
  std::vector<Signal> found;
  for (size_t i = 0; i < kinds.shape(0); ++i) {
    const int64_t* kind = kinds.data() + 3 * i;
    const double* number = numbers.data() + 5 * i;
    require(kind[0] >= 1 && kind[0] <= 64, "a signal has 1 to 64 bits");
    found.push_back({size_t(kind[0]), kind[1] != 0, kind[2] != 0, number[0], number[1], number[2], number[3], number[4]});
  }
  return found;
}

std::vector<Run> runs(const Array<const int64_t, 2>& places, size_t signals, size_t words) {
  require(places.shape(1) == 5, "runs[run, 5]");
  std::vector<Run> found;
  for (size_t i = 0; i < places.shape(0); ++i) {
    const int64_t* place = places.data() + 5 * i;
    const Run run{size_t(place[0]), size_t(place[1]), size_t(place[2]), size_t(place[3]), size_t(place[4])};
    require(run.signal < signals && run.word < 2 * words, "a run of a signal or word that there is not");
    require(run.bits >= 1 && run.bits <= 64, "a run has 1 to 64 bits");
    require(run.signal_shift <= 64 - run.bits && run.word_shift <= 64 - run.bits, "a run within its word");
    found.push_back(run);
  }
  return found;
}

std::vector<Selection> selections(const Rules& rules, size_t signals) {
  std::vector<Selection> found;
  for (const auto& [signal, multiplexer, ranges] : rules) {
    require(signal < signals && multiplexer < signals, "a selection of a signal that there is not");
    found.push_back({signal, multiplexer, ranges});
  }
  return found;
}

void encode(const Codec& codec, const Array<const double, 2>& physical, const Array<uint8_t, 2>& payload) {
  require(physical.shape(0) == codec.signals(), "physical[signal, n]");
  require(payload.shape(0) == physical.shape(1) && payload.shape(1) == codec.length(), "payload[n, length]");
  nb::gil_scoped_release released;
  codec.encode(physical.data(), physical.shape(1), payload.data());
}

void decode(const Codec& codec, const Array<const uint8_t, 2>& payload, const Array<double, 2>& physical) {
  require(payload.shape(1) >= codec.length(), "payload[n, length], or wider");
  require(physical.shape(0) == codec.signals() && physical.shape(1) == payload.shape(0), "physical[signal, n]");
  nb::gil_scoped_release released;
  codec.decode(payload.data(), payload.shape(1), payload.shape(0), physical.data());
}

void decode_mailboxes(const Codec& codec, const Array<const uint8_t, 3>& payload,
                      const Array<const int64_t, 2>& received_ns, const Array<const int64_t, 1>& site,
                      const Array<const int64_t, 3>& box, const Array<double, 2>& physical,
                      const Array<int64_t, 3>& time_ns) {
  const Mailboxes from{payload.data(), received_ns.data(), payload.shape(1), payload.shape(2)};
  const Boxes boxes{site.data(), box.data(), box.shape(0), box.shape(1), box.shape(2)};
  const size_t count = boxes.rows * boxes.senders;
  require(received_ns.shape(0) == payload.shape(0) && received_ns.shape(1) == from.boxes, "a time for each mailbox");
  require(site.size() == boxes.rows && boxes.frames * from.width == codec.length(), "site[row], box[row, sender, frame]");
  require(physical.shape(0) == codec.signals() && physical.shape(1) == count, "physical[signal, row * sender]");
  require(time_ns.size() == count * boxes.frames, "time_ns[row, sender, frame]");
  for (size_t i = 0; i < boxes.rows; ++i) require(size_t(boxes.site[i]) < payload.shape(0), "a site that there is not");
  for (size_t i = 0; i < box.size(); ++i) require(boxes.box[i] < int64_t(from.boxes), "a box that there is not");
  nb::gil_scoped_release released;
  std::vector<uint8_t> collected(count * codec.length());
  collect(from, boxes, collected.data(), time_ns.data());
  codec.decode(collected.data(), codec.length(), count, physical.data());
}

}  // namespace

void bind_codec(nb::module_& m) {
  nb::class_<Codec>(m, "Codec")
      .def("__init__",
           [](Codec* self, size_t length, const Array<const int64_t, 2>& kinds, const Array<const double, 2>& numbers,
              const Array<const int64_t, 2>& places, const Rules& rules) {
             const size_t count = kinds.shape(0);
             new (self) Codec(length, signals(kinds, numbers), runs(places, count, (length + 7) / 8),
                              selections(rules, count));
           },
           nb::kw_only(), nb::arg("length"), nb::arg("kinds").noconvert(), nb::arg("numbers").noconvert(),
           nb::arg("runs").noconvert(), nb::arg("selections"))
      .def("encode", &encode, nb::arg("physical").noconvert(), nb::arg("payload").noconvert())
      .def("decode", &decode, nb::arg("payload").noconvert(), nb::arg("physical").noconvert())
      .def("decode_mailboxes", &decode_mailboxes, nb::arg("payload").noconvert(),
           nb::arg("received_ns").noconvert(), nb::arg("site").noconvert(), nb::arg("box").noconvert(),
           nb::arg("physical").noconvert(), nb::arg("time_ns").noconvert());
}

}  // namespace twin
