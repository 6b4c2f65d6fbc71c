// Invariant: a file of rules or of users is either taken whole, one entry a line at most, or
// refused with an error that names one of its lines; and a further good line adds exactly itself:
// it decides only what nothing before it decided.
#include "auth/hba.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/user_list.hpp"

using namespace heim;
using namespace heim::auth;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::size_t lines_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
}

/// The line an error names.
void require_line(const Error& error, std::string_view prefix, std::string_view text) {
  require(error.message.starts_with(prefix));
  const std::size_t line = std::strtoul(error.message.c_str() + prefix.size(), nullptr, 10);
  require(line >= 1 && line <= lines_of(text));
}

void read_rules(std::string_view text, std::string_view address) {
  const auto hba = Hba::parse(text);
  if (!hba) return require_line(hba.error(), "hba_file line ", text);
  require(hba->size() <= lines_of(text));
  const auto more = Hba::parse(std::string(text) + "\nhost all alice all reject\n");
  require(more && more->size() == hba->size() + 1);
  for (const ConnKind kind : {ConnKind::local, ConnKind::tcp, ConnKind::tls}) {
    for (const std::string_view user : {"alice", "bob"}) {
      const HbaRequest request{kind, "db", user, address, false};
      const auto before = hba->match(request);
      const auto after = more->match(request);
      const bool decided = before || kind == ConnKind::local || user != "alice";
      require(decided ? after == before : after == Method::reject);
    }
  }
}

void read_users(std::string_view text) {
  const auto list = UserList::parse(text);
  if (!list) return require_line(list.error(), "auth_file line ", text);
  require(list->size() <= lines_of(text));
  require(list->usual().kind != SecretKind::none);
  require(list->usual().iterations >= 1 && list->usual().iterations <= max_iterations);
  const auto more = UserList::parse(std::string(text) + "\n\"a \"\"user\" \"a secret\" ;\n");
  require(bool(more));
  require(more->size() == list->size() + (list->find("a \"user") ? 0u : 1u));
  require(more->find("a \"user")->secret.text.view() == "a secret");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const char which = text.front();
  text.remove_prefix(1);
  if (which & 1) {
    read_users(text);
  } else {
    const std::size_t cut =
        std::min<std::size_t>(text.size(), static_cast<unsigned char>(which) / 4);
    read_rules(text.substr(cut), text.substr(0, cut));
  }
  return 0;
}
