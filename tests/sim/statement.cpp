#include "statement.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace heim::sim {
namespace {

struct Token {
  enum class Kind { word, string, number, parameter, symbol, end } kind = Kind::end;
  std::string text;  // words in lower case
  std::size_t from = 0, to = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();
  std::string comment;  // the last one seen
  bool loose = false;   // a hint said so

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  void skip();
  Token quoted(char quote, bool escapes);
  std::string_view text_;
  std::size_t pos_ = 0;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }

void Lexer::skip() {
  for (;;) {
    while (std::isspace(static_cast<unsigned char>(at(pos_)))) ++pos_;
    if (at(pos_) != '/' || at(pos_ + 1) != '*') return;
    const std::size_t end = text_.find("*/", pos_ + 2);
    if (end == std::string_view::npos) return;
    const bool hint = at(pos_ + 2) == '+';
    if (hint) {
      loose |= text_.substr(pos_, end - pos_).find("freshness=any") != text_.npos;
      pos_ = end + 2;
      continue;
    }
    comment = text_.substr(pos_ + 2, end - pos_ - 2);
    comment.erase(std::remove(comment.begin(), comment.end(), ' '), comment.end());
    pos_ = end + 2;
  }
}

Token Lexer::quoted(char quote, bool escapes) {
  Token token{quote == '"' ? Token::Kind::word : Token::Kind::string, {}, pos_, 0};
  for (++pos_; pos_ < text_.size(); ++pos_) {
    if (at(pos_) == quote && at(pos_ + 1) != quote) break;
    if (at(pos_) == quote || (escapes && at(pos_) == '\\')) ++pos_;
    token.text += at(pos_);
  }
  if (pos_ >= text_.size()) token.kind = Token::Kind::symbol;  // not terminated: fits nowhere
  token.to = ++pos_;
  return token;
}

Token Lexer::next() {
  skip();
  const char c = at(pos_);
  if (pos_ >= text_.size()) return {Token::Kind::end, {}, text_.size(), text_.size()};
  if (c == '\'' || c == '"') return quoted(c, false);
  if ((c == 'E' || c == 'e') && at(pos_ + 1) == '\'') {
    ++pos_;
    return quoted('\'', true);
  }
  Token token{Token::Kind::symbol, {}, pos_, 0};
  if (c == '$' || is_word(c) ||
      (c == '-' && std::isdigit(static_cast<unsigned char>(at(pos_ + 1))))) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) || c == '-';
    token.kind = c == '$' ? Token::Kind::parameter
                 : digit  ? Token::Kind::number
                          : Token::Kind::word;
    const std::size_t start = c == '$' ? ++pos_ : pos_;
    do ++pos_;
    while (is_word(at(pos_)));
    token.text = text_.substr(start, pos_ - start);
    for (char& letter : token.text) {
      letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
  } else {
    token.text = c;
    ++pos_;
  }
  token.to = pos_;
  return token;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) { advance(); }
  Result<std::vector<Statement>> all();

 private:
  bool statement(Statement& out);
  bool by_keyword(const std::string& verb, Statement& out);
  bool set(Statement& out);
  bool copy(Statement& out);
  bool select(Statement& out);
  bool arguments(std::vector<Value>& out);
  bool value(Value& out);
  void skip_rest();

  bool reset(Statement& out);
  bool discard(Statement& out);
  bool begin(Statement& out);
  bool with(Statement& out);
  bool insert(Statement& out);
  bool change(const std::string& verb, Statement& out);
  bool savepoint(const std::string& verb, Statement& out);
  bool as_at_login(Statement& out);
  bool read_tables(Statement& out);
  void advance() { token_ = lexer_.next(); }
  bool at(std::string_view text) const {
    return token_.kind != Token::Kind::string && token_.text == text;
  }
  bool accept(std::string_view text) {
    if (!at(text)) return false;
    advance();
    return true;
  }
  bool channel_or_all(std::string& out) {
    out = "*";
    return accept("*") || word(out);
  }
  bool word(std::string& out) {
    if (token_.kind != Token::Kind::word) return false;
    out = token_.text;
    advance();
    return true;
  }
  bool at_end() const { return token_.kind == Token::Kind::end || at(";"); }

  std::string_view text_;
  Lexer lexer_;
  Token token_;
};

Result<std::vector<Statement>> Parser::all() {
  std::vector<Statement> statements;
  for (;;) {
    while (accept(";")) {
    }
    if (token_.kind == Token::Kind::end) return statements;
    Statement statement;
    const std::size_t from = token_.from;
    if (!this->statement(statement) || !at_end()) {
      return Error{"42601", "syntax error at or near \"" + token_.text + "\"", {}, {}};
    }
    statement.text = text_.substr(from, token_.from - from);
    statement.comment = std::move(lexer_.comment);
    lexer_.comment.clear();
    // A hint at the beginning is for all of the text.
    const bool said = std::exchange(lexer_.loose, false);
    statement.loose = statements.empty() ? said : statements.front().loose;
    statements.push_back(std::move(statement));
  }
}

bool Parser::statement(Statement& out) {
  std::string verb;
  if (!word(verb)) return false;
  if (verb == "select") return select(out);
  if (verb == "with") return with(out);
  if (verb == "begin" || (verb == "start" && accept("transaction"))) return begin(out);
  if (verb == "update" || verb == "delete") return change(verb, out);
  if (verb == "savepoint" || verb == "release" || verb == "rollback") return savepoint(verb, out);
  if (verb == "set") return set(out);
  if (verb == "copy") return copy(out);
  return by_keyword(verb, out);
}

bool Parser::reset(Statement& out) {
  accept("session");  // of "session authorization"
  if (!word(out.name)) return false;
  std::string rest;
  while (accept(".")) {
    if (!word(rest)) return false;
    out.name += "." + rest;
  }
  return true;
}

bool Parser::discard(Statement& out) {
  out.verb = Verb::reset;
  if (accept("sequences")) return true;  // there are none
  out.verb = Verb::discard_all;
  return accept("all");
}

bool Parser::by_keyword(const std::string& verb, Statement& out) {
  const auto is = [&](Verb kind) { return out.verb = kind, true; };
  if (verb == "commit" || verb == "end") return is(Verb::commit);
  if (verb == "abort") return is(Verb::rollback);
  if (verb == "show") return is(Verb::show) && word(out.name);
  if (verb == "reset") return is(Verb::reset) && reset(out);
  if (verb == "discard") return discard(out);
  if (verb == "deallocate") {
    accept("prepare");
    return is(Verb::deallocate) && word(out.name);
  }
  if (verb == "listen") return is(Verb::listen) && word(out.name);
  if (verb == "unlisten") return is(Verb::unlisten) && channel_or_all(out.name);
  if (verb == "notify") {
    out.values.resize(1);
    return is(Verb::notify) && word(out.name) && accept(",") && value(out.values[0]);
  }
  if (verb == "insert") return insert(out);
  if (verb == "alter" || verb == "create") {
    skip_rest();
    return is(verb == "alter" ? Verb::alter : Verb::create_temp);
  }
  if (verb == "execute") {
    return is(Verb::execute) && word(out.name) && (!at("(") || arguments(out.values));
  }
  if (verb == "prepare") {
    if (!word(out.name) || !at("as")) return false;
    const std::size_t from = token_.to;
    skip_rest();
    out.inner = text_.substr(from, token_.from - from);
    return is(Verb::prepare);
  }
  return false;
}

void Parser::skip_rest() {
  while (!at_end()) advance();
}

bool Parser::set(Statement& out) {
  out.verb = Verb::set;
  out.local = accept("local");
  if (out.local && (accept("session") || accept("role"))) return as_at_login(out);
  if (!out.local) accept("session");
  out.values.resize(1);
  if (!word(out.name) || (!accept("to") && !accept("="))) return false;
  if (out.local && at("default")) return as_at_login(out);
  return value(out.values[0]);
}

/// The rest of SET LOCAL ... DEFAULT, or NONE: nothing here is read under settings.
bool Parser::as_at_login(Statement& out) {
  accept("authorization");
  out.verb = Verb::reset;
  out.name.clear();
  return accept("default") || accept("none");
}

bool Parser::copy(Statement& out) {
  if (accept("(")) {
    out.verb = Verb::copy_out;
    Statement inner;
    if (!accept("select") || !select(inner)) return false;
    out.calls = inner.calls;
    return accept(")") && accept("to") && accept("stdout");
  }
  out.verb = Verb::copy_in;
  return word(out.name) && accept("from") && accept("stdin");
}

bool Parser::begin(Statement& out) {
  out.verb = Verb::begin;
  while (!at_end()) {
    if (accept("read")) {
      out.read_only = accept("only");
      if (!out.read_only && !accept("write")) return false;
    } else if (accept("isolation")) {
      std::string level, rest;
      if (!accept("level") || !word(level) || (level != "serializable" && !word(rest)))
        return false;
      out.one_snapshot = level != "read" || rest == "repeatable";
    } else if (!accept(",")) {
      return false;
    }
  }
  return true;
}

bool Parser::insert(Statement& out) {
  out.verb = Verb::insert;
  return accept("into") && word(out.name) && accept("values") && arguments(out.values);
}

bool Parser::with(Statement& out) {
  out.verb = Verb::state;
  if (accept("written")) {
    if (!accept("as") || !accept("(") || !accept("insert") || !insert(out)) return false;
    out.verb = Verb::insert_returning;
  }
  skip_rest();
  return true;
}

bool Parser::change(const std::string& verb, Statement& out) {
  const bool update = verb == "update";
  out.verb = update ? Verb::update : Verb::remove;
  if (!update && !accept("from")) return false;
  if (!word(out.name) || !accept(update ? "set" : "where") || !accept("note") || !accept("="))
    return false;
  const bool well = value(out.values.emplace_back());
  skip_rest();
  return well;
}

bool Parser::savepoint(const std::string& verb, Statement& out) {
  out.verb = Verb::rollback;
  if (verb == "rollback" && !accept("to")) return true;
  out.verb = verb == "rollback"  ? Verb::rollback_to
             : verb == "release" ? Verb::release
                                 : Verb::savepoint;
  if (verb != "savepoint") accept("savepoint");
  return word(out.name);
}

// Behind "SELECT tag,": columns FROM tables.
bool Parser::read_tables(Statement& out) {
  out.verb = Verb::read_tables;
  while (!at_end() && !at("from")) advance();
  if (!accept("from")) return false;
  do {
    if (!word(out.tables.emplace_back())) return false;
  } while (accept(","));
  while (!at_end()) {
    out.locks |= accept("for");
    if (!at_end()) advance();
  }
  return true;
}

bool Parser::select(Statement& out) {
  out.verb = Verb::select;
  if (token_.kind == Token::Kind::string || token_.kind == Token::Kind::parameter) {
    value(out.values.emplace_back());
    if (accept(",") && (at("max") || at("version"))) return read_tables(out);
    out.verb = Verb::state;
    out.values.clear();
    skip_rest();
    return true;
  }
  do {
    Call call;
    if (token_.kind == Token::Kind::number) {
      call.function = "?column?";
      call.arguments.push_back({token_.text, 0});
      advance();
    } else {
      if (!word(call.function) || !arguments(call.arguments)) return false;
      if (call.function.starts_with("pg_catalog.")) call.function.erase(0, 11);
    }
    out.calls.push_back(std::move(call));
  } while (accept(","));
  return true;
}

bool Parser::arguments(std::vector<Value>& out) {
  if (!accept("(")) return false;
  if (accept(")")) return true;
  do {
    if (!value(out.emplace_back())) return false;
  } while (accept(","));
  return accept(")");
}

bool Parser::value(Value& out) {
  if (accept("pg_catalog.current_setting")) {
    out.setting = true;
    return accept("(") && value(out) && accept(")");
  }
  out.null = at("null");
  if (token_.kind == Token::Kind::symbol || token_.kind == Token::Kind::end) return false;
  if (token_.kind == Token::Kind::parameter) {
    out.parameter = static_cast<std::uint32_t>(std::stoul(token_.text));
  } else {
    out.text = token_.text;
  }
  advance();
  return true;
}

}  // namespace

std::uint32_t Statement::parameters() const {
  std::uint32_t highest = 0;
  for (const Value& value : values) highest = std::max(highest, value.parameter);
  for (const Call& call : calls) {
    for (const Value& value : call.arguments) highest = std::max(highest, value.parameter);
  }
  return highest;
}

bool Statement::writes() const {
  switch (verb) {
    case Verb::insert:
    case Verb::insert_returning:
    case Verb::update:
    case Verb::remove:
    case Verb::copy_in:
    case Verb::alter:
      return true;
    default:
      return locks || (!calls.empty() && calls[0].function == "put_row");
  }
}

bool Statement::repeatable() const {
  return verb == Verb::begin || verb == Verb::show || (verb == Verb::read_tables && !locks);
}

Result<std::vector<Statement>> parse(std::string_view text) { return Parser(text).all(); }

}  // namespace heim::sim
