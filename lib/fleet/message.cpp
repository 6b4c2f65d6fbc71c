#include "fleet/message.hpp"

#include <bit>
#include <cstring>

namespace heim::fleet {
namespace {

constexpr std::string_view magic = "HPF1";
constexpr std::uint64_t longest_lease = 3'600'000'000'000;  // an hour
constexpr std::size_t longest_name = 1024, most_items = 1 << 16;
constexpr std::uint64_t most_kinds = 4;  // beside which an item's flag stands

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

void put_number(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

/// Once something was missing, all that follows is empty, and ok() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof value);
    if (ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(take(count(longest_name))); }
  /// At most so many.
  std::uint64_t count(std::uint64_t most) {
    const std::uint64_t value = number();
    if (value > most) ok_ = false;
    return ok_ ? value : 0;
  }
  std::uint64_t flags() { return count(31); }
  bool ok() const { return ok_; }
  bool is_done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
  bool ok_ = true;
};

void put(std::string& out, const Item& item) {
  put_number(out, static_cast<std::uint64_t>(item.kind) + (item.objects ? most_kinds : 0));
  put_number(out, item.commit);
  put_number(out, item.tables.size());
  for (const TableName& table : item.tables) {
    put_text(out, table.database);
    put_text(out, table.table);
  }
}

Item read_item(Reader& reader) {
  Item item;
  const std::uint64_t kind = reader.count(2 * most_kinds - 1);
  item.kind = static_cast<Item::Kind>(kind % most_kinds);
  item.objects = kind >= most_kinds;
  item.commit = reader.number();
  for (std::uint64_t left = reader.count(most_items); left > 0 && reader.ok(); --left) {
    TableName table;
    table.database = reader.text();
    table.table = reader.text();
    item.tables.push_back(std::move(table));
  }
  return item;
}

}  // namespace

std::string encode(const Message& message) {
  std::string out(magic);
  put_text(out, message.name);
  for (const std::uint64_t number : {message.process, message.run, message.number}) {
    put_number(out, number);
  }
  put_number(out, (message.first ? 1u : 0u) | (message.clean ? 2u : 0u) |
                      (message.leaves ? 4u : 0u) | (message.repeats ? 8u : 0u) |
                      (message.asks ? 16u : 0u));
  put_number(out, message.lease_ns);
  put_number(out, message.heard.size());
  for (const Message::Heard& heard : message.heard) {
    for (const std::uint64_t number : {heard.member, heard.run, heard.number}) {
      put_number(out, number);
    }
  }
  put_number(out, message.items.size());
  for (const Item& item : message.items) put(out, item);
  put_number(out, message.queries.size());
  for (const Hash128& query : message.queries) {
    put_number(out, query.high);
    put_number(out, query.low);
  }
  return out;
}

std::optional<Message> decode(std::string_view bytes) {
  if (!bytes.starts_with(magic)) return std::nullopt;
  Reader reader(bytes.substr(magic.size()));
  Message message;
  message.name = reader.text();
  message.process = reader.number();
  message.run = reader.number();
  message.number = reader.number();
  const std::uint64_t flags = reader.flags();
  message.first = (flags & 1) != 0;
  message.clean = (flags & 2) != 0;
  message.leaves = (flags & 4) != 0;
  message.repeats = (flags & 8) != 0;
  message.asks = (flags & 16) != 0;
  message.lease_ns = reader.count(longest_lease);
  for (std::uint64_t left = reader.count(most_items); left > 0 && reader.ok(); --left) {
    Message::Heard heard;
    heard.member = reader.number();
    heard.run = reader.number();
    heard.number = reader.number();
    message.heard.push_back(heard);
  }
  for (std::uint64_t left = reader.count(most_items); left > 0 && reader.ok(); --left) {
    message.items.push_back(read_item(reader));
  }
  for (std::uint64_t left = reader.count(most_items); left > 0 && reader.ok(); --left) {
    const std::uint64_t high = reader.number(), low = reader.number();
    message.queries.push_back({high, low});
  }
  if (!reader.is_done()) return std::nullopt;
  return message;
}

}  // namespace heim::fleet
