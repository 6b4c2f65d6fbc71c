// Invariants:
// 1. A command is understood or refused with a five-character SQLSTATE and a message; never both.
// 2. A text cut into statements and put together with semicolons is cut the same way again.
// 3. A conversation fed whole and fed byte by byte gives the same bytes back, and every byte the
//    console sends stands in a whole message that the framer accepts.
#include "admin/console.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "admin/tokens.hpp"
#include "wire/encoder.hpp"

using namespace heim;
using namespace heim::admin;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const Identity joe{"1.2.3", "joe", "heimproxy", 77, true};

void check_command(std::string_view sql) {
  const auto command = parse_command(sql, joe);
  if (!command) {
    require(command.error().sqlstate.size() == 5 && !command.error().message.empty());
    return;
  }
  require(command->tag.empty() == (command->verb == Verb::empty));
  for (const Row& row : command->result.rows) require(row.size() == command->result.columns.size());
}

void check_statements(std::string_view sql) {
  const auto parts = statements(sql);
  std::string joined;
  for (const std::string_view part : parts) {
    check_command(part);
    // A line end closes a comment that would swallow the semicolon.
    (joined += part) += "\n;";
  }
  if (!parts.empty() && !parse_command(parts.back(), joe)) return;  // an open quote swallows it
  require(statements(joined).size() == parts.size());
}

void check_frames(const std::string& stream) {
  Bytes rest = as_bytes(stream);
  wire::Header header;
  while (!rest.empty()) {
    require(wire::peek(wire::Origin::server, rest, header) == wire::Peek::ok);
    require(header.total() <= rest.size());
    rest = rest.subspan(header.total());
  }
}

std::string converse(Bytes stream, std::size_t step) {
  Console console(joe);
  session::Snapshot snapshot;
  snapshot.pools.resize(2);
  snapshot.stats.resize(1);
  std::string out;
  while (!stream.empty()) {
    const std::size_t size = std::min(step, stream.size());
    console.feed(stream.first(size));
    stream = stream.subspan(size);
    while (const Command* command = console.pending()) {
      command->verb == Verb::show ? console.answer(snapshot) : console.answer(Result<void>());
    }
    out += console.take_output();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 12) return 0;
  const Bytes input(data, size);
  const std::string text(as_text(input));
  check_statements(text);
  const std::string whole = converse(input, input.size());
  check_frames(whole);
  require(whole == converse(input, 1));
  std::string query;
  wire::text_message(query, 'Q', text);
  check_frames(converse(as_bytes(query), query.size()));
  return 0;
}
