#include "auth/hba.hpp"

#include <algorithm>
#include <utility>

namespace heim::auth {
namespace {

/// One word of a line. Quotes take special meanings away.
struct Token {
  std::string text;
  bool quoted = false;
  bool is(std::string_view word) const { return !quoted && text == word; }
};

/// What stands between blanks: words separated by commas.
using Field = std::vector<Token>;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/// Takes lines apart. After a problem, `problem` says which.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  std::vector<Field> fields() {
    std::vector<Field> all;
    while (problem.empty() && skip_blanks()) all.push_back(field());
    return all;
  }

  std::string problem;

 private:
  /// False at the end of the line, or at a comment.
  bool skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
    return !rest_.empty() && rest_.front() != '#';
  }

  Field field() {
    Field tokens;
    for (;;) {
      tokens.push_back(token());
      const bool more = skip_blanks() && rest_.front() == ',';
      if (!problem.empty() || !more) return tokens;
      rest_.remove_prefix(1);
      if (!skip_blanks()) problem = "a name is missing after a comma";
      if (!problem.empty()) return tokens;
    }
  }

  Token token() {
    Token token;
    while (!rest_.empty() && !is_blank(rest_.front()) && rest_.front() != ',' &&
           rest_.front() != '#') {
      if (rest_.front() == '"') {
        token.quoted = true;
        quoted(token.text);
      } else {
        token.text += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    if (token.text.empty() && problem.empty()) problem = "a word is empty";
    return token;
  }

  void quoted(std::string& text) {
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      if (rest_.front() == '"') {
        if (!rest_.substr(1).starts_with('"')) return rest_.remove_prefix(1);
        rest_.remove_prefix(1);
      }
      text += rest_.front();
    }
    problem = "the closing double quote is missing";
  }

  std::string_view rest_;
};

using Problem = std::string;  // empty: none

std::optional<Hba::RuleKind> rule_kind(const Token& token) {
  if (token.is("local")) return Hba::RuleKind::local;
  if (token.is("host")) return Hba::RuleKind::host;
  if (token.is("hostssl")) return Hba::RuleKind::hostssl;
  if (token.is("hostnossl")) return Hba::RuleKind::hostnossl;
  return std::nullopt;
}

Problem read_name(const Token& token, bool is_database, Hba::Names& names) {
  if (token.is("all")) return names.all = true, Problem();
  if (is_database && token.is("sameuser")) return names.same_user = true, Problem();
  if (is_database && token.is("replication")) return names.replication = true, Problem();
  const bool group_word = is_database && (token.is("samerole") || token.is("samegroup"));
  const bool special =
      !token.quoted && std::string_view("+@/").find(token.text[0]) != std::string_view::npos;
  if (group_word || special) {
    return "\"" + token.text + "\" is not supported: roles, files and patterns cannot be named";
  }
  names.names.push_back(token.text);
  return {};
}

Problem read_names(const Field& field, bool is_database, Hba::Names& names) {
  for (const Token& token : field) {
    if (Problem problem = read_name(token, is_database, names); !problem.empty()) return problem;
  }
  return {};
}

/// Reads the address, and the mask if it is a word of its own. Moves `at` behind them.
Problem read_address(const std::vector<Field>& fields, std::size_t& at, Hba::Rule& rule) {
  if (at >= fields.size() || fields[at].size() != 1) return "an address was expected";
  const Token& token = fields[at++].front();
  if (token.is("all")) return rule.any_address = true, Problem();
  if (const auto network = Network::parse_cidr(token.text)) {
    rule.network = *network;
    return {};
  }
  const auto address = Address::parse(token.text);
  if (!address) {
    return "\"" + token.text + "\" is not an address, a network (ADDRESS/BITS) or \"all\"" +
           (token.text.find('/') == std::string::npos ? "; host names are not supported" : "");
  }
  const bool has_mask = at < fields.size() && fields[at].size() == 1;
  const auto mask = has_mask ? Address::parse(fields[at].front().text) : std::nullopt;
  if (!mask || mask->v6 != address->v6) return "after an address without /BITS, a mask must follow";
  ++at;
  rule.network = {*address, *mask};
  return {};
}

Problem read_method(const std::vector<Field>& fields, std::size_t at, Hba::Rule& rule) {
  if (at >= fields.size() || fields[at].size() != 1) return "a method was expected";
  const std::string& word = fields[at].front().text;
  const auto method = parse_method(word);
  if (!method) {
    return "method \"" + word +
           "\" is not supported; there are trust, reject, md5, password, "
           "scram-sha-256, cert, peer and relay";
  }
  if (*method == Method::cert && rule.kind != Hba::RuleKind::hostssl) {
    return "method cert is for hostssl lines only";
  }
  if (*method == Method::peer && rule.kind != Hba::RuleKind::local) {
    return "method peer is for local lines only";
  }
  if (at + 1 < fields.size()) return "options after the method are not supported";
  rule.method = *method;
  return {};
}

Problem read_rule(const std::vector<Field>& fields, Hba::Rule& rule) {
  const auto kind = rule_kind(fields[0].front());
  if (!kind || fields[0].size() != 1) {
    return "the first word must be local, host, hostssl or hostnossl";
  }
  rule.kind = *kind;
  if (fields.size() < 3) return "a database, a user and a method must follow";
  Problem problem = read_names(fields[1], true, rule.databases);
  if (problem.empty()) problem = read_names(fields[2], false, rule.users);
  std::size_t at = 3;
  if (problem.empty() && rule.kind != Hba::RuleKind::local) {
    problem = read_address(fields, at, rule);
  }
  return problem.empty() ? read_method(fields, at, rule) : problem;
}

bool kind_matches(Hba::RuleKind rule, ConnKind kind) {
  switch (rule) {
    case Hba::RuleKind::local:
      return kind == ConnKind::local;
    case Hba::RuleKind::host:
      return kind != ConnKind::local;
    case Hba::RuleKind::hostssl:
      return kind == ConnKind::tls;
    case Hba::RuleKind::hostnossl:
      return kind == ConnKind::tcp;
  }
  return false;
}

bool has(const Hba::Names& names, std::string_view name) {
  return std::ranges::find(names.names, name) != names.names.end();
}

bool database_matches(const Hba::Names& names, const HbaRequest& request) {
  if (request.replication) return names.replication;
  return names.all || (names.same_user && request.database == request.user) ||
         has(names, request.database);
}

bool address_matches(const Hba::Rule& rule, const std::optional<Address>& address) {
  if (rule.kind == Hba::RuleKind::local || rule.any_address) return true;
  return address && rule.network.contains(*address);
}

}  // namespace

Result<Hba> Hba::parse(std::string_view text) {
  Hba hba;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    Line line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::vector<Field> fields = line.fields();
    if (fields.empty() && line.problem.empty()) continue;
    Rule rule;
    rule.line = number;
    const Problem problem = line.problem.empty() ? read_rule(fields, rule) : line.problem;
    if (!problem.empty()) {
      return Error{"F0000", "hba_file line " + std::to_string(number) + ": " + problem, {}, {}};
    }
    hba.rules_.push_back(std::move(rule));
  }
  return hba;
}

std::optional<Method> Hba::match(const HbaRequest& request) const {
  const auto address = Address::of_peer(request.address);
  for (const Rule& rule : rules_) {
    if (kind_matches(rule.kind, request.kind) && address_matches(rule, address) &&
        database_matches(rule.databases, request) &&
        (rule.users.all || has(rule.users, request.user))) {
      return rule.method;
    }
  }
  return std::nullopt;
}

}  // namespace heim::auth
