// A frame bit by bit, for the rare frame that fails: twin/network/frames/wire.py in C++, which judges it.
#pragma once
#include <cstdint>
#include <vector>

#include "lengths.h"

namespace twin {

constexpr int64_t ERROR_FLAG_BITS = 6, ERROR_DELIMITER_BITS = 8, SUSPEND_BITS = 8;
constexpr int64_t UNKNOWN_FLAG_BITS = 12;  // where there are no bits to look at

struct WireFrame {
  std::vector<uint8_t> levels;  // [bit]: 0 dominant, 1 recessive; from the start of frame to the last bit of EOF
  int64_t stuffed_end;          // the bit behind the dynamically stuffed part
  int64_t crc_end;              // the CRC delimiter
  int64_t data_start, data_end; // the data phase of a CAN FD frame
};

WireFrame wire_frame(const Format& format, const uint8_t* payload);

// Bits that the superposed error flags take after the wrong bit of index `bit`.
int64_t error_flag_bits(const Format& format, const WireFrame& frame, int64_t bit, bool sender_passive);

}  // namespace twin
