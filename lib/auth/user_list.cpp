#include "auth/user_list.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace heim::auth {
namespace {

Error bad_line(std::size_t line, std::string_view what) {
  return {"F0000", "auth_file line " + std::to_string(line) + ": " + std::string(what), {}, {}};
}

std::string_view skip_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\v\f"), text.size()));
}

/// Takes a quoted field off the front of `line`, with "" as one quote. An empty message means done.
std::string_view take_field(std::string_view& line, Secret& field) {
  line = skip_blanks(line);
  if (!line.starts_with('"')) return "a field in double quotes was expected";
  std::string text;
  text.reserve(line.size());  // no growth, so that no copy of a secret stays behind
  std::size_t at = 1;
  for (; at < line.size(); ++at) {
    if (line[at] == '"') {
      if (!line.substr(at + 1).starts_with('"')) break;
      ++at;
    }
    text += line[at];
  }
  field = Secret(text);
  wipe(text.data(), text.size());
  if (at >= line.size()) return "the closing double quote is missing";
  line.remove_prefix(at + 1);
  return {};
}

}  // namespace

Result<UserList> UserList::parse(std::string_view text) {
  UserList list;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = skip_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == ';' || line[0] == '#') continue;
    if (line.find('\0') != std::string_view::npos) return bad_line(number, "it has a zero byte");
    Secret name, secret;
    if (const auto problem = take_field(line, name); !problem.empty()) {
      return bad_line(number, std::string("user name: ").append(problem));
    }
    if (const auto problem = take_field(line, secret); !problem.empty()) {
      return bad_line(number, std::string("secret: ").append(problem));
    }
    if (name.empty()) return bad_line(number, "the user name is empty");
    Entry entry{StoredSecret::parse(secret.view()), std::nullopt};
    list.users_.insert_or_assign(std::string(name.view()), std::move(entry));
  }
  list.usual_ = list.find_usual();
  return list;
}

void UserList::derive(std::string_view process_key, const UserList* before) {
  for (auto& [name, entry] : users_) {
    if (entry.secret.kind != SecretKind::plain || entry.derived) continue;
    const std::string salt = steady_salt(process_key, name, usual_.salt_size);
    const Entry* old = before ? before->find(name) : nullptr;
    const bool same = old && old->derived && old->derived->salt == salt &&
                      old->derived->iterations == usual_.iterations &&
                      old->secret.text.view() == entry.secret.text.view();
    entry.derived = same ? *old->derived
                         : ScramVerifier::derive(entry.secret.text.view(), salt, usual_.iterations);
  }
  usual_ = find_usual();
}

const UserList::Entry* UserList::find(std::string_view user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? nullptr : &found->second;
}

Usual UserList::find_usual() const {
  std::map<std::tuple<SecretKind, std::uint32_t, std::size_t>, std::size_t> counts;
  bool all_derived = true;
  for (const auto& [name, entry] : users_) {
    const StoredSecret& secret = entry.secret;
    if (secret.kind == SecretKind::none) continue;
    if (secret.kind == SecretKind::plain) all_derived = all_derived && entry.derived.has_value();
    const bool scram = secret.kind == SecretKind::scram;
    ++counts[{secret.kind, scram ? secret.scram->iterations : default_iterations,
              scram ? secret.scram->salt.size() : default_salt_size}];
  }
  const auto most =
      std::ranges::max_element(counts, {}, [](const auto& item) { return item.second; });
  if (most == counts.end()) return {};
  const auto& [kind, iterations, salt_size] = most->first;
  return {kind, iterations, std::min<std::size_t>(salt_size, 32), all_derived};
}

}  // namespace heim::auth
