// One text for all that PostgreSQL's scanner cuts into the same tokens.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"

namespace heim::sql {

/// The text without comments, with one blank between tokens, unquoted words in lower case, and no
/// semicolon at its end. Literals stay as they are. In `buffer`, or `text` itself where something
/// of it is not closed.
std::string_view one_spelling(std::string_view text, std::string& buffer);

/// Hashes of texts as they are in one spelling. Those that were asked for lately are found by the
/// hash of what they are, which a secret seed makes their name. [one thread]
class Spellings {
 public:
  explicit Spellings(std::uint64_t seed) : seed_(seed) {}
  /// Allocates nothing for a text that it has.
  Hash128 find(std::string_view text);

 private:
  struct Slot {
    Hash128 text, spelled;
  };
  static constexpr std::size_t slots = 2'048, longest = 4'096;  // of texts that are kept
  std::uint64_t seed_;
  std::vector<Slot> slots_;  // empty until it is first asked
  std::string buffer_;
};

}  // namespace heim::sql
