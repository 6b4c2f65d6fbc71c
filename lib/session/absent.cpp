#include "session/absent.hpp"

#include <algorithm>
#include <charconv>

#include "session/statement_text.hpp"

namespace heim::session {
namespace {

// Of information_schema, and nowhere documented: nobody names it without the schema, and every
// PostgreSQL has it. Who has that schema in his search_path meets the cast, which fails when it is
// planned.
constexpr std::string_view relation = "_pg_user_mappings";
constexpr std::string_view prefix = "heim_absent_";
constexpr std::string_view begin = "select (text 'heim_absent_";
constexpr std::string_view middle = "')::int4 from ";

std::uint32_t number_at(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Where errors about the relation point to tells the number.
std::string text_of(std::uint32_t number) {
  std::string text = std::string(begin) + std::to_string(number) + std::string(middle);
  text.append(number, ' ');
  return text.append(relation);
}

std::uint32_t place_of(std::uint32_t number) {
  return static_cast<std::uint32_t>(text_of(number).size() - relation.size()) + 1;
}

}  // namespace

std::uint32_t Absent::add() {
  last_ = last_ % most + 1;
  if (last_ > errors_.size()) errors_.emplace_back();
  return last_;
}

std::string Absent::stand_in(std::uint32_t number, std::string_view content) {
  constexpr std::uint32_t text_type = 25;
  const std::string_view sql = content.substr(0, content.find('\0'));
  wire::Fields given(as_bytes(content.substr(std::min(sql.size() + 1, content.size()))));
  const std::size_t typed = given.u16();
  const std::size_t count = std::min<std::size_t>(std::max(typed, highest_parameter(sql)), 0xffff);
  std::string types(2, '\0');
  store_be16(reinterpret_cast<std::uint8_t*>(types.data()), static_cast<std::uint16_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t type = i < typed ? given.u32() : 0;
    types.append(4, '\0');
    store_be32(reinterpret_cast<std::uint8_t*>(types.data()) + types.size() - 4,
               type != 0 ? type : text_type);
  }
  return text_of(number) + '\0' + types;
}

std::string_view Absent::told(const wire::ErrorView& error) const {
  if (errors_.empty()) return {};
  std::uint32_t number = 0;
  if (const std::size_t at = error.message.find(prefix); at != std::string_view::npos) {
    number = number_at(error.message.substr(at + prefix.size()));
  } else if (error.message.find(relation) != std::string_view::npos) {
    const std::uint32_t place = number_at(error.position);
    number = 1;
    while (number <= errors_.size() && place_of(number) != place) ++number;
  }
  if (number == 0 || number > errors_.size()) return {};
  return errors_[number - 1];
}

}  // namespace heim::session
