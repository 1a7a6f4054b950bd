#include "iso_tp.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace twin {
namespace {

constexpr uint8_t FIRST = 0x10, CONSECUTIVE = 0x20, FLOW_CONTROL = 0x30;
constexpr uint8_t CONTINUE = 0, WAIT = 1, OVERFLOWS = 2;
constexpr int64_t MOST_WAITS = 10;
constexpr uint8_t FILL = 0xCC;  // of long CAN FD frames without padding
constexpr size_t CLASSIC_BYTES = 8, SHORT_TOTAL = 4095;

// The length of a frame that has `used` bytes, which it fills up.
size_t padded(const Link& link, std::array<uint8_t, 64>& frame, size_t used) {
  size_t length = used;
  if (used <= CLASSIC_BYTES) {
    if (link.padding >= 0) length = CLASSIC_BYTES;
  } else {
    for (const size_t known : {12, 16, 20, 24, 32, 48, 64})
      if (used <= known) {
        length = known;
        break;
      }
  }
  std::fill(frame.begin() + used, frame.begin() + length, link.padding >= 0 ? uint8_t(link.padding) : FILL);
  return length;
}

int64_t stmin_ns(uint8_t byte) {
  if (byte <= 0x7F) return byte * 1'000'000;
  return 0xF1 <= byte && byte <= 0xF9 ? (byte - 0xF0) * 100'000 : 127'000'000;
}

}  // namespace

Answer IsoTpSender::begin(const Link& link, std::vector<uint8_t> data, int64_t now_ns) {
  *this = {};
  data_ = std::move(data);
  const size_t total = data_.size(), room = link.data_bytes;
  size_t header;
  if (total < CLASSIC_BYTES || (room > CLASSIC_BYTES && total <= room - 2)) {
    phase_ = Phase::SINGLE;
    header = total < CLASSIC_BYTES ? 1 : 2;
    frame_[header - 1] = uint8_t(total);
  } else {
    phase_ = Phase::FIRST;
    header = total <= SHORT_TOTAL ? 2 : 6;
    frame_[0] = FIRST;
    if (header == 2) {
      frame_[0] |= total >> 8;
      frame_[1] = total & 0xFF;
    } else {
      for (int i = 0; i < 4; ++i) frame_[2 + i] = total >> (24 - 8 * i) & 0xFF;
    }
  }
  sent_ = std::min(total, room - header);
  std::memcpy(&frame_[header], data_.data(), sent_);
  return release(link, padded(link, frame_, header + sent_), now_ns);
}

Answer IsoTpSender::confirmed(const Link& link, int64_t start_ns, int64_t seen_ns) {
  if (sent_ == data_.size()) return ended(Outcome::SENT);
  if (phase_ == Phase::FIRST || --left_ == 0) return waits_ = 0, await(link, seen_ns);
  return consecutive(link, std::max(seen_ns + link.separation_ns, start_ns + stmin_ns_));
}

Answer IsoTpSender::flow_control(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns) {
  if (phase_ != Phase::WAITING || length < 3) return {};
  const uint8_t status = frame[0] & 0x0F;
  if (status == CONTINUE) {
    left_ = frame[1] ? frame[1] : NEVER;
    stmin_ns_ = stmin_ns(frame[2]);
    return consecutive(link, now_ns + link.separation_ns);
  }
  if (status == WAIT && ++waits_ <= MOST_WAITS) return await(link, now_ns);
  return ended(status == OVERFLOWS ? Outcome::OVERFLOW_ : Outcome::REFUSED);
}

Answer IsoTpSender::due() {
  return ended(phase_ == Phase::WAITING ? Outcome::NO_FLOW_CONTROL : Outcome::NOT_SENT);
}

Answer IsoTpSender::release(const Link& link, size_t length, int64_t release_ns) {
  deadline_ns_ = release_ns + link.timeout_ns;
  return {Outcome::NONE, release_ns, length, frame_, false};
}

Answer IsoTpSender::consecutive(const Link& link, int64_t release_ns) {
  phase_ = Phase::CONSECUTIVE;
  count_ = (count_ + 1) & 0x0F;
  frame_[0] = CONSECUTIVE | uint8_t(count_);
  const size_t carried = std::min(data_.size() - sent_, size_t(link.data_bytes) - 1);
  std::memcpy(&frame_[1], &data_[sent_], carried);
  sent_ += carried;
  return release(link, padded(link, frame_, 1 + carried), release_ns);
}

Answer IsoTpSender::await(const Link& link, int64_t now_ns) {
  phase_ = Phase::WAITING;
  deadline_ns_ = now_ns + link.timeout_ns;
  return {};
}

Answer IsoTpSender::ended(Outcome outcome) {
  end();
  Answer answer;
  answer.outcome = outcome;
  return answer;
}

Answer IsoTpReceiver::seen(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns) {
  if (length == 0) return {};
  switch (frame[0] & 0xF0) {
    case 0: return single(frame, length);
    case FIRST: return first(link, frame, length, now_ns);
    case CONSECUTIVE: return consecutive(link, frame, length, now_ns);
    default: return {};
  }
}

Answer IsoTpReceiver::due() {
  stop();
  Answer answer;
  answer.outcome = Outcome::NO_CONSECUTIVE_FRAME;
  return answer;
}

Answer IsoTpReceiver::single(const uint8_t* frame, size_t length) {
  const bool is_long = length > CLASSIC_BYTES;
  const size_t header = is_long ? 2 : 1, total = frame[header - 1];  // the high half of byte 0 is 0
  if ((is_long && frame[0] != 0) || total == 0 || total > length - header) return {};
  Answer answer;
  answer.interrupted = going_;
  answer.outcome = Outcome::RECEIVED;
  stop();
  data_.assign(frame + header, frame + header + total);
  return answer;
}

Answer IsoTpReceiver::first(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns) {
  if (length < CLASSIC_BYTES) return {};
  size_t header = 2, total = size_t(frame[0] & 0x0F) << 8 | frame[1];
  if (total == 0) {
    header = 6;
    for (int i = 2; i < 6; ++i) total = total << 8 | frame[i];
    if (total <= SHORT_TOTAL) return {};
  }
  if (total <= length - header) return {};
  Answer answer;
  answer.interrupted = going_;
  stop();
  if (total > size_t(link.buffer_bytes)) {
    flow_control(link, OVERFLOWS, now_ns, answer);
    return answer;
  }
  going_ = true;
  total_ = total;
  count_ = 0;
  data_.assign(frame + header, frame + length);
  flow_control(link, CONTINUE, now_ns, answer);
  return answer;
}

Answer IsoTpReceiver::consecutive(const Link& link, const uint8_t* frame, size_t length, int64_t now_ns) {
  if (!going_ || length < 2) return {};
  Answer answer;
  count_ = (count_ + 1) & 0x0F;
  if ((frame[0] & 0x0F) != count_) {
    stop();
    answer.outcome = Outcome::OUT_OF_SEQUENCE;
    return answer;
  }
  data_.insert(data_.end(), frame + 1, frame + 1 + std::min(total_ - data_.size(), length - 1));
  if (data_.size() == total_) {
    stop();
    answer.outcome = Outcome::RECEIVED;
  } else if (--left_ == 0) {
    flow_control(link, CONTINUE, now_ns, answer);
  } else {
    deadline_ns_ = now_ns + link.timeout_ns;
  }
  return answer;
}

void IsoTpReceiver::flow_control(const Link& link, uint8_t status, int64_t now_ns, Answer& answer) {
  answer.release_ns = now_ns + link.flow_control_ns;
  answer.frame = {uint8_t(FLOW_CONTROL | status), uint8_t(link.block_size), uint8_t(link.stmin_byte)};
  answer.length = padded(link, answer.frame, 3);
  if (!going_) return;
  left_ = link.block_size ? link.block_size : NEVER;
  deadline_ns_ = answer.release_ns + link.timeout_ns;
}

void IsoTpReceiver::stop() {
  going_ = false;
  deadline_ns_ = NEVER;
}

}  // namespace twin
