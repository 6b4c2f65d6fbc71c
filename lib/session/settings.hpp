// A session's run-time parameters (GUCs): what a client wants, what a server has and reports, and
// the SQL that leads from one to the other.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace heim::session {

/// Names and values, sorted by name, names in lower case. Immutable and interned: equal sets are
/// one object, so that "does this server fit this client" is a comparison of pointers. Statements
/// that SQL's PREPARE made are among them: see statement_item().
struct SettingList {
  std::vector<std::pair<std::string, std::string>> items;
  /// The list as ParameterStatus messages, made when it is first interned.
  std::string wire;
  /// These tell apart lists under which one text can be parsed to different statements: by what its
  /// names stand for; by how its literals are read, of what servers report, and of the rest. 0 if
  /// none of those is set.
  std::uint64_t resolving = 0, reported = 0, unreported = 0;
  bool reads_as(const SettingList& other) const {
    return resolving == other.resolving && reported == other.reported &&
           unreported == other.unreported;
  }
  void hash_reading();

  const std::string* find(std::string_view name) const;
};
using Settings = std::shared_ptr<const SettingList>;

/// Interns lists. One a worker; entries live as long as somebody holds them.
class SettingTable {
 public:
  Settings intern(std::vector<std::pair<std::string, std::string>> items);
  /// `base` with one value changed.
  Settings with(const Settings& base, std::string_view name, std::string_view value);
  /// `base` without one name.
  Settings without(const Settings& base, std::string_view name);
  Settings empty() { return intern({}); }
  std::size_t size() const { return table_.size(); }

 private:
  std::unordered_map<std::string, std::weak_ptr<const SettingList>> table_;
  std::size_t sweep_at_ = 1024;
};

std::string fold(std::string_view name);  // lower case, ASCII
/// As settings are kept: in lower case, but for custom ones, which have a dot. Who is the first to
/// set such a one on a server decides how SHOW spells it there.
std::string setting_name(std::string_view name);
/// The text as a literal that means the same whatever standard_conforming_strings and
/// client_encoding are.
std::string quote_literal(std::string_view value);
std::string quote_identifier(std::string_view name);

/// Under what name a list holds the statement that `PREPARE name` made; its value is that text. No
/// setting's name begins so.
std::string statement_item(std::string_view name);
inline bool is_statement_item(std::string_view item) { return item.starts_with('\x01'); }

/// Whether a parameter a server reports is one that a session sets for itself (and so belongs to
/// the client that set it), rather than a fact about the server.
bool is_settable(std::string_view name);

/// The statements that turn a session that has `from` into one that has `to`. `from` null: unknown,
/// so everything is reset first. Empty if there is nothing to do. Values are quoted so that they
/// mean the same whatever the server's standard_conforming_strings and client_encoding are.
std::string sync_sql(const SettingList* from, const SettingList& to);

/// The DEALLOCATEs of what `from` has and `to` has not, to be run before sync_sql().
std::vector<std::string> sync_deallocates(const SettingList* from, const SettingList& to);

/// The PREPAREs that `to` has and `from` has not, to be run one by one after sync_sql(): a server
/// shows the text of a whole query as a statement's.
std::vector<std::string_view> sync_prepares(const SettingList* from, const SettingList& to);

/// Whether a text can be read otherwise when this setting changes.
bool guides_parsing(std::string_view name);

/// Whether that is for its literals, and no server reports it.
bool guides_unreported(std::string_view name);

/// What literals are read under: what a server reports, and what a session has set besides.
struct LiteralSettings {
  const Settings& told;
  const Settings& set;
};

/// What has them read under `to` instead of `from`, which is null where it is not known; and back
/// to what was. Nothing of it outlives the transaction. Empty: there is no difference.
struct ReadingApart {
  std::string there, back;
};
ReadingApart reading_apart(const LiteralSettings* from, const LiteralSettings& to);

/// What makes a text be read, until the transaction ends, as it was under `list`.
std::string reading_sql(const SettingList& list);

/// Sets one, without a look at data where that can be: a transaction's level may still be chosen.
/// `local`: until it ends.
std::string set_statement(std::string_view name, std::string_view value, bool local = false);

/// Sets those of `wanted` that the server does not take for set, where `now` is what they were: a
/// DO, which answers with nothing but its tag.
std::string set_unless_set(const SettingList& wanted, const SettingList& now);

/// In how many items they differ: what it costs to go from one to the other.
std::size_t difference(const SettingList& from, const SettingList& to);

/// `-c name=value` and `--name=value` words of the startup parameter "options", with PostgreSQL's
/// backslash rules. What PostgreSQL refuses is refused in its words.
Result<void> parse_options(std::string_view options,
                           std::vector<std::pair<std::string, std::string>>& out);

}  // namespace heim::session
