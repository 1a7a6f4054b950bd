#include "wire.h"

#include <algorithm>
#include <array>

namespace twin {
namespace {

constexpr uint8_t DOMINANT = 0, RECESSIVE = 1;
constexpr int64_t LONGEST_RUN = 5, DLC_BITS = 4;
constexpr int64_t FIXED_STUFF_PERIOD = 5;  // a fixed stuff bit, then four bits of the CRC field
constexpr std::array<uint32_t, 8> STUFF_COUNT = {0b0000, 0b0011, 0b0110, 0b0101, 0b1100, 0b1111, 0b1010, 0b1001};
constexpr std::array<int64_t, 16> FD_LENGTHS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

using Levels = std::vector<uint8_t>;

void append(Levels& bits, uint64_t value, int width) {
  for (int place = width - 1; place >= 0; --place) bits.push_back(value >> place & 1);
}

// Equal levels that end with the last one.
int64_t run_at_end(const Levels& levels) {
  const auto other = std::find(levels.rbegin(), levels.rend(), 1 - levels.back());
  return other - levels.rbegin();
}

// With a stuff bit after every five equal levels, but for one behind the last bit.
Levels stuffed(const Levels& bits) {
  Levels levels;
  int64_t run = 0;
  for (const uint8_t bit : bits) {
    if (run == LONGEST_RUN) levels.push_back(1 - levels.back()), run = 1;
    run = !levels.empty() && levels.back() == bit ? run + 1 : 1;
    levels.push_back(bit);
  }
  return levels;
}

uint32_t crc(const Levels& bits, int width, uint32_t polynomial, uint32_t value) {
  const uint32_t mask = (1u << width) - 1;
  for (const uint8_t bit : bits) value = (value << 1 & mask) ^ ((value >> (width - 1) ^ bit) & 1 ? polynomial : 0);
  return value;
}

// Start of frame, identifier, and RTR (or RRS).
void append_arbitration(Levels& bits, const Format& format) {
  bits.push_back(DOMINANT);
  if (format.extended) {
    append(bits, format.identifier >> 18, 11);
    append(bits, 0b11, 2);  // SRR, IDE
    append(bits, format.identifier & 0x3FFFF, 18);
  } else {
    append(bits, format.identifier, 11);
  }
  bits.push_back(format.remote);
}

void append_data(Levels& bits, const Format& format, const uint8_t* payload) {
  for (int64_t i = 0; i < format.payload_bytes(); ++i) append(bits, payload[i], 8);
}

void append_end(Levels& levels) {
  append(levels, 0b101, 3);  // CRC delimiter, ACK slot as receivers make it, ACK delimiter
  append(levels, 0b1111111, 7);
}

WireFrame classic_frame(const Format& format, const uint8_t* payload) {
  Levels bits;
  append_arbitration(bits, format);
  append(bits, 0, 2);  // IDE and r0, or r1 and r0
  append(bits, format.length, 4);
  append_data(bits, format, payload);
  append(bits, crc(bits, 15, 0x4599, 0), 15);
  WireFrame frame{stuffed(bits), 0, 0, 0, 0};
  if (run_at_end(frame.levels) == LONGEST_RUN) frame.levels.push_back(1 - frame.levels.back());
  frame.stuffed_end = frame.crc_end = frame.data_start = frame.data_end = frame.levels.size();
  append_end(frame.levels);
  return frame;
}

// Stuff count, parity and CRC, with a fixed stuff bit in front of every four bits.
void append_fd_crc(Levels& levels, size_t stuff_bits, int64_t length) {
  Levels field, covered = levels;
  append(field, STUFF_COUNT[stuff_bits % 8], 4);
  covered.insert(covered.end(), field.begin(), field.end());
  if (length <= 16)
    append(field, crc(covered, 17, 0x1685B, 1 << 16), 17);
  else
    append(field, crc(covered, 21, 0x102899, 1 << 20), 21);
  for (size_t place = 0; place < field.size(); ++place) {
    if (place % 4 == 0) levels.push_back(1 - levels.back());
    levels.push_back(field[place]);
  }
}

WireFrame fd_frame(const Format& format, const uint8_t* payload) {
  Levels bits;
  append_arbitration(bits, format);
  if (!format.extended) bits.push_back(DOMINANT);  // IDE
  append(bits, 0b10, 2);                           // FDF, res
  bits.push_back(format.switches);
  const int64_t data_start = stuffed(bits).size();
  bits.push_back(DOMINANT);  // ESI of an error-active sender
  append(bits, std::find(FD_LENGTHS.begin(), FD_LENGTHS.end(), format.length) - FD_LENGTHS.begin(), 4);
  append_data(bits, format, payload);
  WireFrame frame{stuffed(bits), 0, 0, data_start, 0};
  frame.stuffed_end = frame.levels.size();
  append_fd_crc(frame.levels, frame.levels.size() - bits.size(), format.length);
  frame.crc_end = frame.levels.size();
  frame.data_end = frame.crc_end + 1;
  append_end(frame.levels);
  return frame;
}

// Equal levels that end with the wrong bit.
int64_t run_with_wrong_bit(const WireFrame& frame, int64_t bit) {
  const uint8_t level = 1 - frame.levels[bit];
  int64_t run = 1;
  while (run <= bit && frame.levels[bit - run] == level) ++run;
  return run;
}

// Whether receivers find a stuff error or a form error in the wrong bit itself.
bool receivers_notice(const WireFrame& frame, int64_t bit) {
  if (bit < frame.stuffed_end) return run_with_wrong_bit(frame, bit) > LONGEST_RUN;
  if (bit < frame.crc_end) return (bit - frame.stuffed_end) % FIXED_STUFF_PERIOD == 0;
  return true;
}

// Levels [start, end) of the dynamically stuffed part; a stuff bit is what follows five equal levels.
Levels without_stuff_bits(const WireFrame& frame, int64_t start, int64_t end) {
  Levels bits;
  for (int64_t index = start; index < end; ++index) {
    const auto level = frame.levels.begin() + index;
    if (index < LONGEST_RUN || std::count(level - LONGEST_RUN, level, level[-1]) < LONGEST_RUN) bits.push_back(*level);
  }
  return bits;
}

// Bits of the dynamically stuffed part that receivers still expect behind the wrong one, if a flag follows.
int64_t stuffed_bits_left(const Format& format, const WireFrame& frame, int64_t bit, uint8_t flag_level) {
  int64_t left = without_stuff_bits(frame, bit + 1, frame.stuffed_end).size();
  if (format.fd && bit >= frame.data_start) {
    Levels since_esi = without_stuff_bits(frame, frame.data_start, bit);
    since_esi.push_back(1 - frame.levels[bit]);
    const int64_t missing = 1 + DLC_BITS - static_cast<int64_t>(since_esi.size());
    if (missing >= 0) {
      since_esi.resize(1 + DLC_BITS, flag_level);
      size_t dlc = 0;
      for (int64_t place = 1; place <= DLC_BITS; ++place) dlc = dlc << 1 | since_esi[place];
      left = missing + 8 * FD_LENGTHS[dlc];
    }
  }
  const bool stuff_bit = run_with_wrong_bit(frame, bit) == LONGEST_RUN && !(format.fd && left == 0);
  return left + stuff_bit;
}

// Bits of the sender's flag that receivers see until they find an error, the last one included.
int64_t bits_until_noticed(const Format& format, const WireFrame& frame, int64_t bit, uint8_t flag_level) {
  const bool same_level = frame.levels[bit] != flag_level;
  int64_t stuff_error = LONGEST_RUN + 1 - (same_level ? run_with_wrong_bit(frame, bit) : 0);
  // The CRC delimiter of a classic frame, or the next fixed stuff bit of a CAN FD frame.
  const int64_t next_fixed = bit < frame.stuffed_end
                                 ? stuffed_bits_left(format, frame, bit, flag_level) + 1
                                 : FIXED_STUFF_PERIOD - (bit - frame.stuffed_end) % FIXED_STUFF_PERIOD;
  const int64_t delimiter = format.fd ? frame.crc_end - bit : next_fixed;
  if (format.fd && (same_level || next_fixed > 1)) stuff_error = std::min(stuff_error, next_fixed);
  if (stuff_error <= delimiter) return stuff_error;
  return flag_level == DOMINANT ? delimiter : std::min(delimiter + 2, ERROR_FLAG_BITS);
}

}  // namespace

WireFrame wire_frame(const Format& format, const uint8_t* payload) {
  return format.fd ? fd_frame(format, payload) : classic_frame(format, payload);
}

int64_t error_flag_bits(const Format& format, const WireFrame& frame, int64_t bit, bool sender_passive) {
  if (receivers_notice(frame, bit)) return ERROR_FLAG_BITS;
  if (format.switches && frame.data_start <= bit && bit < frame.data_end) return ERROR_FLAG_BITS + 1;
  if (bit == 0 && sender_passive) return ERROR_FLAG_BITS;  // nobody knows of a frame
  return bits_until_noticed(format, frame, bit, sender_passive ? RECESSIVE : DOMINANT) + ERROR_FLAG_BITS;
}

}  // namespace twin
