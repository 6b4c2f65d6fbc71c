// Invariants:
// 1. Reading never goes beyond the message; what is read of it points into it.
// 2. A stream is taken or refused at each message; a commit comes of a message that ends one.
// 3. A commit's tables are named, by names that relations were given.
// 4. A snapshot that was read runs each xid it lists, and its next one.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include "freshness/changes.hpp"
#include "freshness/in_step.hpp"

using namespace heim;
namespace pgoutput = freshness::pgoutput;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool within(Bytes whole, const void* at, std::size_t size) {
  const auto* begin = static_cast<const std::uint8_t*>(at);
  return size == 0 || (begin >= whole.data() && begin + size <= whole.data() + whole.size());
}

/// A copy of exactly that size, so that what reads beyond it is caught.
struct Exact {
  explicit Exact(Bytes from) : bytes(new std::uint8_t[from.size()]), size(from.size()) {
    if (size != 0) std::memcpy(bytes.get(), from.data(), size);
  }
  Bytes view() const { return {bytes.get(), size}; }
  std::unique_ptr<std::uint8_t[]> bytes;
  std::size_t size;
};

void check_message(Bytes bytes, std::set<std::string>& named) {
  for (const bool streamed : {false, true}) {
    const auto message = pgoutput::read(bytes, streamed);
    if (!message) continue;
    require(within(bytes, message->name.data(), message->name.size()));
    require(within(bytes, message->oids.data(), message->oids.size()));
    require(message->oids.size() % 4 == 0);
    if (message->kind == pgoutput::Kind::relation) named.emplace(message->name);
  }
}

/// Each message: its length in two bytes, then itself.
void check_stream(Bytes input) {
  freshness::Changes changes;
  std::set<std::string> named;
  while (input.size() >= 2) {
    const std::size_t size = std::min<std::size_t>(load_be16(input.data()), input.size() - 2);
    const Exact message(input.subspan(2, size));
    input = input.subspan(2 + size);
    check_message(message.view(), named);
    const auto taken = changes.take(message.view());
    if (!taken) {
      require(!taken.error().message.empty());
      return;
    }
    if (!*taken) continue;
    require(size > 0 && (message.bytes[0] == 'C' || message.bytes[0] == 'c'));
    for (const std::string& table : (*taken)->tables) require(named.contains(table));
  }
}

void check_snapshot(std::string_view text) {
  const auto running = freshness::Running::parse(text);
  if (!running) return;
  require(running->has(running->next));
  for (const std::uint32_t xid : running->xids) require(running->has(xid));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_stream({data, size});
  check_snapshot({reinterpret_cast<const char*>(data), size});
  return 0;
}
