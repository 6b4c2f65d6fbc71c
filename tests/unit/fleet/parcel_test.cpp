#include "fleet/parcel.hpp"

#include <doctest/doctest.h>

namespace heim::fleet::test {
namespace {

Parcel some_parcel(std::size_t size) {
  Parcel parcel{.primary = 7, .stamp = {{1, 2, 3}, {4, 5, 6}}, .cost_us = 1'500, .answer = {}};
  for (std::size_t i = 0; parcel.answer.size() < size; ++i) parcel.answer += std::to_string(i);
  parcel.answer.resize(size);
  return parcel;
}

bool is_same(const std::optional<Parcel>& got, const Parcel& wanted) {
  return got && got->primary == wanted.primary && got->stamp == wanted.stamp &&
         got->cost_us == wanted.cost_us && got->answer == wanted.answer;
}

}  // namespace

TEST_CASE("a parcel that is sealed and opened is what it was, and no other key opens it") {
  crypto::SystemRandom random;
  for (const bool encrypts : {false, true}) {
    for (const std::size_t compress_above : {std::size_t{0}, std::size_t{100}}) {
      const Seal seal("secret", {.encrypts = encrypts, .compress_above = compress_above});
      // Whoever reads goes by what it is, not by his own settings.
      const Seal plain("secret", {}), other("another", {});
      for (const std::size_t size : {0u, 50u, 100u, 20'000u}) {
        CAPTURE(encrypts);
        CAPTURE(compress_above);
        CAPTURE(size);
        const Parcel parcel = some_parcel(size);
        const std::string bytes = seal.close("key", parcel, random);
        CHECK(is_same(seal.open("key", bytes), parcel));
        CHECK(is_same(plain.open("key", bytes), parcel));
        CHECK(!other.open("key", bytes));
        CHECK(!seal.open("kez", bytes));
        const bool smaller = compress_above != 0 && size == 20'000 && Seal::can_compress();
        CHECK((bytes.size() < size) == smaller);
        CHECK((bytes.find(parcel.answer) == std::string::npos) ==
              (smaller || (encrypts && size > 0)));
      }
    }
  }
}

TEST_CASE("a parcel that was altered or cut short is none") {
  crypto::SystemRandom random;
  for (const bool encrypts : {false, true}) {
    const Seal seal("secret", {.encrypts = encrypts, .compress_above = 100});
    for (const std::size_t size : {50u, 5'000u}) {
      const std::string bytes = seal.close("key", some_parcel(size), random);
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string altered = bytes;
        altered[i] ^= 4;
        CHECK(!seal.open("key", altered));
        CHECK(!seal.open("key", std::string_view(bytes).substr(0, i)));
      }
      CHECK(!seal.open("key", bytes + "x"));
    }
  }
}

TEST_CASE("an answer that is larger than any may be is none, without being unpacked") {
  crypto::SystemRandom random;
  const Seal large("secret", {.largest = 1 << 20}), small("secret", {.largest = 1'000});
  Parcel parcel = some_parcel(0);
  parcel.answer.assign(100'000, 'x');
  const std::string bytes = large.close("key", parcel, random);
  CHECK(large.open("key", bytes));
  CHECK(!small.open("key", bytes));
}

}  // namespace heim::fleet::test
