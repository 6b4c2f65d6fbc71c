// result.hpp -- part of heimproxy.hpp: errors and results.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "heimproxy/heimproxy.h"

namespace heimproxy {

using Nanoseconds = std::chrono::nanoseconds;
inline constexpr Nanoseconds forever = Nanoseconds::max();

/// Why a call failed. `sqlstate` is empty if there is none.
class Error : public std::runtime_error {
 public:
  explicit Error(const heim_error& error)
      : std::runtime_error(error.message), status_(error.status), sqlstate_(error.sqlstate) {}
  /// One of the program's own, as a backend has it.
  Error(heim_status status, std::string sqlstate, const std::string& message)
      : std::runtime_error(message), status_(status), sqlstate_(std::move(sqlstate)) {}
  heim_status status() const noexcept { return status_; }
  const std::string& sqlstate() const noexcept { return sqlstate_; }

 private:
  heim_status status_;
  std::string sqlstate_;
};

/// A value, or why there is none: as std::expected<T, Error> of C++23.
template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T& operator*() noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const noexcept { return *std::get_if<0>(&state_); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  T& value() & { return check(), **this; }
  T&& value() && { return check(), std::move(**this); }
  const Error& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  void check() const {
    if (!has_value()) throw error();
  }
  std::variant<T, Error> state_;
};

namespace detail {

/// `call` with a heim_error; throws what it says.
template <class Call>
void check(Call&& call) {
  heim_error error;
  if (call(&error) != HEIM_OK) throw Error(error);
}
/// What `call` lends, as a copy.
template <class Call>
std::string text(Call&& call) {
  const char* out = "";
  check([&](heim_error* error) { return call(&out, error); });
  return out;
}
template <class Call>
auto attempt(Call&& call) -> Expected<decltype(call())> {
  try {
    return call();
  } catch (const Error& error) {
    return error;
  }
}
inline std::uint64_t limit(Nanoseconds time) {
  return time == forever ? HEIM_FOREVER
                         : static_cast<std::uint64_t>(std::max(time, Nanoseconds(0)).count());
}
inline heim_column column(const heim_result* result, std::size_t index) {
  heim_column about{};
  about.struct_size = sizeof about;
  check([&](heim_error* error) { return heim_result_column(result, index, &about, error); });
  return about;
}
inline const char* or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}
template <auto free>
struct Free {
  template <class Handle>
  void operator()(Handle* handle) const {
    free(handle);
  }
};

}  // namespace detail

/// One value of a row. Lent.
class Value {
 public:
  Value(const heim_result* result, std::size_t row, std::size_t column)
      : result_(result), row_(row), column_(column) {}
  bool is_null() const { return heim_result_is_null(result_, row_, column_) != 0; }
  /// Its bytes; empty if it is NULL.
  std::string_view text() const {
    std::size_t length = 0;
    const void* bytes = heim_result_value(result_, row_, column_, &length);
    return bytes ? std::string_view(static_cast<const char*>(bytes), length) : std::string_view();
  }
  /// The same, as what is in binary is looked at.
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(text())); }
  /// In text or in binary. T: bool, an integer, double, float, std::string, or std::optional of
  /// one: NULL is nothing, and an Error (VALUE) for the others, as is what does not fit.
  template <class T>
  T as() const {
    if constexpr (requires {
                    typename T::value_type;
                    T(std::nullopt);
                  }) {
      return is_null() ? T() : T(as<typename T::value_type>());
    } else if constexpr (std::same_as<T, bool>) {
      return read<int>(heim_result_bool) != 0;
    } else if constexpr (std::integral<T>) {
      const std::int64_t wide = read<std::int64_t>(heim_result_int64);
      if (!std::in_range<T>(wide)) fail("the number does not fit");
      return static_cast<T>(wide);
    } else if constexpr (std::floating_point<T>) {
      return static_cast<T>(read<double>(heim_result_double));
    } else {
      if (is_null()) fail("the value is NULL");
      return T(text());
    }
  }

 private:
  template <class Out, class Reader>
  Out read(Reader reader) const {
    Out out{};
    detail::check([&](heim_error* error) { return reader(result_, row_, column_, &out, error); });
    return out;
  }
  [[noreturn]] static void fail(const char* why) { throw Error(HEIM_VALUE, {}, why); }
  const heim_result* result_;
  std::size_t row_, column_;
};

/// One row. Lent.
class Row {
 public:
  Row(const heim_result* result, std::size_t row) : result_(result), row_(row) {}
  std::size_t size() const { return heim_result_columns(result_); }
  template <std::integral Index>
  Value operator[](Index column) const {
    return {result_, row_, static_cast<std::size_t>(column)};
  }
  /// The first column of that name; one that there is not has no values.
  Value operator[](const char* name) const {
    return {result_, row_, heim_result_find(result_, name)};
  }
  heim_column column(std::size_t index) const { return detail::column(result_, index); }

 private:
  const heim_result* result_;
  std::size_t row_;
};

/// What a statement answered: a random-access range of rows. Lent.
class Result {
 public:
  Result() = default;
  explicit Result(const heim_result* result) : result_(result) {}
  const heim_result* handle() const { return result_; }
  heim_kind kind() const { return heim_result_kind(result_); }
  std::string_view tag() const { return heim_result_tag(result_); }
  std::uint64_t affected() const { return heim_result_affected(result_); }
  std::size_t size() const { return heim_result_rows(result_); }
  bool empty() const { return size() == 0; }
  Row operator[](std::size_t row) const { return {result_, row}; }
  std::size_t columns() const { return heim_result_columns(result_); }
  heim_column column(std::size_t index) const { return detail::column(result_, index); }
  auto begin() const { return Iterator{result_, 0}; }
  auto end() const { return Iterator{result_, size()}; }

 private:
  struct Iterator {
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    const heim_result* result = nullptr;
    std::size_t row = 0;
    Row operator*() const { return {result, row}; }
    Iterator& operator++() {
      ++row;
      return *this;
    }
    Iterator operator++(int) { return {result, row++}; }
    bool operator==(const Iterator&) const = default;
  };
  const heim_result* result_ = nullptr;
};

}  // namespace heimproxy
