// How lines of the schema are written: a key by its member, with what it may be. For schema.cpp
// and the parts of it.
#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "config/schema.hpp"

namespace heim::config {

template <class>
struct MemberOf;
template <class C, class T>
struct MemberOf<T C::*> {
  using Class = C;
  using Type = T;
};

template <auto Member>
constexpr Key key(std::string_view name, std::string_view pgbouncer, Rule rule,
                  std::string_view doc) {
  using Class = typename MemberOf<decltype(Member)>::Class;
  using Type = typename MemberOf<decltype(Member)>::Type;
  return Key{
      .name = name,
      .pgbouncer = pgbouncer,
      .rule = rule,
      .read = [](const Value& from, const Rule& how,
                 void* object) { return read(from, how, static_cast<Class*>(object)->*Member); },
      .write =
          [](const void* object, const Rule& how) {
            return write(static_cast<const Class*>(object)->*Member, how);
          },
      .type = [](const Rule& how) { return describe_type(static_cast<const Type*>(nullptr), how); },
      .secret = std::is_same_v<Type, Secret>,
      .doc = doc,
      .restart = {}};
}

inline constexpr std::int64_t ms = 1'000'000, s = 1000 * ms, year = 365 * 86'400 * s;
inline constexpr std::int64_t million = 1'000'000;

constexpr Rule is(Form form) { return {.form = form}; }
constexpr Rule range(std::int64_t min, std::int64_t max) { return {.min = min, .max = max}; }
inline constexpr Rule any{};
inline constexpr Rule port = range(1, 65535);
inline constexpr Rule count = range(0, million);
inline constexpr Rule positive = range(1, million);
inline constexpr Rule duration_or_none = range(0, 10 * year);
inline constexpr Rule positive_duration = range(ms, 10 * year);
inline constexpr Rule positive_bytes = range(1024, 1LL << 40), bytes_or_none = range(0, 1LL << 40);

}  // namespace heim::config
