// The messages of PostgreSQL's logical replication, as its plugin pgoutput writes them (versions 1
// and 2 of its protocol): which relations a transaction changes, and where its commit ends. Values
// of rows are not looked at.
//
// Within the parts of a transaction that is streamed before it ends, each message but the stream's
// own has the xid of its (sub)transaction in front.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace heim::freshness::pgoutput {

enum class Kind : std::uint8_t {
  begin,
  commit,
  origin,
  relation,
  type,
  insert,
  update,
  remove,
  truncate,
  message,
  stream_start,
  stream_stop,
  stream_commit,
  stream_abort,
};

/// Valid as long as the bytes it was read from.
struct Message {
  Kind kind = Kind::begin;
  std::uint32_t xid = 0;       // begin, stream_start, _commit and _abort: of the whole transaction
  std::uint32_t sub_xid = 0;   // stream_abort: the part that is gone; `xid`: all of it
  std::uint64_t end = 0;       // commit, stream_commit: where its record ends
  std::string_view name;       // relation: without its schema; message: the prefix
  bool transactional = false;  // message

  /// Relations that are named, changed or truncated, by their oids.
  std::size_t relations() const { return oids.size() / 4; }
  std::uint32_t relation(std::size_t i) const { return load_be32(oids.data() + 4 * i); }
  Bytes oids;
};

/// Nothing: it is none. `streamed`: between a stream_start and its stream_stop.
std::optional<Message> read(Bytes bytes, bool streamed);

}  // namespace heim::freshness::pgoutput
