#include "can.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace twin {
namespace {

constexpr int64_t INTERFRAME_BITS = 3;
constexpr int64_t FIRST_OCTAVE = 15;  // of the latency histogram: twin.network.counters.py

int64_t latency_bin(int64_t latency_ns, int64_t bins) {
  if (latency_ns < int64_t{1} << FIRST_OCTAVE) return 0;
  const int octave = std::bit_width(uint64_t(latency_ns)) - 1;
  return std::min(((octave - FIRST_OCTAVE) << 2) + (latency_ns >> (octave - 2) & 3), bins - 1);
}

}  // namespace

Can::Can(const BusArrays& arrays, FrameTables tables, double bitrate_bit_s, const std::vector<int64_t>& order,
         const std::vector<int64_t>& logged)
    : arrays_(arrays), tables_(std::move(tables)), bitrate_bit_s_(bitrate_bit_s), rank_(arrays.messages),
      buses_(arrays.count) {
  for (size_t rank = 0; rank < order.size(); ++rank) rank_[order[rank]] = rank;
  for (Bus& bus : buses_) {
    bus.waiting.resize(arrays.messages);
    bus.pending.resize((arrays.messages + 63) / 64);
  }
  for (const int64_t bus : logged) buses_[bus].logged = true;
}

void Can::send(const Sends& sends) {
  for (size_t i = 0; i < sends.count; ++i) {
    const int64_t message = sends.message[i];
    const uint8_t* payload = sends.payload + 8 * i;
    const int64_t length = sends.bits ? sends.bits[i] : bits(message, payload);
    Frame frame{sends.release_ns[i], sequence_++, message, duration_ns(length - INTERFRAME_BITS), duration_ns(length), 0};
    std::memcpy(&frame.payload, payload, 8);
    auto& releases = buses_[sends.row[i]].releases;
    releases.push_back(frame);
    std::push_heap(releases.begin(), releases.end(), later);
  }
}

void Can::advance(const int64_t* until_ns) {
  for (size_t index = 0; index < buses_.size(); ++index) advance(index, until_ns[index]);
}

std::vector<uint64_t> Can::take_log(size_t bus) { return std::exchange(buses_[bus].log, {}); }

bool Can::later(const Frame& a, const Frame& b) {
  return a.release_ns != b.release_ns ? a.release_ns > b.release_ns : a.sequence > b.sequence;
}

int64_t Can::bits(size_t message, const uint8_t* payload) const {
  const int64_t* header = &tables_.headers[4 * message];
  const int64_t length = header[0];
  int64_t state = header[1], crc = header[2], total = header[3];
  const auto shift = [&](int64_t entry) { state = entry & 7, total += entry >> 3; };
  for (int64_t i = 0; i < length; ++i) {
    crc ^= tables_.crc[(8 - length + i) * 256 + payload[i]];
    shift(tables_.stuffing_8[state * 256 + payload[i]]);
  }
  shift(tables_.stuffing_7[state * 128 + (crc >> 8)]);
  shift(tables_.stuffing_8[state * 256 + (crc & 255)]);
  return total;
}

// The same operations as NumPy's rint: half to even.
int64_t Can::duration_ns(int64_t bits) const { return int64_t(std::nearbyint(double(bits) * 1e9 / bitrate_bit_s_)); }

void Can::advance(size_t index, int64_t until_ns) {
  Bus& bus = buses_[index];
  while (bus.waits || !bus.releases.empty()) {
    // What waits, waits for the frame on the wire; otherwise the next release is next.
    const int64_t next_ns = bus.waits ? bus.finish_ns : std::max(bus.finish_ns, bus.releases.front().release_ns);
    if (next_ns >= until_ns) break;
    if (bus.on_wire) deliver(index);
    while (!bus.releases.empty() && bus.releases.front().release_ns <= next_ns) {
      std::pop_heap(bus.releases.begin(), bus.releases.end(), later);
      join(index, bus.releases.back());
      bus.releases.pop_back();
    }
    transmit(bus, next_ns);
  }
  if (bus.on_wire && bus.start_ns + bus.frame.seen_ns <= until_ns) deliver(index);
}

void Can::join(size_t index, const Frame& frame) {
  Bus& bus = buses_[index];
  const size_t rank = rank_[frame.message];
  uint64_t& word = bus.pending[rank / 64];
  const uint64_t bit = uint64_t{1} << rank % 64;
  if (word & bit)
    ++arrays_.overwritten[index * arrays_.messages + frame.message];
  else
    ++bus.waits;
  word |= bit;
  bus.waiting[rank] = frame;
}

void Can::transmit(Bus& bus, int64_t now_ns) {
  const auto word = std::find_if(bus.pending.begin(), bus.pending.end(), [](uint64_t bits) { return bits != 0; });
  bus.frame = bus.waiting[64 * (word - bus.pending.begin()) + std::countr_zero(*word)];
  *word &= *word - 1;
  --bus.waits;
  bus.on_wire = true;
  bus.start_ns = now_ns;
  bus.finish_ns = now_ns + bus.frame.finish_ns;
}

// Put the frame on the wire into the mailboxes, and count it.
void Can::deliver(size_t index) {
  Bus& bus = buses_[index];
  const Frame& frame = bus.frame;
  const size_t cell = index * arrays_.messages + frame.message;
  const int64_t seen_ns = bus.start_ns + frame.seen_ns, latency_ns = seen_ns - frame.release_ns;
  arrays_.mailbox[cell] = frame.payload;
  arrays_.mailbox_time_ns[cell] = seen_ns;
  ++arrays_.frames[cell];
  arrays_.latency_sum_ns[cell] += latency_ns;
  arrays_.latency_max_ns[cell] = std::max(arrays_.latency_max_ns[cell], latency_ns);
  ++arrays_.latency_histogram[cell * arrays_.bins + latency_bin(latency_ns, arrays_.bins)];
  arrays_.busy_ns[index] += frame.finish_ns;
  if (bus.logged)
    bus.log.insert(bus.log.end(), {uint64_t(frame.message), uint64_t(frame.release_ns), uint64_t(bus.start_ns),
                                   uint64_t(bus.finish_ns), frame.payload});
  bus.on_wire = false;
}

}  // namespace twin
