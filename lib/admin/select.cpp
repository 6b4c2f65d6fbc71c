#include "admin/select.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace heim::admin {
namespace {

struct Item {
  Column column;
  Cell cell;
};

std::string version_text(const Identity& identity) {
  return "PostgreSQL 15.0 (heimproxy " + identity.version + " console)";
}

/// Reads the select list from the front. A step that fails leaves `failed` set.
class List {
 public:
  List(std::span<const Token> words, const Identity& identity)
      : words_(words), identity_(identity) {}

  Result<Table> read() {
    Table table;
    table.rows.emplace_back();
    do {
      Item item = value();
      cast();
      alias(item);
      table.columns.push_back(std::move(item.column));
      table.rows[0].push_back(std::move(item.cell));
    } while (!failed_ && take(","));
    if (failed_ || at_ < words_.size()) {
      return Error{"0A000",
                   "the console computes no expressions and has no tables",
                   {},
                   "SHOW HELP lists what it knows."};
    }
    return table;
  }

 private:
  bool at_end() const { return at_ >= words_.size(); }
  bool next_is(Token::Kind kind) const { return !at_end() && words_[at_].kind == kind; }
  bool take(std::string_view symbol) {
    if (!next_is(Token::Kind::symbol) || words_[at_].text != symbol) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (at_end() || !words_[at_].is(word)) return false;
    ++at_;
    return true;
  }
  Item fail() {
    failed_ = true;
    return {};
  }

  Item value() {
    const std::string sign = take("-") ? "-" : "";
    if (at_end()) return fail();
    const Token& word = words_[at_++];
    if (word.kind == Token::Kind::string && sign.empty()) return {{"?column?"}, word.text};
    if (word.kind != Token::Kind::word) return fail();
    if (word.text[0] >= '0' && word.text[0] <= '9') return number(sign + word.text);
    if (!sign.empty()) return fail();
    return named(word);
  }

  Item number(std::string text) {
    std::int64_t parsed = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, parsed);
    if (error != std::errc() || stop != end) return fail();
    const bool small = parsed == static_cast<std::int32_t>(parsed);
    return {{"?column?", small ? Type::int4 : Type::int8}, std::move(text)};
  }

  Item named(const Token& first) {
    if (first.folded == "null") return {{"?column?"}, {}};
    if (first.folded == "true" || first.folded == "false") {
      return {{"bool", Type::boolean}, first.folded.substr(0, 1)};
    }
    std::string name = first.folded;
    if (name == "pg_catalog" && take(".")) {
      if (!next_is(Token::Kind::word)) return fail();
      name = words_[at_++].folded;
    }
    std::vector<std::string> arguments;
    const bool called = take("(");
    if (called && !read_arguments(arguments)) return fail();
    return called ? function(name, arguments) : keyword(name);
  }

  bool read_arguments(std::vector<std::string>& arguments) {
    if (take(")")) return true;
    do {
      if (at_end() || words_[at_].kind == Token::Kind::symbol) return false;
      arguments.push_back(words_[at_++].text);
      cast();
    } while (take(","));
    return take(")");
  }

  Item keyword(const std::string& name) {
    for (const char* user : {"current_user", "session_user", "user", "current_role"}) {
      if (name == user) return {{name}, identity_.user};
    }
    if (name == "current_catalog") return {{name}, identity_.database};
    if (name == "current_schema") return {{name}, "public"};
    return fail();
  }

  Item function(const std::string& name, const std::vector<std::string>& arguments) {
    if (name == "version") return {{name}, version_text(identity_)};
    if (name == "current_database") return {{name}, identity_.database};
    if (name == "current_schema") return {{name}, "public"};
    if (name == "pg_backend_pid") return {{name, Type::int4}, std::to_string(identity_.pid)};
    if (name == "pg_is_in_recovery") return {{name, Type::boolean}, "f"};
    if (name == "pg_advisory_unlock_all") return {{name, Type::nothing}, ""};
    if (name == "set_config" && arguments.size() == 3) return {{name}, arguments[1]};
    if (name == "current_setting" && !arguments.empty()) {
      Cell setting = parameter(arguments[0], identity_);
      if (!setting && arguments.size() < 2) return fail();
      return {{name}, std::move(setting)};
    }
    return fail();
  }

  /// `::type` changes nothing here.
  void cast() {
    while (take(":")) {
      if (!take(":") || at_end() || !words_[at_].is_name()) failed_ = true;
      if (failed_) return;
      ++at_;
    }
  }

  void alias(Item& item) {
    const bool as = take_word("as");
    if (!as && (at_end() || !words_[at_].is_name() || words_[at_].is("from"))) return;
    if (at_end() || !words_[at_].is_name()) {
      failed_ = true;
      return;
    }
    const Token& name = words_[at_++];
    item.column.name = name.kind == Token::Kind::word ? name.folded : name.text;
  }

  std::span<const Token> words_;
  const Identity& identity_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

Result<Table> select_constants(std::span<const Token> words, const Identity& identity) {
  return List(words, identity).read();
}

}  // namespace heim::admin
