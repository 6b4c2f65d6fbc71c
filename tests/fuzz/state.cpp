// The state map: what sessions have set, and the way from one to the other. Invariants:
// 1. Equal lists are one object, in whatever order they were written; others are not.
// 2. What sync_sql() writes, read by our own lexer, makes one session's settings the other's, and
//    is ASCII; likewise the DEALLOCATEs and PREPAREs. What one way adds the way back takes away.
// 3. Startup options come back as they were escaped; no list of theirs holds a statement.
// 4. A row of the state's answer is taken as it was sent, or is malformed. No text has a zero.
// 5. The question is one statement, and every name in it is read as it was.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "session/settings.hpp"
#include "session/state_probe.hpp"
#include "sql_said.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

using namespace heim;
using namespace heim::session;

namespace {

using Items = std::vector<std::pair<std::string, std::string>>;
using Values = Said::Values;

/// The input, as choices. At its end they are all 0.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}
  std::size_t next() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  std::size_t below(std::size_t count) { return next() % count; }
  std::string_view rest() const { return bytes_; }
  /// Without zeros, which no text of the server's has.
  std::string text() {
    const std::string_view part = bytes_.substr(0, below(12));
    bytes_.remove_prefix(std::min(part.size(), bytes_.size()));
    std::string out(part);
    std::ranges::replace(out, '\0', '\'');
    return out;
  }

 private:
  std::string_view bytes_;
};

std::string some_name(Choices& choices) {
  constexpr std::string_view known[] = {"role",
                                        "session_authorization",
                                        "datestyle",
                                        "search_path",
                                        "application_name",
                                        "a.b",
                                        "a.\"b\\'c",
                                        "timezone"};
  const std::size_t which = choices.below(12);
  if (which < std::size(known)) return std::string(known[which]);
  if (which < 10) return statement_item(choices.text());
  const std::string name = fold(choices.text());
  return name.empty() || is_statement_item(name) ? "x" + name : name;
}

Items some_items(Choices& choices) {
  Values unique;
  for (std::size_t left = choices.below(6); left > 0; --left) {
    const std::string name = some_name(choices);
    unique[name] = choices.text();
  }
  Items items(unique.begin(), unique.end());
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[choices.below(i)]);
  return items;
}

Values settings_of(const SettingList& list) {
  Values out(list.items.begin(), list.items.end());
  std::erase_if(out, [](const auto& item) { return is_statement_item(item.first); });
  return out;
}

Values statements_of(const SettingList& list) {
  Values out(list.items.begin(), list.items.end());
  std::erase_if(out, [](const auto& item) { return !is_statement_item(item.first); });
  return out;
}

void check_interning(SettingTable& table, const Items& a, const Items& b) {
  const Settings first = table.intern(a), second = table.intern(b);
  require(table.intern({a.rbegin(), a.rend()}) == first && table.intern(first->items) == first);
  require((first == second) == (first->items == second->items));
  require((difference(*first, *second) == 0) == (first == second));
  require(difference(*first, *second) == difference(*second, *first));
  for (const auto& [name, value] : a) {
    require(*first->find(name) == value && table.with(first, name, value) == first);
    require(table.with(table.without(first, name), name, value) == first);
    require(*table.with(second, name, value)->find(name) == value);
  }
  wire::Fields fields(as_bytes(first->wire));
  for (const auto& [name, value] : first->items) {
    require(fields.u8() == 'S' && fields.u32() == name.size() + value.size() + 6);
    require(fields.string() == name && fields.string() == value);
  }
  require(fields.done());
}

void check_settings(const SettingList& from, const SettingList& to) {
  const std::string sql = sync_sql(&from, to);
  Values session = settings_of(from);
  Said(sql).run(session);
  require(session == settings_of(to));
  require(sql.empty() == (settings_of(from) == settings_of(to)));
  // Of a session of which nothing is known.
  session = settings_of(from);
  Said(sync_sql(nullptr, to)).run(session);
  require(session == settings_of(to));
}

void check_statements(const SettingList& from, const SettingList& to) {
  Values session = statements_of(from);
  const Values wanted = statements_of(to);
  const auto dropped = sync_deallocates(&from, to);
  for (const std::string& text : dropped) {
    require(session.erase(statement_item(Said(text).deallocated())) == 1);
  }
  std::vector<std::string_view> missing;
  for (const auto& [name, text] : wanted) {
    if (!session.contains(name)) missing.push_back(text);
  }
  require(std::ranges::all_of(session, [&](const auto& item) {
    return wanted.contains(item.first) && wanted.at(item.first) == item.second;
  }));
  require(sync_prepares(&from, to) == missing);
  require(sync_prepares(&to, from).size() == dropped.size());
  require(sync_deallocates(nullptr, to).empty());
  require(sync_prepares(nullptr, to).size() == wanted.size());
}

std::string escaped(std::string_view word) {
  std::string out;
  for (const char byte : word) {
    if (byte == '\\' || byte == ' ' || (byte >= '\t' && byte <= '\r')) out += '\\';
    out += byte;
  }
  return out;
}

void check_options(std::string_view any, const Items& items) {
  Items out;
  if (parse_options(any, out)) {
    for (const auto& [name, value] : out) {
      require(!name.empty() && name == setting_name(name) && !is_statement_item(name));
      require(name.find('-') == std::string::npos && name.find('=') == std::string::npos);
    }
  }
  std::string options;
  Items wanted;
  for (const auto& [name, value] : items) {
    if (is_statement_item(name) || name.find_first_of("=-") != std::string::npos) continue;
    options += (wanted.size() & 1 ? " --" : "\t-c ") + escaped(name) + "=" + escaped(value);
    wanted.emplace_back(name, value);
  }
  out.clear();
  require(parse_options(options, out) && out == wanted);
}

bool has_zero(const StateAnswer& answer) {
  const auto bad = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  const auto any = [&](const StateAnswer::Pairs& pairs) {
    return std::ranges::any_of(
        pairs, [&](const auto& pair) { return bad(pair.first) || bad(pair.second); });
  };
  return any(answer.settings) || any(answer.values) || any(answer.statements) ||
         std::ranges::any_of(answer.channels, bad) || bad(answer.session_user);
}

void check_answer(Bytes any, Choices& choices) {
  StateAnswer answer;
  answer.add(any);
  require(!has_zero(answer));
  const std::string name = choices.text(), value = choices.text();
  std::string row;
  wire::data_row(row, std::array<std::string_view, 4>{"p", name, value, ""});
  StateAnswer good;
  good.add(as_bytes(row).subspan(wire::header_size));
  require(!good.malformed && good.statements == StateAnswer::Pairs{{name, value}});
}

void check_question(Choices& choices, const Items& items) {
  const auto few = static_cast<sql::Effects>(choices.next());
  const sql::Effects effects = sql::Effects{1} << choices.below(32) | few;
  StateQuestion question = StateQuestion::about(effects, choices.below(2) == 0);
  for (const auto& [name, value] : items) question.names.push_back(name);
  const std::string text = question.sql();
  std::vector<std::string> said;
  sql::Lexer lexer(text);
  for (auto token = lexer.next(); token.kind != sql::TokenKind::end; token = lexer.next()) {
    require(token.kind != sql::TokenKind::open && token.text != ";");
    if (token.text.starts_with("E'")) said.push_back(unescaped(token.text, false));
  }
  require(said.size() == 2 * items.size());
  for (std::size_t i = 0; i < said.size(); ++i) require(said[i] == items[i / 2].first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 10) return 0;
  static SettingTable table;
  Choices choices(as_text(Bytes(data, size)));
  const Items a = some_items(choices), b = some_items(choices);
  check_interning(table, a, b);
  const Settings from = table.intern(a), to = table.intern(b);
  for (const auto& [here, there] : {std::pair(from, to), std::pair(to, from)}) {
    check_settings(*here, *there);
    check_statements(*here, *there);
  }
  check_options(choices.rest(), a);
  check_question(choices, a);
  check_answer(as_bytes(choices.rest()), choices);
  return 0;
}
