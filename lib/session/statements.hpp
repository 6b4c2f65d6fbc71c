// Prepared statements that outlive the server connection they were made on.
//
// A client's statement is its content (query text and parameter types), not a name on some server:
// the content is interned once a worker, clients map their names to it, and each server connection
// knows under which name of ours it has it. What a server lacks is prepared in the same flush that
// needs it.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "session/own_names.hpp"
#include "session/set_config.hpp"
#include "sql/statement.hpp"
#include "wire/framer.hpp"

namespace heim::pool {
struct Record;
}

namespace heim::session {

struct SettingList;

/// A statement's columns, told apart by this: what they are called and their types. 0: not asked
/// for yet, or not answered.
inline constexpr std::uint64_t columns_unknown = 1;
inline constexpr std::uint64_t columns_none = 2;
std::uint64_t columns_of(std::uint8_t tag, Bytes body);  // of RowDescription or NoData

/// The body of a Parse message after the statement name: query, zero, count, types.
struct Statement {
  Hash128 hash;
  std::string content;
  bool forgets_all = false;  // running it deallocates all statements
  // By each client: what its columns are depends on then, or a notice comes of it.
  bool parsed_anew = false;
  // Literals are read as the settings of then say: what a server reported of them, and what the
  // session had set. Null: not known, or all the same.
  std::uint64_t reading = 0;
  std::shared_ptr<const SettingList> told, set;
  SetConfigs set_configs;
  sql::ScriptRef script;  // what it does; made when it is first needed
  // Where and when a server last accepted it, as far as this worker has seen: AcceptedStatements
  // knows the rest.
  const pool::Record* valid_in = nullptr;  // compared only
  std::uint64_t valid_epoch = 0;
  Hash128 valid_as;  // its key under the settings it was read with
  std::uint64_t valid_columns = 0;
  std::uint64_t some_columns = 0;  // of one that was prepared
  bool columns_vary = false;       // they are not the same everywhere
  std::string parameters;          // the body of a ParameterDescription; empty: not known

  void note_columns(std::uint64_t columns) {
    if (columns == 0 || columns == columns_unknown) return;
    columns_vary |= some_columns != 0 && some_columns != columns;
    some_columns = columns;
  }

  bool has_literals() const { return reading != 0; }
  /// Without the parameter types behind it.
  std::string_view text() const { return std::string_view(content).substr(0, content.find('\0')); }
};
using StatementRef = std::shared_ptr<Statement>;

/// Interns statements. One a worker. The seed is the process's, from a random source: texts of
/// different clients meet here, and none shall be able to choose its hash.
class StatementTable {
 public:
  explicit StatementTable(std::uint64_t seed) : seed_(seed) {}
  /// `reading` tells apart what literals are read under, and is not 0.
  StatementRef intern(std::string_view content, std::uint64_t reading);
  /// `previous` if it is that: spares the look-up where a client sends one text over and over.
  StatementRef intern(std::string_view content, std::uint64_t reading,
                      const StatementRef& previous);
  /// Another one of the same content, for a client that has the first under another name: the
  /// errors of a server tell the two apart.
  StatementRef intern_apart(std::string_view content, std::uint64_t reading, std::string_view name);
  std::size_t size() const { return table_.size(); }

 private:
  StatementRef find_or_make(std::string_view content, std::uint64_t reading, Hash128 hash);
  std::uint64_t seed_;
  std::unordered_map<Hash128, std::weak_ptr<Statement>> table_;
  std::size_t sweep_at_ = 1024;
};

/// A client's names. Empty and without memory until first used.
class ClientStatements {
 public:
  const StatementRef& unnamed() const { return unnamed_; }
  void set_unnamed(StatementRef statement) { unnamed_ = std::move(statement); }
  StatementRef find(std::string_view name) const;
  /// The name of one that `is_it` says yes to; null if there is none.
  template <class Predicate>
  const std::string* name_of(Predicate is_it) const {
    if (!named_) return nullptr;
    for (const auto& [name, named] : *named_) {
      if (is_it(*named.statement)) return &name;
    }
    return nullptr;
  }
  /// visit(name, statement, the settings it was read under)
  template <class Visitor>
  void for_each(Visitor visit) const {
    if (!named_) return;
    for (const auto& [name, named] : *named_) visit(name, *named.statement, named.under.get());
  }
  /// `under`: the settings it is read under; null: unknown, but for what read_under() says.
  void set(std::string_view name, StatementRef statement,
           std::shared_ptr<const SettingList> under = nullptr, std::uint64_t round = 0);
  /// What was set as of `round`, if that is not known yet, is read under these. 0: of any.
  void read_under(std::uint64_t round, const std::shared_ptr<const SettingList>& under);
  /// Its literals, if that is not known yet.
  void read_as(std::uint64_t round, const std::shared_ptr<const SettingList>& told,
               const std::shared_ptr<const SettingList>& set);
  /// What its columns are, where the name stands for that statement, and whether they have been
  /// told: columns_unknown if not.
  void told_columns(std::string_view name, const Statement& statement, std::uint64_t columns);
  void forget_columns(std::string_view name);
  std::uint64_t columns(std::string_view name) const;
  void erase(std::string_view name);
  /// DEALLOCATE ALL: the unnamed one stays.
  void clear_named();
  ClientStatements copy() const;
  std::size_t size() const { return named_ ? named_->size() : 0; }
  std::uint64_t bytes() const { return bytes_; }  // of named contents and names

  OwnNames own;  // beside these

 private:
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Named {
    StatementRef statement;
    std::shared_ptr<const SettingList> under;
    std::uint64_t round = 0;  // see read_under()
    std::uint64_t columns = columns_unknown;
  };
  using Map = std::unordered_map<std::string, Named, TextHash, std::equal_to<>>;
  StatementRef unnamed_;
  std::unique_ptr<Map> named_;
  std::uint64_t bytes_ = 0;
};

inline Hash128 mixed(Hash128 hash, std::uint64_t key) { return {hash.high ^ key, hash.low ^ key}; }

/// What one server connection has prepared, least recently used last.
class ServerStatements {
 public:
  struct Item {
    Hash128 hash;          // of the content, mixed with `parsing`
    std::uint32_t number;  // its name is "heim_<number>"
    std::uint32_t size;
    std::uint64_t epoch;    // of the schema, when it was prepared
    std::uint32_t batch;    // that prepared it
    bool confirmed;         // ParseComplete came
    std::uint64_t parsing;  // what its names were read under
    std::uint64_t columns = 0;
    bool is(const Statement& statement) const { return hash == mixed(statement.hash, parsing); }
  };
  /// Null if it is not there. Marks it as used.
  const Item* use(Hash128 hash);
  const Item& add(Hash128 hash, std::uint32_t size, std::uint64_t epoch, std::uint64_t parsing);
  std::optional<Item> erase(Hash128 hash);
  /// Only if it still is the one with this number.
  void erase(const Item& item);
  void confirm(const Item& item);
  bool has(const Item& item) const;  // under this number
  void told_columns(const Item& item, std::uint64_t columns);
  /// Whether a later message of the running batch can count on it: it is there, or comes in this
  /// very batch (if that fails, the later message is skipped too).
  bool usable(const Item& item) const { return item.confirmed || item.batch == batch; }
  void restore(const Item& item);
  /// The one to close, if there are more than `count` or they hold more than `bytes`; never the
  /// newest.
  std::optional<Item> evict(std::size_t count, std::uint64_t bytes);
  void clear();
  void clear_named();
  /// All items, the least recently used first.
  std::vector<Item> items() const { return {items_.rbegin(), items_.rend()}; }
  std::size_t size() const { return index_.size(); }
  std::uint64_t bytes() const { return bytes_; }

  std::uint32_t batch = 0;  // counts the batches sent

  // The unnamed statement: what was sent last, by which batch, and how many are not confirmed.
  void set_unnamed(Hash128 hash) {
    unnamed_ = hash;
    unnamed_batch_ = batch;
    ++unnamed_pending_;
  }
  void drop_unnamed() { unnamed_.reset(); }
  /// Nothing of what was sent is awaited any more.
  void forget_unnamed() {
    unnamed_.reset();
    unnamed_pending_ = 0;
  }
  bool lacks_unnamed() const { return !unnamed_ && unnamed_pending_ == 0; }
  bool unnamed_is_pending() const { return unnamed_pending_ > 0; }
  void unnamed_confirmed() { --unnamed_pending_; }
  void unnamed_failed() {
    unnamed_confirmed();
    drop_unnamed();
  }
  bool has_unnamed(Hash128 hash) const {
    return unnamed_ == hash && (unnamed_pending_ == 0 || unnamed_batch_ == batch);
  }

 private:
  std::list<Item> items_;
  std::unordered_map<Hash128, std::list<Item>::iterator> index_;
  std::uint64_t bytes_ = 0;
  std::uint32_t next_number_ = 0;
  std::optional<Hash128> unnamed_;
  std::uint32_t unnamed_batch_ = 0;
  std::uint32_t unnamed_pending_ = 0;
};

std::string server_name(std::uint32_t number);

/// What a statement is sent to a server for.
struct StatementUse {
  std::string_view name;
  const wire::Fields* bind = nullptr;  // what follows the name in a Bind
  bool describes = false;
};

/// What DEALLOCATE ALL forgot.
struct Forgotten {
  std::vector<ServerStatements::Item> server;
  ClientStatements client;
};

/// A change of the maps that is real only once the server has confirmed the message it belongs to.
/// One a message.
struct Undo {
  static constexpr std::uint32_t never = ~0u;
  bool client_named = false;    // the client's `name` was `before` (null: absent)
  bool client_unnamed = false;  // the client's unnamed statement was `before`
  bool server_added = false;    // `item` was added to the server's
  bool server_closed = false;   // `item` was removed from the server's
  bool asks_columns = false;    // of `added`, which is `item`; the client's `name` has them, if any
  std::uint32_t batch = 0;      // that makes the change
  std::string name;
  StatementRef before;
  std::uint64_t columns = columns_unknown;  // of `before`
  StatementRef added;                       // with server_added
  ServerStatements::Item item{};
  std::uint32_t absent = 0;  // what stands in for it on the server if it fails
  std::string refusal;       // what is wrong with its Bind: said instead of what is with its Parse
  std::string said_first;    // messages that stand before what is wrong with its Parse
  bool hangs = false;        // what any name stands for is not known until the answer
  std::uint32_t forgets_behind = never;  // so many statements of the query it deallocates all, last
  std::unique_ptr<Forgotten> forgotten;
  std::unique_ptr<OwnName> own;  // what a name of the client's own stood for
};

}  // namespace heim::session
