#include "sql/analysis.hpp"

#include <exception>

#include "sql/parse.hpp"
#include "sql/script.hpp"

namespace heim::sql {

namespace {

/// Longer texts are parsed by their normal form first: literals cost the parser most.
constexpr std::size_t long_text = 16 << 10;

using Statements = std::optional<std::vector<Statement>>;

/// `work` on the host's thread, or here without one. What it throws is thrown here.
template <class Work>
auto hosted(ParserHost* host, Work work) -> decltype(work()) {
  if (host == nullptr) return work();
  struct Call {
    Work& work;
    decltype(work()) result;
    std::exception_ptr error;
  } call{work, {}, nullptr};
  host->run(
      [](void* argument) {
        auto& mine = *static_cast<Call*>(argument);
        try {
          mine.result = mine.work();
        } catch (...) {
          mine.error = std::current_exception();
        }
      },
      &call);
  if (call.error) std::rethrow_exception(call.error);
  return std::move(call.result);
}

Statements read(std::string_view text, const NormalForm& form) {
  if (form.open() || text.find('\0') != std::string_view::npos) return std::nullopt;
  if (text.size() > long_text && form.complete() && form.text().size() < text.size()) {
    if (Statements statements = parse(std::string(form.text()))) return statements;
  }
  if (text.size() > analysis_limit) return std::nullopt;
  return parse(without_comments(text));
}

/// What a string has on the heap.
std::size_t owned(const std::string& text) {
  return text.capacity() <= std::string().capacity() ? 0 : text.capacity() + 1;
}

std::size_t owned(const std::vector<std::string>& texts) {
  std::size_t bytes = texts.capacity() * sizeof(std::string);
  for (const std::string& text : texts) bytes += owned(text);
  return bytes;
}

std::size_t owned(const std::vector<Name>& names) {
  std::size_t bytes = names.capacity() * sizeof(Name);
  for (const Name& name : names) bytes += owned(name.schema) + owned(name.name);
  return bytes;
}

std::size_t owned(const Statement& statement) {
  return owned(statement.name) + owned(statement.settings) + owned(statement.executes) +
         owned(statement.reads) + owned(statement.writes) + owned(statement.functions) +
         owned(statement.attributes);
}

ScriptRef finish(Statements statements, const NormalForm& form, Hash128 fingerprint) {
  auto script = std::make_shared<Script>();
  script->fingerprint = fingerprint;
  script->understood = statements.has_value();
  if (statements) {
    script->statements = std::move(*statements);
  } else {
    script->statements.resize(1);
  }
  constexpr std::size_t shared = 16;  // the counts of a shared_ptr
  script->bytes = sizeof(Script) + shared + script->statements.capacity() * sizeof(Statement);
  for (Statement& statement : script->statements) {
    if (form.names_temp()) statement.effects |= effect::temp;
    if (!statement.functions.empty()) statement.effects |= effect::calls_functions;
    if (!statement.attributes.empty()) statement.effects |= effect::names_attributes;
    if (!statement.reads.empty() || !statement.writes.empty()) {
      statement.effects |= effect::uses_relations;
    }
    script->effects |= statement.effects;
    script->bytes += owned(statement);
  }
  return script;
}

Hash128 fingerprint_of(std::string_view text, const NormalForm& form) {
  return hash128(form.complete() ? form.text() : text, 0);
}

}  // namespace

ScriptRef make_script(std::string_view text, const NormalForm& form, ParserHost* host) {
  Statements statements = hosted(host, [&] { return read(text, form); });
  return finish(std::move(statements), form, fingerprint_of(text, form));
}

ScriptRef analyse(std::string_view text, ParserHost* host) {
  NormalForm form;
  form.read(text);
  return make_script(text, form, host);
}

ScriptRef analyse_prepared(std::string_view prepare_text, ParserHost* host) {
  NormalForm form;
  form.read(prepare_text);
  Statements statements;
  if (!form.open() && prepare_text.size() <= analysis_limit &&
      prepare_text.find('\0') == std::string_view::npos) {
    statements = hosted(host, [&] { return parse_prepared(without_comments(prepare_text)); });
  }
  return finish(std::move(statements), form, fingerprint_of(prepare_text, form));
}

std::string_view prepare_statement(std::string_view text, std::string_view name, ParserHost* host) {
  if (text.size() > analysis_limit || text.find('\0') != std::string_view::npos) return {};
  const auto place = hosted(host, [&] { return find_prepare(without_comments(text), name); });
  return place ? text.substr(place->first, place->second) : std::string_view();
}

}  // namespace heim::sql
