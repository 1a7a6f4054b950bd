#include "lengths.h"

namespace twin {
namespace {

constexpr size_t KNOWN_DURATIONS = 1024;
constexpr int64_t CLASSIC = 0, FD_SWITCHING = 2;  // kinds of frames

}  // namespace

Bits FrameTables::bits(size_t format, const uint8_t* payload) const {
  const int64_t* header = &headers[6 * format];
  const int64_t length = header[0], data = header[4], kind = header[5];
  uint32_t state = uint32_t(header[1]), crc_value = uint32_t(header[2]), stuffed = 0;
  const auto shift = [&](uint32_t entry) { state = entry & 7, stuffed += entry >> 3; };
  if (kind == CLASSIC) {
    for (int64_t i = 0; i < length; ++i) {
      crc_value ^= crc[(8 - length + i) * 256 + payload[i]];
      shift(stuffing_8[state * 256 + payload[i]]);
    }
    shift(stuffing_7[state * 128 + (crc_value >> 8)]);
    shift(stuffing_8[state * 256 + (crc_value & 255)]);
    return {header[3] + stuffed, 0};
  }
  for (int64_t i = 0; i < length; ++i)
    shift((i + 1 < length ? stuffing_8 : stuffing_8_last)[state * 256 + payload[i]]);
  if (kind == FD_SWITCHING) return {header[3], data + stuffed};
  return {header[3] + data + stuffed, 0};
}

Durations::Durations(double bitrate_bit_s, double data_bitrate_bit_s)
    : bitrate_bit_s_(bitrate_bit_s), data_bitrate_bit_s_(data_bitrate_bit_s) {
  for (size_t bits = 0; bits < KNOWN_DURATIONS; ++bits) whole_.push_back(computed(bits, 0));
}

int64_t Durations::computed(int64_t nominal, int64_t data) const {
  return int64_t(std::nearbyint(double(nominal) * 1e9 / bitrate_bit_s_ + double(data) * 1e9 / data_bitrate_bit_s_));
}

}  // namespace twin
