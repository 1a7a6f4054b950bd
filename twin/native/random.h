// What chance decides: twin/network/engines/chance.py, all numbers modulo 2**64.
#pragma once
#include <cstdint>

namespace twin {

constexpr uint64_t JITTER_STREAM = uint64_t{1} << 32;

inline uint64_t mixed(uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

// 64 random bits: number `index` of a stream of a site.
inline uint64_t draw(uint64_t key, uint64_t stream, uint64_t index) {
  constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;
  return mixed(mixed(key + stream * GOLDEN) + index * GOLDEN);
}

}  // namespace twin
