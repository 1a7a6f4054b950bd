// How many bits a frame takes, and how long bits take; judged by twin/network/frames/lengths.py and the SimPy engine.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace twin {

constexpr int64_t INTERFRAME_BITS = 3;

// All of a frame but its data: twin.network.frames.bits.FrameFormat.
struct Format {
  int64_t message, identifier, length;
  bool extended, fd, switches, remote;

  int64_t payload_bytes() const { return remote ? 0 : length; }
};

// `data` bits are those at the data bit rate: of frames that do not switch, all bits are nominal ones.
struct Bits {
  int64_t nominal, data;
};

// FrameTables of twin/network/frames/lengths.py, whose docstring says how to use them.
struct FrameTables {
  std::vector<int64_t> headers;          // [format, 6]
  std::vector<uint16_t> crc;             // [8, 256]
  std::vector<uint8_t> stuffing_7;       // [8, 128]
  std::vector<uint8_t> stuffing_8;       // [8, 256]
  std::vector<uint8_t> stuffing_8_last;  // [8, 256]

  Bits bits(size_t format, const uint8_t* payload) const;
};

// Durations on one segment, rounded half to even as NumPy's rint does.
class Durations {
 public:
  Durations(double bitrate_bit_s, double data_bitrate_bit_s);

  int64_t operator()(int64_t nominal, int64_t data) const {
    return data == 0 && nominal < int64_t(whole_.size()) ? whole_[nominal] : computed(nominal, data);
  }

 private:
  int64_t computed(int64_t nominal, int64_t data) const;

  double bitrate_bit_s_, data_bitrate_bit_s_;
  std::vector<int64_t> whole_;  // of nominal bits
};

}  // namespace twin
