// Sixteen bytes of a text, looked at together. For this folder.
//
// The vectors are the compiler's, not those of one processor. The one instruction that it does not
// find by itself is named.
#pragma once
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace heim::sql {

static_assert(std::endian::native == std::endian::little);

class Chunk {
 public:
  static constexpr std::size_t size = 16;

  /// Reads so many bytes.
  explicit Chunk(const char* from) { std::memcpy(&lanes_, from, size); }
  /// Writes so many bytes.
  void store(char* to) const { std::memcpy(to, &lanes_, size); }

  /// The first eight bytes as a number, the first of them its lowest byte.
  std::uint64_t head() const { return ((Halves)lanes_)[0]; }

  /// With ASCII letters in lower case.
  Chunk folded() const { return Chunk(lanes_ | ((Lanes)(lanes_ - 'A' < 26) & 0x20)); }

  /// A bit for each byte that may stand in an identifier, the first byte's lowest.
  std::uint64_t identifier_bits() const {
    const Lanes letter = (Lanes)((lanes_ | 0x20) - 'a' < 26), digit = (Lanes)(lanes_ - '0' < 10);
    const Lanes sign = (Lanes)(lanes_ == '_') | (Lanes)(lanes_ == '$');
    return bits(letter | digit | sign | lanes_);  // bytes above 0x7f are letters
  }

  /// A bit for each blank.
  std::uint64_t blank_bits() const { return bits((Lanes)(lanes_ == ' ')); }

  /// How many bytes it begins with that are neither of these.
  std::size_t run_without(char a, char b) const {
    const Lanes found = (Lanes)(lanes_ == byte(a)) | (Lanes)(lanes_ == byte(b));
    return static_cast<std::size_t>(std::countr_zero(bits(found) | std::uint64_t{1} << size));
  }

 private:
  using Lanes = std::uint8_t __attribute__((vector_size(16)));
  using Halves = std::uint64_t __attribute__((vector_size(16)));

  explicit Chunk(Lanes lanes) : lanes_(lanes) {}
  static std::uint8_t byte(char character) { return static_cast<std::uint8_t>(character); }

  /// The highest bits of all bytes.
  static std::uint64_t bits(Lanes mask) {
#ifdef __SSE2__
    return static_cast<std::uint64_t>(_mm_movemask_epi8((__m128i)mask));
#else
    const auto gathered = [](std::uint64_t half) {
      return ((half & 0x8080808080808080) >> 7) * 0x0102040810204080 >> 56;
    };
    const auto halves = (Halves)mask;
    return gathered(halves[0]) | gathered(halves[1]) << 8;
#endif
  }

  Lanes lanes_;
};

/// Where identifiers and blanks are in a stretch of a text. It is read at once, so that to find the
/// end of one takes no more than a shift.
class TextMap {
 public:
  static constexpr std::size_t size = 64;

  /// The end of what may be an identifier and begins at `from`.
  std::size_t identifier_end(std::string_view text, std::size_t from) {
    for (;;) {
      if (from - begin_ >= size) read(text, from & ~(size - 1));
      from += static_cast<std::size_t>(std::countr_one(inside_ >> (from - begin_)));
      if (from - begin_ < size) return from;
    }
  }

  /// `at`, or behind the blank there if it is known to be one.
  std::size_t behind_blank(std::size_t at) const {
    const std::size_t offset = at - begin_;
    return offset < size ? at + (blanks_ >> offset & 1) : at;
  }

 private:
  void read(std::string_view text, std::size_t begin) {
    char padded[size];
    const char* bytes = text.data() + begin;
    if (text.size() - begin < size) {
      std::memset(padded, 0, size);
      bytes = static_cast<const char*>(std::memcpy(padded, bytes, text.size() - begin));
    }
    begin_ = begin;
    inside_ = blanks_ = 0;
    for (std::size_t at = 0; at < size; at += Chunk::size) {
      const Chunk chunk(bytes + at);
      inside_ |= chunk.identifier_bits() << at;
      blanks_ |= chunk.blank_bits() << at;
    }
  }

  std::size_t begin_ = SIZE_MAX - size;    // nowhere
  std::uint64_t inside_ = 0, blanks_ = 0;  // a bit a byte
};

/// Where one of two bytes stands at or behind `from`; the text's size if neither does.
inline std::size_t find_either(std::string_view text, std::size_t from, char a, char b) {
  while (from + Chunk::size <= text.size()) {
    const std::size_t run = Chunk(text.data() + from).run_without(a, b);
    from += run;
    if (run < Chunk::size) return from;
  }
  while (from < text.size() && text[from] != a && text[from] != b) ++from;
  return from;
}

}  // namespace heim::sql
