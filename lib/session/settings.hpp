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

namespace heim::session {

/// Names and values, sorted by name, names in lower case. Immutable and interned: equal sets are
/// one object, so that "does this server fit this client" is a comparison of pointers.
struct SettingList {
  std::vector<std::pair<std::string, std::string>> items;
  /// The list as ParameterStatus messages, made when it is first interned.
  std::string wire;
  /// Tells apart lists under which one text can be parsed to different statements; 0 if none of
  /// those is set.
  std::uint64_t parsing = 0;

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

/// Whether a parameter a server reports is one that a session sets for itself (and so belongs to
/// the client that set it), rather than a fact about the server.
bool is_settable(std::string_view name);

/// The statements that turn a session that has `from` into one that has `to`. `from` null: unknown,
/// so everything is reset first. Empty if there is nothing to do. Values are quoted so that they
/// mean the same whatever the server's standard_conforming_strings and client_encoding are.
std::string sync_sql(const SettingList* from, const SettingList& to);

/// `-c name=value` and `--name=value` words of the startup parameter "options", with PostgreSQL's
/// backslash rules. False if a word is something else.
bool parse_options(std::string_view options, std::vector<std::pair<std::string, std::string>>& out);

}  // namespace heim::session
