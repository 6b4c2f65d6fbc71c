// What the SQL that sync_sql() writes does, read by the project's lexer: a session's settings, and
// its prepared statements, as a model.
#pragma once
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "sql/lexer.hpp"

namespace heim::session {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline unsigned hex_digit(char digit) {
  const std::size_t value = std::string_view("0123456789abcdef").find(digit);
  require(value != std::string_view::npos);
  return static_cast<unsigned>(value);
}

/// What E'...' means. It must be ASCII, if a value of any encoding is to come through.
inline std::string unescaped(std::string_view literal, bool ascii) {
  require(literal.size() >= 3 && literal.starts_with("E'") && literal.ends_with('\''));
  literal = literal.substr(2, literal.size() - 3);
  std::string out;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    const char byte = literal[i];
    require(!ascii || (byte >= 0x20 && byte < 0x7f) || byte == 0x7f);
    if (byte == '\\' && literal.at(i + 1) == 'x') {
      out += static_cast<char>(hex_digit(literal.at(i + 2)) << 4 | hex_digit(literal.at(i + 3)));
      i += 3;
    } else {
      if (byte == '\\' || byte == '\'') require(literal.at(++i) == byte);
      out += byte;
    }
  }
  return out;
}

/// What "..." names.
inline std::string unquoted(std::string_view name) {
  require(name.size() >= 2 && name.front() == '"' && name.back() == '"');
  name = name.substr(1, name.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '"') require(name.at(++i) == '"');
    out += name[i];
  }
  return out;
}

class Said {
 public:
  using Values = std::map<std::string, std::string>;

  explicit Said(std::string_view sql) : lexer_(sql), token_(lexer_.next()) {}

  /// Does it all to `settings`.
  void run(Values& settings) {
    while (token_.kind != sql::TokenKind::end) {
      const std::string verb = take();
      verb == "RESET" ? reset(settings) : select(verb, settings);
      if (token_.kind != sql::TokenKind::end) expect(";");
    }
  }
  /// The name in DEALLOCATE.
  std::string deallocated() {
    expect("DEALLOCATE");
    std::string name = unquoted(take());
    require(token_.kind == sql::TokenKind::end);
    return name;
  }

 private:
  std::string take() {
    require(token_.kind != sql::TokenKind::end && token_.kind != sql::TokenKind::open);
    std::string text(token_.text);
    token_ = lexer_.next();
    return text;
  }
  void expect(std::string_view text) { require(take() == text); }
  bool goes_on(std::string_view text) { return token_.text == text && !take().empty(); }

  void reset(Values& settings) {
    const std::string what = take();
    if (what == "SESSION") {
      expect("AUTHORIZATION");
      settings.erase("session_authorization");
    } else if (what == "ROLE") {
      settings.erase("role");
    } else if (what == "ALL") {
      std::erase_if(settings, [](const auto& item) { return !is_identity(item.first); });
    } else {
      std::string name = unquoted(what);
      while (goes_on(".")) (name += '.') += unquoted(take());
      require(no_identity(settings) && settings.erase(name) == 1);
    }
  }
  void select(const std::string& verb, Values& settings) {
    require(verb == "SELECT");
    do {
      for (const char* const part : {"pg_catalog", ".", "set_config", "("}) expect(part);
      const std::string name = unescaped(take(), true);
      expect(",");
      const std::string value = unescaped(take(), true);
      for (const char* const part : {",", "false", ")"}) expect(part);
      // Settings are the login role's to set; a new session's user takes the role away.
      if (name == "role") require(!settings.contains("role"));
      if (name != "role") require(no_identity(settings));
      settings[name] = value;
    } while (goes_on(","));
  }
  static bool is_identity(std::string_view name) {
    return name == "role" || name == "session_authorization";
  }
  static bool no_identity(const Values& settings) {
    return !settings.contains("role") && !settings.contains("session_authorization");
  }

  sql::Lexer lexer_;
  sql::Token token_;
};

}  // namespace heim::session
