#include "session/set_config.hpp"

#include <algorithm>
#include <charconv>

#include "session/settings.hpp"
#include "sql/lexer.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::session {
namespace {

using sql::TokenKind;

std::size_t number_of(std::string_view parameter) {
  std::size_t number = 0;
  std::from_chars(parameter.data() + 1, parameter.data() + parameter.size(), number);
  return number;
}

// Reads arguments of a call.
struct Arguments {
  sql::Lexer& lexer;
  sql::Token token = lexer.next();

  bool takes(std::string_view text) {
    if (token.text != text) return false;
    token = lexer.next();
    return true;
  }
  // One that is a parameter or a literal, with its cast.
  std::optional<sql::Token> take() {
    const sql::Token given = token;
    if (given.kind != TokenKind::parameter && given.kind != TokenKind::string) return std::nullopt;
    token = lexer.next();
    if (takes("::")) token = lexer.next();
    return given;
  }
};

std::optional<SetConfig> read_call(sql::Lexer& lexer) {
  Arguments in{lexer};
  if (!in.takes("(")) return std::nullopt;
  const auto name = in.take();
  if (!name || !in.takes(",")) return std::nullopt;
  const auto value = in.take();
  if (!value || value->kind != TokenKind::parameter) return std::nullopt;
  SetConfig call;
  call.value_parameter = number_of(value->text);
  if (name->kind == TokenKind::parameter) {
    call.name_parameter = number_of(name->text);
    return call;
  }
  const std::string_view literal = name->text;
  const bool plain = literal.size() > 2 && literal.front() == '\'' &&
                     literal.find('\\') == literal.npos && literal.find('\'', 1) + 1 == literal.size();
  if (!plain) return std::nullopt;
  call.name = literal.substr(1, literal.size() - 2);
  return call;
}

// The values of a Bind message.
struct Values {
  explicit Values(Bytes bind) {
    wire::Fields fields(bind);
    fields.string();
    fields.string();
    fields.bytes(2 * std::size_t{fields.u16()});
    const std::size_t count = fields.u16();
    begin = bind.size() - fields.rest().size();
    for (std::size_t i = 0; i < count && fields.ok(); ++i) {
      const std::uint32_t size = fields.u32();
      const bool null = size == 0xffffffff;
      const Bytes bytes = null ? Bytes{} : fields.bytes(size);
      all.push_back(null ? std::nullopt : std::optional(as_text(bytes)));
    }
    ok = fields.ok();
    end = bind.size() - fields.rest().size();
  }
  std::vector<std::optional<std::string_view>> all;
  std::size_t begin = 0, end = 0;  // where they stand in the message
  bool ok = false;
};

}  // namespace

std::vector<SetConfig> set_configs(std::string_view sql) {
  std::vector<SetConfig> calls;
  if (fold(sql).find("set_config") == std::string::npos) return calls;
  sql::Lexer lexer(sql);
  for (sql::Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    if (token.kind == TokenKind::open) break;
    if (token.kind != TokenKind::identifier || fold(token.text) != "set_config") continue;
    if (auto call = read_call(lexer)) calls.push_back(std::move(*call));
  }
  return calls;
}

std::optional<std::string> with_defaults(
    Bytes bind, const std::vector<SetConfig>& calls,
    const std::function<const std::string*(std::string_view name)>& find) {
  Values values(bind);
  bool changed = false;
  for (const SetConfig& call : calls) {
    if (!values.ok || call.value_parameter == 0 || call.value_parameter > values.all.size()) continue;
    if (call.name_parameter > values.all.size()) continue;
    const auto name = call.name_parameter == 0 ? std::optional<std::string_view>(call.name)
                                               : values.all[call.name_parameter - 1];
    auto& value = values.all[call.value_parameter - 1];
    const std::string* other = name && !value ? find(*name) : nullptr;
    if (!other) continue;
    value = *other;
    changed = true;
  }
  if (!changed) return std::nullopt;
  std::string out(as_text(bind.first(values.begin)));
  for (const auto& value : values.all) {
    std::uint8_t size[4];
    store_be32(size, value ? static_cast<std::uint32_t>(value->size()) : 0xffffffff);
    out.append(reinterpret_cast<const char*>(size), sizeof size);
    if (value) out += *value;
  }
  return out += as_text(bind.subspan(values.end));
}

}  // namespace heim::session
