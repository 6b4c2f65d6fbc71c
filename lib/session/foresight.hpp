// What is asked next: "this question, then that one with values of its answer", learned from what
// clients do, and told when the first is answered.
//
// A link leads from one form of question to another: a statement with its formats. It says of which
// columns the other's parameters are, all of one row. It counts how often the first was answered,
// and how often the other followed; it is believed once that was so several times, and more often
// than not. Who runs through the rows of a list (a statement for each) asks for more than one row:
// so many as were asked for on average are foreseen. Integers are the same however they are
// written.
//
// No I/O, no clock. Not for threads: one a worker.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/hash.hpp"

namespace heim::session {

/// A question of the extended protocol, but for its parameters.
struct Form {
  Hash128 id;                // of all that follows
  std::string_view content;  // of its Parse: text, zero, types
  Bytes formats;             // of the result's columns: two bytes each, as in a Bind
  bool describes = false;
};

class Foresight {
 public:
  static constexpr std::size_t most_forms = 1'024, links_each = 4, trails_each = 3;
  static constexpr std::size_t most_rows = 16, most_columns = 8, most_parameters = 4;
  static constexpr std::size_t longest_value = 64;
  static constexpr Duration memory = std::chrono::seconds(2);  // what follows later is by chance
  static constexpr std::uint32_t least = 3;                    // so often it has to have followed

  /// A value and how it is written. One that is NULL or too long is empty, and leads nowhere.
  struct Value {
    std::string text;
    bool binary = false;
    bool operator==(const Value&) const = default;
  };
  using Row = std::vector<Value>;
  /// What a client was answered last.
  struct Trail {
    Hash128 form;
    std::vector<Row> rows;
    std::vector<Hash128> followed;  // by what already
    Instant at{};
  };
  using Trails = std::vector<Trail>;

  struct Next {
    Form form;
    std::string parameters;  // as in a Bind: formats and values
  };

  /// It asks: learns from what it was answered before.
  void asked(Trails& trails, const Form& form, Bytes parameters, Instant now);
  /// `answer`: rows and what stands around them, as the cache keeps it. Tells what comes next, in
  /// the order in which rows lead to it. Lent until the next call.
  std::vector<Next> answered(Trails& trails, const Form& form, Bytes answer, Instant now);

  std::size_t forms() const { return links_.size(); }

 private:
  using Columns = std::vector<std::uint32_t>;  // by parameter: a bit for each that it may be of
  struct Link {
    Hash128 to;
    std::string content, formats;
    bool describes = false;
    Columns columns;
    Row example;  // its parameters, as they were written last
    std::uint32_t answered = 0, followed = 0, rows = 0;
    bool is_believed() const { return followed >= least && followed * 2 >= answered; }
    Form form() const { return {to, content, as_bytes(formats), describes}; }
  };

  static Columns columns_of(const Row& row, const Row& values);
  static std::string parameters_of(const Link& link, const Row& row);
  void learn(Trail& trail, const Columns& columns, const Form& form, const Row& values);
  Link& link_of(const Hash128& from, const Form& form, const Columns& columns);

  struct Hasher {
    std::size_t operator()(const Hash128& id) const { return id.low; }
  };
  std::unordered_map<Hash128, std::vector<Link>, Hasher> links_;
};

}  // namespace heim::session
