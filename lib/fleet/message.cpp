#include "fleet/message.hpp"

#include "fleet/coding.hpp"

namespace heim::fleet {
namespace {

constexpr std::string_view magic = "HPF1";
constexpr std::uint64_t longest_lease = 3'600'000'000'000;  // an hour
constexpr std::size_t most_items = 1 << 16;
constexpr std::uint64_t most_kinds = 4;  // beside which an item's flag stands

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

void put(std::string& out, const std::vector<Message::Heard>& heard) {
  put_number(out, heard.size());
  for (const Message::Heard& each : heard) {
    for (const std::uint64_t number : {each.member, each.run, each.number}) {
      put_number(out, number);
    }
  }
}

std::vector<Message::Heard> read_heard(Reader& reader) {
  std::vector<Message::Heard> all;
  for (std::uint64_t left = reader.count(most_items); left > 0 && reader.ok(); --left) {
    Message::Heard heard;
    heard.member = reader.number();
    heard.run = reader.number();
    heard.number = reader.number();
    all.push_back(heard);
  }
  return all;
}

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
  put(out, message.heard);
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
  const std::uint64_t flags = reader.count(31);
  message.first = (flags & 1) != 0;
  message.clean = (flags & 2) != 0;
  message.leaves = (flags & 4) != 0;
  message.repeats = (flags & 8) != 0;
  message.asks = (flags & 16) != 0;
  message.lease_ns = reader.count(longest_lease);
  message.heard = read_heard(reader);
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
