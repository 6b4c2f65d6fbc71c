#include "session/statements.hpp"

#include "session/statement_text.hpp"

namespace heim::session {

// https://www.postgresql.org/docs/15/protocol-message-formats.html (RowDescription). Which table a
// column is of is not looked at: PostgreSQL does not, either.
std::uint64_t columns_of(std::uint8_t tag, Bytes body) {
  if (tag == 'n') return columns_none;
  std::string key;
  wire::Fields fields(body);
  for (std::size_t left = fields.u16(); left > 0 && fields.ok(); --left) {
    (key += fields.string()) += '\0';
    fields.bytes(6);                  // its table and place there
    key += as_text(fields.bytes(4));  // type
    fields.bytes(2);                  // the type's size
    key += as_text(fields.bytes(4));  // modifier
    fields.bytes(2);
  }
  if (!fields.done()) return columns_unknown;
  const std::uint64_t hash = hash128(key, 0).low;
  return hash <= columns_none ? ~hash : hash;
}

StatementRef StatementTable::intern(std::string_view content, std::uint64_t reading) {
  return find_or_make(content, reading, hash128(content, seed_));
}

StatementRef StatementTable::intern(std::string_view content, std::uint64_t reading,
                                    const StatementRef& previous) {
  const bool same = previous && previous->content == content;
  if (same && (!previous->has_literals() || previous->reading == reading)) return previous;
  return intern(content, reading);
}

StatementRef StatementTable::intern_apart(std::string_view content, std::uint64_t reading,
                                          std::string_view name) {
  Hash128 hash = hash128(content, seed_);
  const Hash128 salt = hash128(name, ~seed_);
  hash.high ^= salt.high;
  hash.low ^= salt.low;
  return find_or_make(content, reading, hash);
}

StatementRef StatementTable::find_or_make(std::string_view content, std::uint64_t reading,
                                          Hash128 hash) {
  const bool literals = has_literals(content.substr(0, content.find('\0')));
  // Not as a server's keys are mixed: what they share would cancel out.
  if (literals) hash = mixed(hash, reading * 0x9e3779b97f4a7c15U);
  auto& slot = table_[hash];
  if (auto found = slot.lock()) return found;
  auto made = std::make_shared<Statement>();
  made->hash = hash;
  made->content = content;
  if (literals) made->reading = reading;
  const auto what = forgets(made->text()).what;
  made->forgets_all = what == Forgets::What::all || what == Forgets::What::session;
  made->parsed_anew = columns_are_set_when_parsed(made->text());
  made->set_configs = set_configs(made->text());
  slot = made;
  if (table_.size() > sweep_at_) {
    std::erase_if(table_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<std::size_t>(1024, 2 * table_.size());
  }
  return made;
}

StatementRef ClientStatements::find(std::string_view name) const {
  if (!named_) return nullptr;
  const auto it = named_->find(name);
  return it == named_->end() ? nullptr : it->second.statement;
}

void ClientStatements::set(std::string_view name, StatementRef statement,
                           std::shared_ptr<const SettingList> under, std::uint64_t round) {
  erase(name);
  if (!named_) named_ = std::make_unique<Map>();
  bytes_ += name.size() + statement->content.size();
  named_->emplace(name, Named{std::move(statement), std::move(under), round});
}

void ClientStatements::read_under(std::uint64_t round,
                                  const std::shared_ptr<const SettingList>& under) {
  if (!named_) return;
  for (auto& [name, named] : *named_) {
    if (!named.under && (round == 0 || named.round == round)) named.under = under;
  }
}

void ClientStatements::read_as(std::uint64_t round, const std::shared_ptr<const SettingList>& told,
                               const std::shared_ptr<const SettingList>& set) {
  if (!named_) return;
  for (auto& [name, named] : *named_) {
    Statement& statement = *named.statement;
    if (!statement.has_literals() || statement.told || named.round != round) continue;
    statement.told = told;
    statement.set = set;
  }
}

void ClientStatements::told_columns(std::string_view name, const Statement& statement,
                                    std::uint64_t columns) {
  const auto it = named_ ? named_->find(name) : Map::iterator();
  if (!named_ || it == named_->end() || it->second.statement.get() != &statement) return;
  it->second.columns = columns == 0 ? columns_unknown : columns;
}

void ClientStatements::forget_columns(std::string_view name) {
  const auto it = named_ ? named_->find(name) : Map::iterator();
  if (named_ && it != named_->end()) it->second.columns = columns_unknown;
}

std::uint64_t ClientStatements::columns(std::string_view name) const {
  if (!named_) return columns_unknown;
  const auto it = named_->find(name);
  return it == named_->end() ? columns_unknown : it->second.columns;
}

void ClientStatements::erase(std::string_view name) {
  if (!named_) return;
  const auto it = named_->find(name);
  if (it == named_->end()) return;
  bytes_ -= name.size() + it->second.statement->content.size();
  named_->erase(it);
}

void ClientStatements::clear_named() {
  named_ = nullptr;
  bytes_ = 0;
}

ClientStatements ClientStatements::copy() const {
  ClientStatements out;
  out.own = own;
  out.unnamed_ = unnamed_;
  if (named_) out.named_ = std::make_unique<Map>(*named_);
  out.bytes_ = bytes_;
  return out;
}

const ServerStatements::Item* ServerStatements::use(Hash128 hash) {
  const auto it = index_.find(hash);
  if (it == index_.end()) return nullptr;
  if (it->second != items_.begin()) items_.splice(items_.begin(), items_, it->second);
  return &*it->second;
}

const ServerStatements::Item& ServerStatements::add(Hash128 hash, std::uint32_t size,
                                                    std::uint64_t epoch, std::uint64_t parsing) {
  restore({hash, next_number_++, size, epoch, batch, false, parsing});
  return items_.front();
}

void ServerStatements::restore(const Item& item) {
  erase(item.hash);
  items_.push_front(item);
  index_[item.hash] = items_.begin();
  bytes_ += item.size;
}

std::optional<ServerStatements::Item> ServerStatements::erase(Hash128 hash) {
  const auto it = index_.find(hash);
  if (it == index_.end()) return std::nullopt;
  const Item item = *it->second;
  bytes_ -= item.size;
  items_.erase(it->second);
  index_.erase(it);
  return item;
}

void ServerStatements::erase(const Item& item) {
  if (has(item)) erase(item.hash);
}

bool ServerStatements::has(const Item& item) const {
  const auto it = index_.find(item.hash);
  return it != index_.end() && it->second->number == item.number;
}

void ServerStatements::confirm(const Item& item) {
  if (has(item)) index_.find(item.hash)->second->confirmed = true;
}

void ServerStatements::told_columns(const Item& item, std::uint64_t columns) {
  if (has(item)) index_.find(item.hash)->second->columns = columns;
}

std::optional<ServerStatements::Item> ServerStatements::evict(std::size_t count,
                                                              std::uint64_t bytes) {
  if (items_.size() < 2 || (items_.size() <= count && bytes_ <= bytes)) return std::nullopt;
  return erase(items_.back().hash);
}

void ServerStatements::clear() {
  clear_named();
  unnamed_.reset();
}

void ServerStatements::clear_named() {
  items_.clear();
  index_.clear();
  bytes_ = 0;
}

std::string server_name(std::uint32_t number) { return "heim_" + std::to_string(number); }

}  // namespace heim::session
