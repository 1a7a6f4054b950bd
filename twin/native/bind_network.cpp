// The networks for Python: they write into NumPy's arrays, which are checked here once and kept alive.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <tuple>

#include "bind.h"
#include "network.h"

namespace nb = nanobind;

namespace twin {
namespace {

using Integers = Array<const int64_t, 2>;
using Column = Array<const int64_t, 1>;
using Bytes = Array<const uint8_t, 2>;
using Table = Array<int64_t, 2>;

constexpr int64_t LAST_NS = int64_t{1} << 61;  // sums of two instants still are instants

template <class T, class U>
std::vector<T> copy(const Array<const U, 2>& values) {
  return {values.data(), values.data() + values.size()};
}

template <class A>
void shaped(const A& array, std::initializer_list<size_t> shape, const char* name) {
  size_t axis = 0;
  for (const size_t size : shape) require(array.shape(axis++) == size, name);
}

size_t below(int64_t index, size_t count, const char* what) {
  require(index >= 0 && index < int64_t(count), what);
  return index;
}

void not_negative(int64_t value, const char* what) { require(value >= 0 && value < LAST_NS, what); }

void read_nodes(const Integers& rows, size_t segments, Plan& plan) {
  shaped(rows, {rows.shape(0), 4}, "nodes[node, 4]");
  plan.members.resize(segments);
  for (const int64_t* row = rows.data(); row < rows.data() + rows.size(); row += 4) {
    plan.members[below(row[0], segments, "a segment that there is not")].push_back(plan.nodes.size());
    require(row[3] < LAST_NS, "a recovery that never ends");
    plan.nodes.push_back({row[0], row[1] != 0, row[2], row[3]});
  }
}

void read_messages(const Integers& rows, Plan& plan) {
  shaped(rows, {rows.shape(0), 5}, "messages[message, 5]");
  require(rows.shape(0) <= 0xFFFF, "at most 65535 messages");
  for (const int64_t* row = rows.data(); row < rows.data() + rows.size(); row += 5) {
    below(row[0], plan.nodes.size(), "a node that there is not");
    require(row[3] == 0 || (row[3] >= 12 && row[3] <= 1 << 20), "frame_bits of 12 to 1 << 20");
    plan.messages.push_back({row[0], row[1], row[2] < 0 ? NEVER : row[2], row[3], row[4] != 0});
  }
}

// `order`: all messages, the winner of all arbitrations first.
void read_order(const std::vector<int64_t>& order, Plan& plan) {
  std::vector<bool> found(plan.messages.size());
  plan.ranked.resize(plan.members.size());
  for (const int64_t message : order) {
    below(message, found.size(), "a message that there is not");
    require(!found[message], "each message once");
    found[message] = true;
    plan.ranked[plan.nodes[plan.messages[message].node].segment].push_back(message);
  }
  require(order.size() == found.size(), "order[message]");
}

void read_formats(const Integers& rows, const Integers& format_of, Plan& plan) {
  shaped(rows, {rows.shape(0), 7}, "formats[format, 7]");
  shaped(format_of, {plan.messages.size(), size_t(Plan::LENGTHS)}, "format_of[message, 65]");
  for (const int64_t* row = rows.data(); row < rows.data() + rows.size(); row += 7) {
    below(row[0], plan.messages.size(), "a message that there is not");
    require(row[2] >= 0 && row[2] < Plan::LENGTHS, "a length of 0 to 64");
    plan.formats.push_back({row[0], row[1], row[2], row[3] != 0, row[4] != 0, row[5] != 0, row[6] != 0});
  }
  plan.format_of = copy<int64_t>(format_of);
  for (size_t message = 0; message < plan.messages.size(); ++message) {
    bool any = false;
    for (int64_t length = 0; length < Plan::LENGTHS; ++length) {
      const int64_t format = plan.format(message, length);
      if (format < 0) continue;
      const Format& found = plan.formats[below(format, plan.formats.size(), "a format that there is not")];
      require(found.message == int64_t(message) && found.length == length, "a format of another message or length");
      any = true;
    }
    require(any, "a format at least of every message");
  }
}

FrameTables read_tables(const Integers& headers, const Integers& crc, const std::vector<Bytes>& stuffing,
                        const Plan& plan, size_t payload_bytes) {
  shaped(headers, {plan.formats.size(), 6}, "headers[format, 6]");
  shaped(crc, {8, 256}, "crc[8, 256]");
  require(stuffing.size() == 3, "stuffing by 7 bits, 8 bits, and the last 8 bits");
  shaped(stuffing[0], {8, 128}, "stuffing_7[8, 128]");
  shaped(stuffing[1], {8, 256}, "stuffing_8[8, 256]");
  shaped(stuffing[2], {8, 256}, "stuffing_8_last[8, 256]");
  for (const int64_t share : copy<int64_t>(crc)) require(share >= 0 && share < 1 << 15, "15 bits of CRC");
  for (size_t format = 0; format < plan.formats.size(); ++format) {
    const int64_t* header = headers.data() + 6 * format;
    require(header[0] == plan.formats[format].payload_bytes(), "bytes of payload as the format says");
    require(header[0] <= int64_t(payload_bytes) && (header[5] != 0 || header[0] <= 8), "a payload with room");
    require(header[1] >= 0 && header[1] < 8 && header[2] >= 0 && header[2] < 1 << 15, "a state and a CRC");
    require(header[3] > 0 && header[3] < 1024 && header[4] >= 0 && header[4] < 1024, "bits of a frame");
  }
  return {copy<int64_t>(headers), copy<uint16_t>(crc), copy<uint8_t>(stuffing[0]), copy<uint8_t>(stuffing[1]),
          copy<uint8_t>(stuffing[2])};
}

void read_routes(const Integers& rows, Plan& plan) {
  shaped(rows, {rows.shape(0), 4}, "routes[route, 4]");
  for (const int64_t* row = rows.data(); row < rows.data() + rows.size(); row += 4) {
    below(row[0], plan.messages.size(), "a message that there is not");
    below(row[1], plan.nodes.size(), "a node that there is not");
    below(row[2], plan.messages.size(), "a message that there is not");
    not_negative(row[3], "a delay");
    plan.routes.push_back({row[0], row[1], row[2], row[3]});
  }
}

void read_links(const Integers& rows, Plan& plan) {
  shaped(rows, {rows.shape(0), 9}, "links[link, 9]");
  for (const int64_t* row = rows.data(); row < rows.data() + rows.size(); row += 9) {
    const size_t data = below(row[0], plan.messages.size(), "a message that there is not");
    const size_t reply = below(row[1], plan.messages.size(), "a message that there is not");
    for (const size_t message : {data, reply})
      for (int64_t length = 0; length <= 8; ++length)
        require(plan.format(message, length) >= 0, "ISO-TP by messages that vary");
    require(row[2] >= 8 && row[2] < Plan::LENGTHS && plan.format(data, row[2]) >= 0, "the longest frame of the data");
    for (const int64_t length : {12, 16, 20, 24, 32, 48, 64})
      require(length > row[2] || plan.format(data, length) >= 0, "ISO-TP by messages that vary");
    for (int column = 6; column < 9; ++column) not_negative(row[column], "a time");
    plan.links.push_back({row[0], row[1], plan.messages[data].node, plan.messages[reply].node, row[2], row[3], row[4],
                          row[5], row[6], row[7], row[8], 0});
  }
}

// Owns the networks and the arrays they work on, and lets one thread in at a time.
// (Not `Handle` as in bind_pool.cpp: nanobind tells types apart by their names.)
class NetworkHandle {
 public:
  NetworkHandle(const Array<const double, 2>& segments, const Integers& nodes, const Integers& messages,
                const std::vector<int64_t>& order, const Integers& boxes, const Integers& routes, const Integers& links,
                const std::vector<int64_t>& buffer_bytes, const Integers& formats, const Integers& format_of,
                const Integers& headers, const Integers& crc, const std::vector<Bytes>& stuffing,
                Array<uint64_t, 1> keys, Array<int64_t, 2> mailbox_time_ns, Array<uint8_t, 3> mailbox_payload,
                std::vector<Table> counts, Array<uint32_t, 3> histogram, Table busy_ns, std::vector<Table> counters,
                Array<int8_t, 2> state, const std::vector<int64_t>& logged, int threads)
      : keys_(keys), mailbox_time_ns_(mailbox_time_ns), mailbox_payload_(mailbox_payload), counts_(counts),
        histogram_(histogram), busy_ns_(busy_ns), counters_(counters), state_(state) {
    require(segments.shape(1) == 2, "segments[segment, 2]");
    for (size_t segment = 0; segment < segments.shape(0); ++segment) {
      const double* rates = segments.data() + 2 * segment;
      for (const double* rate : {rates, rates + 1}) require(*rate > 1e-3 && *rate < 1e12, "bit rates that can be");
      plan_.durations.emplace_back(rates[0], rates[1]);
    }
    read_nodes(nodes, segments.shape(0), plan_);
    read_messages(messages, plan_);
    read_order(order, plan_);
    read_formats(formats, format_of, plan_);
    const size_t room = payload_bytes();
    require(room == 8 || room == 64, "payloads of 8 or 64 bytes");
    plan_.tables = read_tables(headers, crc, stuffing, plan_, room);
    read_routes(routes, plan_);
    read_links(links, plan_);
    require(buffer_bytes.size() == plan_.links.size(), "buffer_bytes[link]");
    for (size_t link = 0; link < plan_.links.size(); ++link) plan_.links[link].buffer_bytes = buffer_bytes[link];
    read_boxes(boxes);
    for (const int64_t site : logged) below(site, count(), "a site that there is not");
    require(threads >= 1, "at least one thread");
    network_ = open_network(plan_, arrays(), logged, room, threads);
  }

  void send(const Column& message, const Column& rows, const Column& time_ns, const Bytes& payload,
            const Column& format) {
    const size_t n = message.size();
    require(rows.size() == n && time_ns.size() == n && format.size() == n, "one number a frame");
    shaped(payload, {n, payload_bytes()}, "payload[n, payload bytes]");
    for (size_t i = 0; i < n; ++i) {
      check_row(rows.data()[i], time_ns.data()[i]);
      check_format(format.data()[i], message.data()[i]);
    }
    const Sends sends{n, message.data(), rows.data(), time_ns.data(), format.data(), payload.data()};
    enter([&] { network_->send(sends); });
  }

  void instruct(int64_t kind, int64_t target, const Column& rows, const Column& time_ns, const Integers& values,
                const Bytes& payload) {
    const size_t n = rows.size();
    require(kind >= 0 && kind <= int64_t(Instruction::CYCLE), "an instruction that there is not");
    shaped(time_ns, {n}, "time_ns[n]");
    shaped(values, {n, INSTRUCTION_VALUES}, "values[n, 4]");
    shaped(payload, {n, payload_bytes()}, "payload[n, payload bytes]");
    check_target(Instruction(kind), target);
    for (size_t i = 0; i < n; ++i) {
      check_row(rows.data()[i], time_ns.data()[i]);
      check_values(Instruction(kind), target, values.data() + INSTRUCTION_VALUES * i);
    }
    const Instructions given{Instruction(kind), target, n, rows.data(), time_ns.data(), values.data(), payload.data()};
    enter([&] { network_->instruct(given); });
  }

  void add_thresholds(const Array<const uint64_t, 1>& thresholds) {
    require(thresholds.size() > 0, "thresholds[bit]");
    std::vector<uint64_t> table(thresholds.data(), thresholds.data() + thresholds.size());
    enter([&] { network_->add_thresholds(std::move(table)); });
  }

  void transfer(int64_t link, const Column& rows, const Column& time_ns, const std::vector<nb::bytes>& data) {
    require(rows.size() == data.size() && time_ns.size() == data.size(), "one instant and one transfer a row");
    below(link, plan_.links.size(), "a link that there is not");
    for (size_t i = 0; i < data.size(); ++i) check_row(rows.data()[i], time_ns.data()[i]);
    for (size_t i = 0; i < data.size(); ++i) {
      require(data[i].size() > 0 && data[i].size() <= 0xFFFFFFFF, "data that a first frame can announce");
      const auto* bytes = reinterpret_cast<const uint8_t*>(data[i].c_str());
      std::vector<uint8_t> held(bytes, bytes + data[i].size());
      enter([&] { network_->transfer(link, rows.data()[i], time_ns.data()[i], std::move(held)); });
    }
  }

  void advance(const Column& until_ns) {
    require(until_ns.size() == count(), "until_ns[count]");
    enter([&] { network_->advance(until_ns.data()); });
  }

  nb::bytes take_log(int64_t site) {
    below(site, count(), "a site that there is not");
    std::vector<uint64_t> rows;
    enter([&] { rows = network_->take_log(site); });
    return nb::bytes(rows.data(), rows.size() * sizeof(uint64_t));
  }

  // Site, instant, node, state.
  std::vector<std::tuple<int64_t, int64_t, int64_t, int64_t>> take_changes() {
    std::vector<Change> changes;
    enter([&] { changes = network_->take_changes(); });
    std::vector<std::tuple<int64_t, int64_t, int64_t, int64_t>> rows;
    for (const Change& one : changes) rows.emplace_back(one.site, one.time_ns, one.node, one.state);
    return rows;
  }

  // Site, instant, link, outcome, data.
  std::vector<std::tuple<int64_t, int64_t, int64_t, int64_t, nb::bytes>> take_transfers() {
    std::vector<Transfer> transfers;
    enter([&] { transfers = network_->take_transfers(); });
    std::vector<std::tuple<int64_t, int64_t, int64_t, int64_t, nb::bytes>> rows;
    for (const Transfer& one : transfers)
      rows.emplace_back(one.site, one.time_ns, one.link, int64_t(one.outcome),
                        nb::bytes(one.data.data(), one.data.size()));
    return rows;
  }

 private:
  size_t count() const { return mailbox_time_ns_.shape(0); }
  size_t payload_bytes() const { return mailbox_payload_.shape(2); }

  void read_boxes(const Integers& rows) {
    shaped(rows, {rows.shape(0), 2}, "boxes[box, 2]");
    require(rows.shape(0) <= mailbox_time_ns_.shape(1), "a mailbox for every box");
    for (size_t box = 0; box < rows.shape(0); ++box) {
      const int64_t node = rows.data()[2 * box], message = rows.data()[2 * box + 1];
      below(node, plan_.nodes.size(), "a node that there is not");
      plan_.messages[below(message, plan_.messages.size(), "a message that there is not")].boxes.emplace_back(node, box);
    }
  }

  NetworkArrays arrays() const {
    const size_t messages = plan_.messages.size(), nodes = plan_.nodes.size(), boxes = mailbox_time_ns_.shape(1);
    require(keys_.size() == count(), "keys[site]");
    shaped(mailbox_payload_, {count(), boxes, payload_bytes()}, "mailbox_payload[site, box, payload bytes]");
    require(counts_.size() == 7, "frames, overwritten, dropped, errors, misses, latency sums and maxima");
    for (const Table& one : counts_) shaped(one, {count(), messages}, "counts[site, message]");
    require(histogram_.shape(2) > 0, "bins");
    shaped(histogram_, {count(), messages, histogram_.shape(2)}, "latency_histogram[site, message, bin]");
    shaped(busy_ns_, {count(), plan_.durations.size()}, "busy_ns[site, segment]");
    require(counters_.size() == 3, "tec, rec, bus_offs");
    for (const Table& one : counters_) shaped(one, {count(), nodes}, "counters[site, node]");
    shaped(state_, {count(), nodes}, "state[site, node]");
    return {count(), boxes, histogram_.shape(2), keys_.data(), mailbox_payload_.data(), mailbox_time_ns_.data(),
            counts_[0].data(), counts_[1].data(), counts_[2].data(), counts_[3].data(), counts_[4].data(),
            counts_[5].data(), counts_[6].data(), histogram_.data(), busy_ns_.data(), counters_[0].data(),
            counters_[1].data(), counters_[2].data(), state_.data()};
  }

  void check_row(int64_t row, int64_t time_ns) const {
    below(row, count(), "a site that there is not");
    not_negative(time_ns, "an instant from 0 on");
  }

  void check_format(int64_t format, int64_t message) const {
    below(format, plan_.formats.size(), "a format that there is not");
    require(plan_.formats[format].message == message, "a format of another message");
  }

  void check_target(Instruction kind, int64_t target) const {
    switch (kind) {
      case Instruction::NOISE:
      case Instruction::INVERT:
      case Instruction::GLITCH: below(target, plan_.durations.size(), "a segment that there is not"); break;
      case Instruction::CYCLE: below(target, plan_.messages.size(), "a message that there is not"); break;
      default: below(target, plan_.nodes.size(), "a node that there is not");
    }
  }

  void check_values(Instruction kind, int64_t target, const int64_t* values) const {
    if (kind == Instruction::NOISE) below(values[0], network_->tables(), "thresholds that there are not");
    if (kind != Instruction::CYCLE) return;
    not_negative(values[0], "a period");
    not_negative(values[1], "a jitter");
    check_format(values[2], target);
  }

  template <class Work>
  void enter(Work&& work) {
    nb::gil_scoped_release released;
    const std::lock_guard lock(mutex_);
    work();
  }

  Array<uint64_t, 1> keys_;
  Array<int64_t, 2> mailbox_time_ns_;
  Array<uint8_t, 3> mailbox_payload_;
  std::vector<Table> counts_;
  Array<uint32_t, 3> histogram_;
  Table busy_ns_;
  std::vector<Table> counters_;
  Array<int8_t, 2> state_;
  Plan plan_;
  std::mutex mutex_;
  std::unique_ptr<Network> network_;
};

}  // namespace

void bind_network(nb::module_& m) {
  nb::class_<NetworkHandle>(m, "Network")
      .def(nb::init<const Array<const double, 2>&, const Integers&, const Integers&, const std::vector<int64_t>&,
                    const Integers&, const Integers&, const Integers&, const std::vector<int64_t>&, const Integers&,
                    const Integers&, const Integers&, const Integers&, const std::vector<Bytes>&, Array<uint64_t, 1>,
                    Array<int64_t, 2>, Array<uint8_t, 3>, std::vector<Table>, Array<uint32_t, 3>, Table,
                    std::vector<Table>, Array<int8_t, 2>, const std::vector<int64_t>&, int>(),
           nb::kw_only(), nb::arg("segments").noconvert(), nb::arg("nodes").noconvert(),
           nb::arg("messages").noconvert(), nb::arg("order"), nb::arg("boxes").noconvert(),
           nb::arg("routes").noconvert(), nb::arg("links").noconvert(), nb::arg("buffer_bytes"),
           nb::arg("formats").noconvert(), nb::arg("format_of").noconvert(), nb::arg("headers").noconvert(),
           nb::arg("crc").noconvert(), nb::arg("stuffing").noconvert(), nb::arg("keys").noconvert(),
           nb::arg("mailbox_time_ns").noconvert(), nb::arg("mailbox_payload").noconvert(),
           nb::arg("counts").noconvert(), nb::arg("latency_histogram").noconvert(), nb::arg("busy_ns").noconvert(),
           nb::arg("counters").noconvert(), nb::arg("state").noconvert(), nb::arg("logged"), nb::arg("threads"))
      .def("send", &NetworkHandle::send, nb::arg("message").noconvert(), nb::arg("rows").noconvert(),
           nb::arg("time_ns").noconvert(), nb::arg("payload").noconvert(), nb::arg("formats").noconvert())
      .def("instruct", &NetworkHandle::instruct, nb::arg("kind"), nb::arg("target"), nb::arg("rows").noconvert(),
           nb::arg("time_ns").noconvert(), nb::arg("values").noconvert(), nb::arg("payload").noconvert())
      .def("add_thresholds", &NetworkHandle::add_thresholds, nb::arg("thresholds").noconvert())
      .def("transfer", &NetworkHandle::transfer, nb::arg("link"), nb::arg("rows").noconvert(),
           nb::arg("time_ns").noconvert(), nb::arg("data"))
      .def("advance", &NetworkHandle::advance, nb::arg("until_ns").noconvert())
      .def("take_log", &NetworkHandle::take_log, nb::arg("site"))
      .def("take_changes", &NetworkHandle::take_changes)
      .def("take_transfers", &NetworkHandle::take_transfers);
}

}  // namespace twin
