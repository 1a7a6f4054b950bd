// What is done to the network of a site from outside.
#include "network_state.h"

namespace twin {
namespace {

constexpr int64_t PASSIVE_TEC = 128, BUS_OFF_TEC = 256;
constexpr int64_t NEVER_SEEN = -1;

}  // namespace

template <size_t Bytes>
void Kernel<Bytes>::instruct(const Instructions& given) {
  for (size_t i = 0; i < given.count; ++i) {
    S& site = sites_[given.row[i]];
    Order order{given.kind, given.target, {}, {}};
    std::copy_n(given.values + INSTRUCTION_VALUES * i, INSTRUCTION_VALUES, order.values.begin());
    if (given.kind == Instruction::CYCLE) order.payload.assign(given.payload + Bytes * i, given.payload + Bytes * (i + 1));
    site.orders.emplace(given.time_ns[i], std::move(order));
    site.order_ns = site.orders.begin()->first;
  }
}

template <size_t Bytes>
void Kernel<Bytes>::obey(S& site, int64_t now_ns) {
  while (!site.orders.empty() && site.orders.begin()->first <= now_ns)
    obey(site, site.orders.extract(site.orders.begin()).mapped(), now_ns);
  site.order_ns = site.orders.empty() ? NEVER : site.orders.begin()->first;
}

template <size_t Bytes>
void Kernel<Bytes>::obey(S& site, const Order& order, int64_t now_ns) {
  const auto& values = order.values;
  switch (order.kind) {
    case Instruction::NOISE: {
      B& bus = site.buses[order.target];
      bus.thresholds = thresholds_[values[0]].back() ? values[0] : 0;
      return survey(site, bus, now_ns);
    }
    case Instruction::INVERT: {
      B& bus = site.buses[order.target];
      if (values[1] > 0) bus.inverts.push_back({values[0], values[1], values[2], values[3]});
      return survey(site, bus, now_ns);
    }
    case Instruction::GLITCH: return glitch(site, site.buses[order.target], now_ns);
    case Instruction::CONNECT: return connect(site, order.target, values[0], now_ns);
    case Instruction::POWER: return power(site, order.target, values[0], now_ns);
    case Instruction::BUS_OFF:
      if (!takes_part(site, order.target)) return;
      arrays_.tec[seat(site, order.target)] = BUS_OFF_TEC;
      go_bus_off(site, order.target, now_ns);
      return survey(site, bus_of(site, order.target), now_ns);
    case Instruction::CYCLE: return start_cycle(site, order, now_ns);
  }
}

template <size_t Bytes>
void Kernel<Bytes>::glitch(const S& site, B& bus, int64_t now_ns) {
  if (!bus.on_wire) return;
  bus.wrong_bit = std::min(bus.wrong_bit, bit_at(site, bus, now_ns));
  plan_end(site, bus);
}

template <size_t Bytes>
void Kernel<Bytes>::connect(S& site, int64_t node, bool on, int64_t now_ns) {
  NodeLife& life = site.nodes[node];
  if (life.connected == on) return;
  life.connected = on;
  if (!on && waits(site, node)) talk_to_nobody(site, node, now_ns);
  if (!on) cut_off(site, node, false, now_ns);
  survey(site, bus_of(site, node), now_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::power(S& site, int64_t node, bool on, int64_t now_ns) {
  const int8_t state = arrays_.state[seat(site, node)];
  if ((state != OFF) == on) return;
  set_state(site, node, on ? ERROR_ACTIVE : OFF, now_ns);
  if (!on) {
    site.recovering -= state == BUS_OFF && site.nodes[node].begin_ns != NEVER;
    site.nodes[node].suspended_ns = 0;
    arrays_.tec[seat(site, node)] = arrays_.rec[seat(site, node)] = 0;
    drop_queues(site, node);
    cut_off(site, node, true, now_ns);
    forget_mailboxes(site, node);
    lose_transfers(site, node, now_ns);
  }
  survey(site, bus_of(site, node), now_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::go_bus_off(S& site, int64_t node, int64_t now_ns) {
  NodeLife& life = site.nodes[node];
  const int64_t recovery_ns = plan_.nodes[node].recovery_ns;
  set_state(site, node, BUS_OFF, now_ns);
  ++arrays_.bus_offs[seat(site, node)];
  drop_queues(site, node);
  cut_off(site, node, true, now_ns);
  life.begin_ns = recovery_ns < 0 ? NEVER : now_ns + recovery_ns;
  life.counted = 0;
  site.recovering += recovery_ns >= 0;
}

// A node cannot go on with the frame that it has on the wire.
template <size_t Bytes>
void Kernel<Bytes>::cut_off(S& site, int64_t node, bool dropped, int64_t now_ns) {
  B& bus = bus_of(site, node);
  if (!bus.on_wire || plan_.messages[bus.frame.message].node != node) return;
  bus.cut_bit = std::min(bus.cut_bit, bit_at(site, bus, now_ns));
  bus.dropped |= dropped;
  plan_end(site, bus);
}

// A node with a broken wire has something to send: nobody acknowledges it.
template <size_t Bytes>
void Kernel<Bytes>::talk_to_nobody(S& site, int64_t node, int64_t now_ns) {
  int64_t& tec = arrays_.tec[seat(site, node)];
  if (site.nodes[node].connected || !takes_part(site, node) || tec >= PASSIVE_TEC) return;
  tec = PASSIVE_TEC;
  weigh(site, node, now_ns);
  survey(site, bus_of(site, node), now_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::forget_mailboxes(S& site, int64_t node) {
  for (const Message& message : plan_.messages)
    for (const auto& [receiver, box] : message.boxes) {
      if (receiver != node) continue;
      const size_t place = index(site) * arrays_.boxes + box;
      arrays_.mailbox_time_ns[place] = NEVER_SEEN;
      std::memset(arrays_.mailbox_payload + place * Bytes, 0, Bytes);
    }
}

template class Kernel<8>;
template class Kernel<64>;

}  // namespace twin
