// What members of a fleet tell each other: one message carries who sends it, what he has heard of
// the others, and commits that begin and end.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"

namespace heim::fleet {

/// A member by its name. The same in all processes.
using MemberId = std::uint64_t;
inline MemberId member_id(std::string_view name) { return hash128(name, 0).low; }

/// A table, by names that are the same for all members. `database` is empty for what is of none.
struct TableName {
  std::string database, table;
  bool operator==(const TableName&) const = default;
};

struct Item {
  enum class Kind : std::uint8_t { begins, committed, rolled_back, unknown };
  Kind kind = Kind::begins;
  std::uint64_t commit = 0;  // of its process
  /// Of one that begins; and of one that ends, for those who came in between.
  std::vector<TableName> tables;
  bool objects = false;  // it may change what tables, views and functions are, too
  bool operator==(const Item&) const = default;
};

struct Message {
  /// How far somebody has heard another one.
  struct Heard {
    MemberId member = 0;
    std::uint64_t run = 0, number = 0;
    bool operator==(const Heard&) const = default;
  };
  std::string name;           // of the sender
  std::uint64_t process = 0;  // a number of its own for each
  std::uint64_t run = 0;      // each time it joins gets a greater one
  std::uint64_t number = 0;   // in this run: 1, 2, 3 ...
  bool first = false;         // in this run
  bool clean = false;         // all it has committed since the message before was told to the fleet
  bool leaves = false;        // in good order: nothing comes after this
  bool repeats = false;       // all it has in flight begins here, again
  bool asks = false;          // to be told at once that this was heard
  std::uint64_t lease_ns = 0;  // for how long it trusts what it has heard
  std::vector<Heard> heard;
  std::vector<Item> items;
  std::vector<Hash128> queries;  // fingerprints: all answers to them are void
  bool operator==(const Message&) const = default;
};

class Reader;
void put(std::string& out, const std::vector<Message::Heard>& heard);
std::vector<Message::Heard> read_heard(Reader& reader);

std::string encode(const Message& message);
/// Nothing: it is none of ours, or of another version.
std::optional<Message> decode(std::string_view bytes);

}  // namespace heim::fleet
