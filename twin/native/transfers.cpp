// What hangs on a reception: gateways' routes, and ISO-TP, whose state machines are in iso_tp.cpp.
#include "network_state.h"

namespace twin {

template <size_t Bytes>
void Kernel<Bytes>::transfer(int64_t link, int64_t row, int64_t time_ns, std::vector<uint8_t> data) {
  S& site = sites_[row];
  site.links[link].queue.emplace(time_ns, std::move(data));
  site.transfer_ns = std::min(site.transfer_ns, time_ns);
}

template <size_t Bytes>
void Kernel<Bytes>::hear(S& site, const F& frame, int64_t start_ns, int64_t seen_ns, bool confirmed) {
  const Message& message = plan_.messages[frame.message];
  for (const int64_t route : message.routes)
    if (listens(site, plan_.routes[route].node)) pass_on(site, plan_.routes[route], frame, seen_ns);
  const size_t length = plan_.formats[frame.format].length;
  for (const int64_t l : message.links) {
    const Link& link = plan_.links[l];
    LinkState& state = site.links[l];
    if (link.reply == frame.message) {
      const bool flow_control = length && frame.payload[0] >> 4 == 3;
      if (flow_control && listens(site, link.sender))
        take_answer(site, l, true, state.sender.flow_control(link, frame.payload, length, seen_ns), seen_ns);
      continue;
    }
    if (confirmed && frame.tag && frame.tag == state.tag)
      take_answer(site, l, true, state.sender.confirmed(link, start_ns, seen_ns), seen_ns);
    if (listens(site, link.receiver))
      take_answer(site, l, false, state.receiver.seen(link, frame.payload, length, seen_ns), seen_ns);
  }
}

template <size_t Bytes>
void Kernel<Bytes>::pass_on(S& site, const Route& route, const F& frame, int64_t seen_ns) {
  if (plan_.messages[route.message].remote)
    return schedule(site, site.contents[route.to], seen_ns + route.delay_ns, Origin::ROUTE);
  const int64_t same = plan_.format(route.to, plan_.formats[frame.format].length);
  const F passed = this->frame(route.to, same < 0 ? plan_.messages[route.to].longest : same, frame.payload);
  schedule(site, passed, seen_ns + route.delay_ns, Origin::ROUTE);
}

template <size_t Bytes>
void Kernel<Bytes>::take_answer(S& site, int64_t l, bool sender, const Answer& answer, int64_t now_ns) {
  const Link& link = plan_.links[l];
  LinkState& state = site.links[l];
  if (answer.interrupted) end_transfer(site, l, Outcome::INTERRUPTED, {}, now_ns);
  if (answer.outcome == Outcome::RECEIVED)
    end_transfer(site, l, Outcome::RECEIVED, state.receiver.data(), now_ns);
  else if (answer.outcome != Outcome::NONE)
    end_transfer(site, l, answer.outcome, {}, now_ns);
  if (answer.length) {
    const int64_t message = sender ? link.data : link.reply;
    F released = frame(message, plan_.format(message, answer.length), answer.frame.data());
    if (sender) released.tag = state.tag = site.tags = std::max<uint32_t>(site.tags + 1, 1);
    schedule(site, released, answer.release_ns, Origin::ISO_TP);
  }
  if (state.sender.idle()) {
    state.tag = 0;
    if (!state.queue.empty()) site.transfer_ns = std::min(site.transfer_ns, std::max(now_ns, state.queue.begin()->first));
  }
  site.timer_ns = std::min({site.timer_ns, state.sender.deadline_ns(), state.receiver.deadline_ns()});
}

template <size_t Bytes>
void Kernel<Bytes>::end_transfer(S& site, int64_t link, Outcome outcome, std::vector<uint8_t> data, int64_t now_ns) {
  site.transfers.push_back({int64_t(index(site)), now_ns, link, outcome, std::move(data)});
}

template <size_t Bytes>
void Kernel<Bytes>::timers(S& site, int64_t now_ns) {
  for (size_t l = 0; l < site.links.size(); ++l) {
    LinkState& state = site.links[l];
    if (state.sender.deadline_ns() <= now_ns) take_answer(site, l, true, state.sender.due(), now_ns);
    if (state.receiver.deadline_ns() <= now_ns) take_answer(site, l, false, state.receiver.due(), now_ns);
  }
  site.timer_ns = NEVER;
  for (const LinkState& state : site.links)
    site.timer_ns = std::min({site.timer_ns, state.sender.deadline_ns(), state.receiver.deadline_ns()});
}

template <size_t Bytes>
void Kernel<Bytes>::begin_transfers(S& site, int64_t now_ns) {
  site.transfer_ns = NEVER;
  for (size_t l = 0; l < site.links.size(); ++l) {
    LinkState& state = site.links[l];
    auto& queue = state.queue;
    while (state.sender.idle() && !queue.empty() && queue.begin()->first <= now_ns) {
      auto data = std::move(queue.extract(queue.begin()).mapped());
      if (arrays_.state[seat(site, plan_.links[l].sender)] == OFF)
        end_transfer(site, l, Outcome::LOST, {}, now_ns);
      else
        take_answer(site, l, true, state.sender.begin(plan_.links[l], std::move(data), now_ns), now_ns);
    }
    if (state.sender.idle() && !queue.empty()) site.transfer_ns = std::min(site.transfer_ns, queue.begin()->first);
  }
}

// A node is switched off: both its ends of all links forget what they were at.
template <size_t Bytes>
void Kernel<Bytes>::lose_transfers(S& site, int64_t node, int64_t now_ns) {
  for (size_t l = 0; l < site.links.size(); ++l) {
    LinkState& state = site.links[l];
    if (plan_.links[l].sender == node) {
      const auto given = state.queue.lower_bound(now_ns);
      const auto queued = std::distance(state.queue.begin(), given);
      for (auto lost = queued + !state.sender.idle(); lost > 0; --lost)
        end_transfer(site, l, Outcome::LOST, {}, now_ns);
      state.queue.erase(state.queue.begin(), given);
      state.sender.end();
      state.tag = 0;
      if (!state.queue.empty()) site.transfer_ns = std::min(site.transfer_ns, state.queue.begin()->first);
    }
    if (plan_.links[l].receiver == node && !state.receiver.idle()) {
      end_transfer(site, l, Outcome::LOST, {}, now_ns);
      state.receiver.end();
    }
  }
}

template class Kernel<8>;
template class Kernel<64>;

}  // namespace twin
