// Frames that fail, and what the nodes of a site count then: ISO 11898-1, as twin/network/engines/engine.py states it.
#include "network_state.h"
#include "random.h"
#include "wire.h"

namespace twin {
namespace {

constexpr int64_t BITS_FROM_ACK_SLOT = 9;  // ACK slot, ACK delimiter, EOF
constexpr int64_t PASSIVE_ABOVE = 127, BUS_OFF_ABOVE = 255, REC_BACK = 119;
constexpr int64_t RECOVERY_SEQUENCES = 128, SEQUENCE_BITS = 11;

// Interframe space apart.
template <class F>
int64_t wire_bits(const F& frame) {
  return int64_t(frame.nominal_bits) + frame.data_bits - INTERFRAME_BITS;
}

template <class F>
int64_t ack_slot(const F& frame) {
  return wire_bits(frame) - BITS_FROM_ACK_SLOT;
}

// Bits 0 to `bit` of a frame; the data phase ends where the ACK slot begins.
template <class F>
Bits bits_up_to(const F& frame, int64_t bit) {
  const int64_t data_start = ack_slot(frame) - frame.data_bits;
  const int64_t data = std::clamp<int64_t>(bit + 1 - data_start, 0, frame.data_bits);
  return {bit + 1 - data, data};
}

template <class B>
int64_t failing_bit(const B& bus) {
  return std::min({bus.wrong_bit, bus.cut_bit, bus.unheard ? ack_slot(bus.frame) : NO_BIT});
}

}  // namespace

// A frame starts on a segment that is not as it should be.
template <size_t Bytes>
void Kernel<Bytes>::judge(S& site, B& bus) {
  const F& frame = bus.frame;
  const int64_t bits = wire_bits(frame);
  if (bus.thresholds) {
    const auto& table = thresholds_[bus.thresholds];
    const auto end = table.begin() + std::min<size_t>(bits, table.size());
    const uint64_t drawn = draw(arrays_.keys[index(site)], segment(site, bus), bus.attempts++);
    if (end[-1] > drawn) bus.wrong_bit = std::upper_bound(table.begin(), end, drawn) - table.begin();
  }
  for (Invert& one : bus.inverts) {
    const bool all = one.message < 0, anybodys = one.node < 0;
    if (!(all || one.message == frame.message)) continue;
    if (!(anybodys || one.node == plan_.messages[frame.message].node)) continue;
    const int64_t bit = one.bit < 0 ? bits - 1 : std::min(one.bit, bits - 1);
    bus.wrong_bit = std::min(bus.wrong_bit, bit);
    --one.frames;
  }
  std::erase_if(bus.inverts, [](const Invert& one) { return one.frames <= 0; });
  bus.unheard = bus.listeners <= 1;
  plan_end(site, bus);
}

template <size_t Bytes>
void Kernel<Bytes>::plan_end(const S& site, B& bus) {
  const int64_t bit = failing_bit(bus);
  bus.doomed = bit != NO_BIT;
  const Bits bits = bits_up_to(bus.frame, bus.doomed ? bit : wire_bits(bus.frame) - 1);
  bus.next_ns = bus.start_ns + duration_ns(site, bus, bits.nominal, bits.data);
}

// The bit that is on the wire at an instant between the frame's start and its end.
template <size_t Bytes>
int64_t Kernel<Bytes>::bit_at(const S& site, const B& bus, int64_t now_ns) const {
  int64_t bit = 0;
  for (;; ++bit) {
    const Bits bits = bits_up_to(bus.frame, bit);
    if (now_ns < bus.start_ns + duration_ns(site, bus, bits.nominal, bits.data)) return bit;
  }
}

template <size_t Bytes>
void Kernel<Bytes>::fail(S& site, B& bus, int64_t now_ns) {
  const int64_t bit = failing_bit(bus), sender = plan_.messages[bus.frame.message].node;
  const bool passive = bus.cut_bit == bit || arrays_.state[seat(site, sender)] == ERROR_PASSIVE;
  const Bits bits = bits_up_to(bus.frame, bit);
  const int64_t after = flag_bits(bus.frame, bit, passive) + ERROR_DELIMITER_BITS + INTERFRAME_BITS;
  bus.finish_ns = bus.start_ns + duration_ns(site, bus, bits.nominal + after, bits.data);
  ++arrays_.errors[cell(site, bus.frame.message)];
  arrays_.busy_ns[index(site) * site.buses.size() + segment(site, bus)] += bus.finish_ns - bus.start_ns;
  if (site.logged) log(site, bus, bit);
  const bool seen = bit == wire_bits(bus.frame) - 1;  // receivers have it before the last bit ends
  if (seen) receive(site, bus, now_ns, false);
  count_failure(site, bus, bit, seen, now_ns);
  put_back(site, bus);
  bus.wrong_bit = bus.cut_bit = NO_BIT;
  bus.unheard = bus.doomed = bus.dropped = false;
}

template <size_t Bytes>
int64_t Kernel<Bytes>::flag_bits(const F& frame, int64_t bit, bool passive) const {
  if (plan_.messages[frame.message].frame_bits) return UNKNOWN_FLAG_BITS;
  const Format& format = plan_.formats[frame.format];
  return error_flag_bits(format, wire_frame(format, frame.payload), bit, passive);
}

template <size_t Bytes>
void Kernel<Bytes>::count_success(S& site, B& bus, int64_t now_ns) {
  const int64_t sender = plan_.messages[bus.frame.message].node;
  for (const int64_t node : plan_.members[segment(site, bus)]) {
    if (!listens(site, node)) continue;
    int64_t &tec = arrays_.tec[seat(site, node)], &rec = arrays_.rec[seat(site, node)];
    if (node == sender) {
      tec = std::max<int64_t>(tec - 1, 0);
    } else {
      rec = rec > PASSIVE_ABOVE ? REC_BACK : std::max<int64_t>(rec - 1, 0);
    }
    weigh(site, node, now_ns);
  }
  suspend(site, bus, sender);
  survey(site, bus, now_ns);
}

// `seen`: by the receivers, for which it is a success.
template <size_t Bytes>
void Kernel<Bytes>::count_failure(S& site, B& bus, int64_t bit, bool seen, int64_t now_ns) {
  const int64_t sender = plan_.messages[bus.frame.message].node;
  const bool passive = arrays_.state[seat(site, sender)] == ERROR_PASSIVE;
  const bool lonely = bus.unheard && bit == ack_slot(bus.frame);
  for (const int64_t node : plan_.members[segment(site, bus)]) {
    if (!takes_part(site, node)) continue;
    int64_t &tec = arrays_.tec[seat(site, node)], &rec = arrays_.rec[seat(site, node)];
    if (node == sender) {
      if (bus.cut_bit != bit && !(lonely && passive)) tec += 8;
    } else if (site.nodes[node].connected) {
      rec = !seen ? rec + 1 : rec > PASSIVE_ABOVE ? REC_BACK : std::max<int64_t>(rec - 1, 0);
    }
    weigh(site, node, now_ns);
  }
  suspend(site, bus, sender);
  survey(site, bus, now_ns);
}

// Counters have changed.
template <size_t Bytes>
void Kernel<Bytes>::weigh(S& site, int64_t node, int64_t now_ns) {
  const int64_t tec = arrays_.tec[seat(site, node)], rec = arrays_.rec[seat(site, node)];
  if (tec > BUS_OFF_ABOVE)
    go_bus_off(site, node, now_ns);
  else
    set_state(site, node, std::max(tec, rec) > PASSIVE_ABOVE ? ERROR_PASSIVE : ERROR_ACTIVE, now_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::suspend(S& site, B& bus, int64_t sender) {
  if (arrays_.state[seat(site, sender)] == ERROR_PASSIVE)
    site.nodes[sender].suspended_ns = bus.finish_ns + duration_ns(site, bus, SUSPEND_BITS, 0);
}

template <size_t Bytes>
void Kernel<Bytes>::set_state(S& site, int64_t node, NodeState state, int64_t now_ns) {
  int8_t& held = arrays_.state[seat(site, node)];
  if (held == state) return;
  held = state;
  site.changes.push_back({int64_t(index(site)), now_ns, node, state});
}

// Nodes have changed: find out what a segment has to look at.
template <size_t Bytes>
void Kernel<Bytes>::survey(S& site, B& bus, int64_t now_ns) {
  const auto& members = plan_.members[segment(site, bus)];
  bus.listeners = bus.careful_ns = 0;
  bus.counting = false;
  for (const int64_t node : members) {
    const NodeLife& life = site.nodes[node];
    bus.listeners += listens(site, node);
    bus.counting |= arrays_.tec[seat(site, node)] || arrays_.rec[seat(site, node)];
    bus.careful_ns = std::max(bus.careful_ns, life.connected ? life.suspended_ns : NEVER);
  }
  bus.healthy = bus.listeners == int64_t(members.size()) && bus.listeners >= 2;
  bus.disturbed = bus.thresholds || !bus.inverts.empty();
  if (bus.on_wire) {
    check_acknowledge(site, bus, now_ns);
  } else {
    bus.next_ns = std::max(bus.finish_ns, now_ns);  // somebody may be able to start now
  }
}

// The ACK slot belongs to those who listen just before it.
template <size_t Bytes>
void Kernel<Bytes>::check_acknowledge(const S& site, B& bus, int64_t now_ns) {
  const Bits bits = bits_up_to(bus.frame, ack_slot(bus.frame) - 1);
  if (now_ns >= bus.start_ns + duration_ns(site, bus, bits.nominal, bits.data)) return;
  const int64_t sender = plan_.messages[bus.frame.message].node;
  bus.unheard = bus.listeners - listens(site, sender) == 0;
  plan_end(site, bus);
}

// When a node that is bus-off takes part again, if nothing starts on its segment before.
template <size_t Bytes>
int64_t Kernel<Bytes>::recovery_ns(const S& site, int64_t node) const {
  const NodeLife& life = site.nodes[node];
  if (arrays_.state[seat(site, node)] != BUS_OFF || life.begin_ns == NEVER) return NEVER;
  const B& bus = site.buses[plan_.nodes[node].segment];
  const int64_t left = RECOVERY_SEQUENCES - life.counted - (bus.finish_ns > life.begin_ns);
  return std::max(bus.finish_ns, life.begin_ns) + duration_ns(site, bus, SEQUENCE_BITS * left, 0);
}

template <size_t Bytes>
int64_t Kernel<Bytes>::recovery_ns(const S& site) const {
  int64_t first_ns = NEVER;
  for (size_t node = 0; node < site.nodes.size(); ++node) first_ns = std::min(first_ns, recovery_ns(site, node));
  return first_ns;
}

// A frame starts: count the last finish, and what fits between the two.
template <size_t Bytes>
void Kernel<Bytes>::count_recessive(S& site, const B& bus, int64_t start_ns) {
  for (const int64_t node : plan_.members[segment(site, bus)]) {
    NodeLife& life = site.nodes[node];
    if (arrays_.state[seat(site, node)] != BUS_OFF || life.begin_ns == NEVER) continue;
    life.counted += bus.finish_ns > life.begin_ns;
    const int64_t since_ns = std::max(bus.finish_ns, life.begin_ns);
    for (int64_t bits = SEQUENCE_BITS; since_ns + duration_ns(site, bus, bits, 0) <= start_ns; bits += SEQUENCE_BITS)
      ++life.counted;
  }
}

template <size_t Bytes>
void Kernel<Bytes>::recover(S& site, int64_t now_ns) {
  for (size_t node = 0; node < site.nodes.size(); ++node) {
    if (recovery_ns(site, node) > now_ns) continue;
    --site.recovering;
    arrays_.tec[seat(site, node)] = arrays_.rec[seat(site, node)] = 0;
    set_state(site, node, ERROR_ACTIVE, now_ns);
    survey(site, site.buses[plan_.nodes[node].segment], now_ns);
  }
}

template class Kernel<8>;
template class Kernel<64>;

}  // namespace twin
