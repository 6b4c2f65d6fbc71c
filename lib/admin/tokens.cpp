#include "admin/tokens.hpp"

#include <algorithm>
#include <utility>

namespace heim::admin {
namespace {

using Kind = Token::Kind;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || byte >= 0x80;
}

std::string fold(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
  }
  return text;
}

class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) {}

  /// Skips white space and comments; false at the end of the text.
  bool more() {
    while (at_ < sql_.size()) {
      if (is_space(sql_[at_])) {
        ++at_;
      } else if (sql_.substr(at_, 2) == "--") {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (sql_.substr(at_, 2) == "/*") {
        if (!skip_comment()) return true;
      } else {
        return true;
      }
    }
    return false;
  }

  Token next() {
    const char c = sql_[at_];
    if (broken_) return at_ = sql_.size(), Token{Kind::invalid, "/*", {}};
    if (c == '"') return quoted(Kind::quoted);
    if (c == '\'') return quoted(Kind::string);
    if (!is_word(c)) return ++at_, Token{Kind::symbol, std::string(1, c), {}};
    const std::size_t start = at_;
    while (at_ < sql_.size() && is_word(sql_[at_])) ++at_;
    std::string text(sql_.substr(start, at_ - start));
    std::string folded = fold(text);
    return {Kind::word, std::move(text), std::move(folded)};
  }
  std::size_t at() const { return at_; }

 private:
  /// Comments nest, as in PostgreSQL.
  bool skip_comment() {
    std::size_t at = at_, depth = 0;
    do {
      const std::string_view two = sql_.substr(at, 2);
      if (two.size() < 2) return broken_ = true, false;
      depth += two == "/*" ? 1 : 0;
      depth -= two == "*/" ? 1 : 0;
      at += two == "/*" || two == "*/" ? 2 : 1;
    } while (depth > 0);
    at_ = at;
    return true;
  }

  /// A doubled quote stands for one.
  Token quoted(Kind kind) {
    const char quote = sql_[at_];
    Token token{kind, {}, {}};
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] == quote) {
        if (at_ + 1 >= sql_.size() || sql_[at_ + 1] != quote) return ++at_, token;
        ++at_;
      }
      token.text += sql_[at_];
    }
    return {Kind::invalid, std::string(1, quote), {}};
  }

  std::string_view sql_;
  std::size_t at_ = 0;
  bool broken_ = false;
};

}  // namespace

std::vector<Token> tokens(std::string_view sql) {
  std::vector<Token> out;
  Scanner scanner(sql);
  while (scanner.more()) out.push_back(scanner.next());
  return out;
}

std::vector<std::string_view> statements(std::string_view sql) {
  std::vector<std::string_view> out;
  Scanner scanner(sql);
  std::size_t start = 0;
  bool filled = false;
  while (scanner.more()) {
    const std::size_t before = scanner.at();
    const Token token = scanner.next();
    const bool ends = token.kind == Kind::symbol && token.text == ";";
    if (ends && filled) out.push_back(sql.substr(start, before - start));
    if (ends) start = scanner.at();
    filled = !ends;
  }
  if (filled) out.push_back(sql.substr(start));
  return out;
}

}  // namespace heim::admin
