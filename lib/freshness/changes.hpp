// What a stream of messages comes to: which tables each transaction changed that was committed.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "freshness/pgoutput.hpp"

namespace heim::freshness {

/// A transaction that is committed.
struct Commit {
  std::uint32_t xid = 0;
  std::uint64_t end = 0;            // of its commit's record
  std::vector<std::string> tables;  // without their schemas; of partitions: the leaves
  bool objects = false;             // it says that it changed definitions
};

/// One stream, from its beginning.
class Changes {
 public:
  /// The prefix of messages (pg_logical_emit_message) that say so.
  static constexpr std::string_view objects_prefix = "heimproxy.ddl";

  /// A message of the stream; with its last one, the transaction. An error: the stream makes no
  /// sense.
  Result<std::optional<Commit>> take(Bytes message);

 private:
  struct Open {
    std::vector<std::uint32_t> oids;
    std::uint32_t last = 0;  // the one seen last
    Commit commit;
  };
  bool note(Open& open, std::uint32_t oid);
  bool note_all(const pgoutput::Message& message);
  bool begin(std::uint32_t xid, bool streamed);
  void name(const pgoutput::Message& message);
  Result<std::optional<Commit>> finish(const pgoutput::Message& message);
  bool go_on(const pgoutput::Message& message);
  bool abort(const pgoutput::Message& message);
  bool in_transaction() const { return current_ != nullptr; }

  std::unordered_map<std::uint32_t, std::string> names_;  // of relations, by oid
  std::map<std::uint32_t, Open> open_;                    // by xid: one, and those in parts
  Open* current_ = nullptr;                               // what changes belong to
  bool streamed_ = false;
};

}  // namespace heim::freshness
