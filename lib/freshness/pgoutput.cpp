#include "freshness/pgoutput.hpp"

#include <algorithm>

#include "wire/framer.hpp"

namespace heim::freshness::pgoutput {
namespace {

using wire::Fields;

void fail(Fields& in) { in.bytes(~std::size_t{0}); }
void skip(Fields& in) { in.bytes(in.rest().size()); }

std::uint64_t u64(Fields& in) {
  const std::uint64_t high = in.u32();
  return high << 32 | in.u32();
}

void read_begin(Fields& in, Message& out) {
  u64(in);  // where its commit is
  u64(in);  // when
  out.xid = in.u32();
}

void read_commit(Fields& in, Message& out) {
  in.u8();
  u64(in);  // where its record begins
  out.end = u64(in);
  u64(in);
}

void read_origin(Fields& in, Message&) {
  u64(in);
  in.string();
}

void read_relation(Fields& in, Message& out) {
  out.oids = in.bytes(4);
  in.string();
  out.name = in.string();
  if (in.ok()) skip(in);  // its columns
}

void read_type(Fields& in, Message&) {
  in.u32();
  in.string();
  in.string();
}

// A row begins with what it is: new, old, or its key.
void read_change(Fields& in, Message& out) {
  out.oids = in.bytes(4);
  const auto row = static_cast<char>(in.u8());
  row == 'N' || row == 'O' || row == 'K' ? skip(in) : fail(in);
}

void read_truncate(Fields& in, Message& out) {
  const std::size_t count = in.u32();
  in.u8();
  out.oids = in.bytes(4 * count);
}

void read_message(Fields& in, Message& out) {
  out.transactional = in.u8() == 1;
  u64(in);
  out.name = in.string();
  in.bytes(in.u32());
}

void read_stream_start(Fields& in, Message& out) {
  out.xid = in.u32();
  in.u8();
}

void read_stream_commit(Fields& in, Message& out) {
  out.xid = in.u32();
  read_commit(in, out);
}

void read_stream_abort(Fields& in, Message& out) {
  out.xid = in.u32();
  out.sub_xid = in.u32();
}

struct Row {
  char tag;
  Kind kind;
  void (*read)(Fields&, Message&);
  bool in_parts;  // of a streamed transaction: with an xid in front
};

constexpr Row rows[] = {
    {'B', Kind::begin, read_begin, false},
    {'C', Kind::commit, read_commit, false},
    {'O', Kind::origin, read_origin, false},
    {'R', Kind::relation, read_relation, true},
    {'Y', Kind::type, read_type, true},
    {'I', Kind::insert, read_change, true},
    {'U', Kind::update, read_change, true},
    {'D', Kind::remove, read_change, true},
    {'T', Kind::truncate, read_truncate, true},
    {'M', Kind::message, read_message, true},
    {'S', Kind::stream_start, read_stream_start, false},
    {'E', Kind::stream_stop, [](Fields&, Message&) {}, false},
    {'c', Kind::stream_commit, read_stream_commit, false},
    {'A', Kind::stream_abort, read_stream_abort, false},
};

}  // namespace

std::optional<Message> read(Bytes bytes, bool streamed) {
  Fields in(bytes);
  const auto tag = static_cast<char>(in.u8());
  const Row* row = std::ranges::find(rows, tag, &Row::tag);
  if (row == std::end(rows)) return std::nullopt;
  Message out;
  out.kind = row->kind;
  if (streamed && row->in_parts) in.u32();
  row->read(in, out);
  return in.done() ? std::optional(out) : std::nullopt;
}

}  // namespace heim::freshness::pgoutput
