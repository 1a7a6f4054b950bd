#include "codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

static_assert(std::endian::native == std::endian::little, "payloads are read as little-endian words");

namespace twin {
namespace {

constexpr size_t BLOCK = 128;  // rows whose words and raw values stay in the first cache
constexpr double NOT_SENT = std::numeric_limits<double>::quiet_NaN();

// Integers of up to 51 bits go to and from float64 by its mantissa, which compilers make vector code of: added to
// 1.5 * 2**52, a number is rounded half to even and stands in the low bits.
constexpr size_t NARROW_BITS = 51;
constexpr double ROUND = 0x1.8p52, UNIT = 0x1p52;

uint64_t mask(size_t bits) { return ~uint64_t(0) >> (64 - bits); }

uint64_t load_word(const uint8_t* bytes, size_t count) {
  uint64_t word = 0;
  if (count == 8) std::memcpy(&word, bytes, 8);
  else for (size_t i = 0; i < count; ++i) word |= uint64_t(bytes[i]) << 8 * i;
  return word;
}

void store_word(uint64_t word, uint8_t* bytes, size_t count) {
  if (count == 8) std::memcpy(bytes, &word, 8);
  else for (size_t i = 0; i < count; ++i) bytes[i] = uint8_t(word >> 8 * i);
}

double of_half(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  double value = exponent ? std::ldexp(fraction + 1024, exponent - 25) : std::ldexp(fraction, -24);
  if (exponent == 31) value = fraction ? NOT_SENT : std::numeric_limits<double>::infinity();
  return half >> 15 ? -value : value;
}

uint16_t to_half(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return sign | 0x7e00;
  value = std::min(std::abs(value), 65536.0);
  const int exponent = std::max(std::ilogb(value) + 1, -13);  // of zero too: its ilogb is the lowest there is
  // In units of the last place; a carry goes on into the exponent, and at last to infinity.
  const double units = std::nearbyint(std::ldexp(value, 11 - exponent));
  return uint16_t(sign | std::min((exponent + 13) * 1024 + int(units), 0x7c00));
}

// A number beyond both ends ends at the highest, as in NumPy's maximum and minimum; NaN passes.
double between(double value, double lowest, double highest) {
  value = value < lowest ? lowest : value;
  return value > highest ? highest : value;
}

template <class To>
void each(size_t rows, To&& one) {
  for (size_t i = 0; i < rows; ++i) one(i);
}

void move(const uint64_t* from, size_t down, size_t bits, size_t up, size_t rows, uint64_t* to) {
  const uint64_t wanted = mask(bits);
  each(rows, [=](size_t i) { to[i] |= (from[i] >> down & wanted) << up; });
}

void to_raw(const Signal& s, const double* physical, size_t rows, uint64_t* raw) {
  const double scale = s.scale, offset = s.offset, lowest = s.lowest, highest = s.highest, missing = s.missing;
  const auto scaled = [=](size_t i) { return (physical[i] - offset) / scale; };
  const auto whole = [=](size_t i) {
    const double value = between(scaled(i), lowest, highest);
    return value == value ? value : missing;
  };
  if (s.floating && s.bits == 16) each(rows, [=](size_t i) { raw[i] = to_half(scaled(i)); });
  else if (s.floating && s.bits == 32) each(rows, [=](size_t i) { raw[i] = std::bit_cast<uint32_t>(float(scaled(i))); });
  else if (s.floating) each(rows, [=](size_t i) { raw[i] = std::bit_cast<uint64_t>(scaled(i)); });
  else if (s.bits <= NARROW_BITS) each(rows, [=](size_t i) { raw[i] = std::bit_cast<uint64_t>(whole(i) + ROUND); });
  else if (s.is_signed) each(rows, [=](size_t i) { raw[i] = uint64_t(int64_t(std::nearbyint(whole(i)))); });
  else each(rows, [=](size_t i) { raw[i] = uint64_t(std::nearbyint(whole(i))); });
  // No bits of a signal's neighbours: of its own there are only so many.
  const uint64_t own = mask(s.bits);
  each(rows, [=](size_t i) { raw[i] &= own; });
}

void to_physical(const Signal& s, const uint64_t* raw, size_t rows, double* physical) {
  const double scale = s.scale, offset = s.offset;
  const uint64_t sign = s.is_signed && !s.floating ? uint64_t(1) << (s.bits - 1) : 0;
  const auto set = [=](size_t i, double value) { physical[i] = value * scale + offset; };
  if (s.floating && s.bits == 16) each(rows, [=](size_t i) { set(i, of_half(uint16_t(raw[i]))); });
  else if (s.floating && s.bits == 32) each(rows, [=](size_t i) { set(i, std::bit_cast<float>(uint32_t(raw[i]))); });
  else if (s.floating) each(rows, [=](size_t i) { set(i, std::bit_cast<double>(raw[i])); });
  else if (s.bits <= NARROW_BITS) {
    const double zero = UNIT + double(sign);
    const uint64_t unit = std::bit_cast<uint64_t>(UNIT);
    each(rows, [=](size_t i) { set(i, std::bit_cast<double>((raw[i] ^ sign) | unit) - zero); });
  }
  else if (s.is_signed) each(rows, [=](size_t i) { set(i, double(int64_t((raw[i] ^ sign) - sign))); });
  else each(rows, [=](size_t i) { set(i, double(raw[i])); });
}

}  // namespace

void collect(const Mailboxes& from, const Boxes& boxes, uint8_t* payload, int64_t* time_ns) {
  const int64_t* box = boxes.box;
  for (size_t row = 0; row < boxes.rows; ++row)
    for (size_t i = 0; i < boxes.senders * boxes.frames; ++i, ++box, ++time_ns, payload += from.width) {
      const size_t place = size_t(boxes.site[row]) * from.boxes + size_t(*box);
      *time_ns = *box < 0 ? -1 : from.time_ns[place];
      if (*box < 0) std::memset(payload, 0, from.width);
      else std::memcpy(payload, from.payload + place * from.width, from.width);
    }
}

// Columns of up to BLOCK rows each.
struct Codec::Block {
  Block(size_t words, size_t signals, size_t selections)
      : words(words * BLOCK), raw(signals * BLOCK), present(selections ? signals * BLOCK : 0) {}
  size_t rows = 0;
  std::vector<uint64_t> words, raw, present;  // present: all bits or none
};

Codec::Codec(size_t length, std::vector<Signal> signals, std::vector<Run> runs, std::vector<Selection> selections)
    : length_(length), words_((length + 7) / 8), signals_(std::move(signals)), runs_(std::move(runs)),
      selections_(std::move(selections)) {
  for (const Run& run : runs_) any_big_endian_ |= run.word >= words_;
}

void Codec::load(const uint8_t* payload, size_t stride, Block& block) const {
  for (size_t word = 0; word < words_; ++word) {
    uint64_t* column = &block.words[word * BLOCK];
    const size_t bytes = std::min<size_t>(8, length_ - 8 * word);
    for (size_t i = 0; i < block.rows; ++i) column[i] = load_word(payload + i * stride + 8 * word, bytes);
  }
  if (!any_big_endian_) return;
  uint64_t* reversed = &block.words[words_ * BLOCK];
  for (size_t i = 0; i < words_ * BLOCK; ++i) reversed[i] = __builtin_bswap64(block.words[i]);
}

void Codec::store(const Block& block, uint8_t* payload) const {
  for (size_t word = 0; word < words_; ++word) {
    const uint64_t* column = &block.words[word * BLOCK];
    const uint64_t* reversed = any_big_endian_ ? &block.words[(words_ + word) * BLOCK] : nullptr;
    const size_t bytes = std::min<size_t>(8, length_ - 8 * word);
    for (size_t i = 0; i < block.rows; ++i) {
      const uint64_t content = reversed ? column[i] | __builtin_bswap64(reversed[i]) : column[i];
      store_word(content, payload + i * length_ + 8 * word, bytes);
    }
  }
}

// Find where each signal is part of the frame, from the raw values of the multiplexers.
void Codec::select(Block& block) const {
  std::fill(block.present.begin(), block.present.end(), ~uint64_t(0));
  for (const Selection& one : selections_) {
    const uint64_t *pages = &block.raw[one.multiplexer * BLOCK], *paged = &block.present[one.multiplexer * BLOCK];
    uint64_t* present = &block.present[one.signal * BLOCK];
    std::fill(present, present + block.rows, 0);
    for (const auto& [first, last] : one.ranges)
      each(block.rows, [=, first = first, span = last - first](size_t i) {
        present[i] |= -uint64_t(pages[i] - first <= span);
      });
    each(block.rows, [=](size_t i) { present[i] &= paged[i]; });
  }
}

void Codec::encode(const double* physical, size_t rows, uint8_t* payload) const {
  Block block(words_ * (1 + any_big_endian_), signals_.size(), selections_.size());
  for (size_t first = 0; first < rows; first += BLOCK) {
    block.rows = std::min(BLOCK, rows - first);
    for (size_t s = 0; s < signals_.size(); ++s)
      to_raw(signals_[s], physical + s * rows + first, block.rows, &block.raw[s * BLOCK]);
    if (!selections_.empty()) {
      select(block);
      for (size_t i = 0; i < block.raw.size(); ++i) block.raw[i] &= block.present[i];
    }
    std::fill(block.words.begin(), block.words.end(), 0);
    for (const Run& run : runs_) {
      const uint64_t* from = &block.raw[run.signal * BLOCK];
      move(from, run.signal_shift, run.bits, run.word_shift, block.rows, &block.words[run.word * BLOCK]);
    }
    store(block, payload + first * length_);
  }
}

void Codec::decode(const uint8_t* payload, size_t stride, size_t rows, double* physical) const {
  Block block(words_ * (1 + any_big_endian_), signals_.size(), selections_.size());
  for (size_t first = 0; first < rows; first += BLOCK) {
    block.rows = std::min(BLOCK, rows - first);
    load(payload + first * stride, stride, block);
    std::fill(block.raw.begin(), block.raw.end(), 0);
    for (const Run& run : runs_) {
      const uint64_t* from = &block.words[run.word * BLOCK];
      move(from, run.word_shift, run.bits, run.signal_shift, block.rows, &block.raw[run.signal * BLOCK]);
    }
    for (size_t s = 0; s < signals_.size(); ++s)
      to_physical(signals_[s], &block.raw[s * BLOCK], block.rows, physical + s * rows + first);
    if (!selections_.empty()) select(block);
    for (const Selection& one : selections_) {
      const uint64_t* present = &block.present[one.signal * BLOCK];
      double* values = physical + one.signal * rows + first;
      each(block.rows, [=](size_t i) { values[i] = present[i] ? values[i] : NOT_SENT; });
    }
  }
}

}  // namespace twin
