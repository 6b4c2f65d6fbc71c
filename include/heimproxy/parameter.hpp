// parameter.hpp -- part of heimproxy.hpp: parameters of statements, values of rows that backends
// say.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "heimproxy/heimproxy.h"

namespace heimproxy {

/// A parameter of a statement. Texts and bytes are lent; nullptr and std::nullopt are NULL.
class Parameter {
 public:
  Parameter(std::nullptr_t) {}
  Parameter(std::string_view text) : data_(text.data() ? text.data() : ""), size_(text.size()) {}
  Parameter(const char* text) : Parameter(std::string_view(text)) {}
  Parameter(const std::string& text) : Parameter(std::string_view(text)) {}
  Parameter(bool truth) : Parameter(std::string_view(truth ? "t" : "f")) {}
  /// bytea, in binary.
  Parameter(std::span<const std::byte> bytes)
      : data_(bytes.data() ? reinterpret_cast<const char*>(bytes.data()) : ""),
        size_(bytes.size()),
        binary_(true) {}
  template <class Number>
  requires(std::integral<Number> || std::floating_point<Number>) &&
      (!std::same_as<Number, bool>)Parameter(Number number) : own_(true) {
    size_ = static_cast<std::size_t>(
        std::to_chars(digits_.data(), digits_.data() + digits_.size(), number).ptr -
        digits_.data());
  }
  template <class T>
  Parameter(const std::optional<T>& maybe) {
    if (maybe) *this = Parameter(*maybe);
  }
  /// A bool, a signed integer, a float or a double in binary, and of that very type, where the
  /// others are of the type that the server wants.
  template <class T>
  requires(sizeof(T) <= 8 && (std::same_as<T, bool> || (std::signed_integral<T> && sizeof(T) > 1) ||
                              std::floating_point<T>)) static Parameter binary(T value) {
    Parameter made(nullptr);
    made.own_ = made.binary_ = true;
    made.size_ = sizeof value;
    made.type_ = type_of<T>();
    const auto raw = std::bit_cast<std::array<char, sizeof value>>(value);
    constexpr bool is_little = std::endian::native == std::endian::little;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      made.digits_[i] = raw[is_little ? sizeof value - 1 - i : i];
    }
    return made;
  }
  /// Any type's bytes in binary, `type` being pg_type's oid. Lent.
  static Parameter binary(std::uint32_t type, std::span<const std::byte> bytes) {
    Parameter made(bytes);
    made.type_ = type;
    return made;
  }
  /// Lent for as long as this is.
  heim_value value() const {
    heim_value value{};
    value.data = own_ ? digits_.data() : data_;
    value.length = size_;
    value.type = type_;
    value.format = binary_ ? HEIM_FORMAT_BINARY : HEIM_FORMAT_TEXT;
    return value;
  }

 private:
  template <class T>
  static constexpr std::uint32_t type_of() {
    if constexpr (std::same_as<T, bool>) return 16;
    if constexpr (std::floating_point<T>) return sizeof(T) == 4 ? 700 : 701;
    return sizeof(T) == 2 ? 21 : sizeof(T) == 4 ? 23 : 20;
  }
  const char* data_ = nullptr;
  std::size_t size_ = 0;
  bool own_ = false;
  bool binary_ = false;
  std::uint32_t type_ = 0;
  std::array<char, 32> digits_{};
};

}  // namespace heimproxy
