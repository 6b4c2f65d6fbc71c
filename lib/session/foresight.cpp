#include "session/foresight.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <utility>

#include "wire/framer.hpp"

namespace heim::session {
namespace {

using Value = Foresight::Value;
using Row = Foresight::Row;

/// Formats as a Bind has them: none (text), one for all, or one each.
bool is_binary(Bytes formats, std::size_t index) {
  const std::size_t count = formats.size() / 2;
  if (count == 0) return false;
  return load_be16(formats.data() + 2 * (count == 1 ? 0 : std::min(index, count - 1))) == 1;
}

Value read_value(wire::Fields& fields, bool binary) {
  const std::uint32_t size = fields.u32();
  if (size == ~std::uint32_t{0}) return {{}, binary};
  const std::string_view text = as_text(fields.bytes(size));
  return {text.size() > Foresight::longest_value ? std::string() : std::string(text), binary};
}

// Of a Bind, from its formats on. Empty: there are none, or too many.
Row read_parameters(Bytes parameters) {
  wire::Fields fields(parameters);
  const Bytes formats = fields.bytes(2 * std::size_t{fields.u16()});
  const std::size_t count = fields.u16();
  if (count > Foresight::most_parameters) return {};
  Row values;
  while (values.size() < count)
    values.push_back(read_value(fields, is_binary(formats, values.size())));
  return fields.ok() ? values : Row();
}

Row read_row(Bytes body, Bytes formats) {
  wire::Fields fields(body);
  const std::size_t count = std::min<std::size_t>(fields.u16(), Foresight::most_columns);
  Row row;
  while (row.size() < count) row.push_back(read_value(fields, is_binary(formats, row.size())));
  return row;
}

std::vector<Row> read_rows(Bytes answer, Bytes formats) {
  std::vector<Row> rows;
  wire::Header header;
  while (rows.size() < Foresight::most_rows &&
         wire::peek(wire::Origin::server, answer, header) == wire::Peek::ok &&
         header.total() <= answer.size()) {
    if (header.tag == 'D') {
      rows.push_back(read_row(answer.subspan(wire::header_size, header.body), formats));
    }
    answer = answer.subspan(header.total());
  }
  return rows;
}

// What it is if it is an integer: its digits, or two, four or eight bytes.
std::optional<std::int64_t> integer(const Value& value) {
  const std::string& text = value.text;
  std::int64_t number = 0;
  if (!value.binary) {
    const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool all = trouble == std::errc() && end == text.data() + text.size();
    return all ? std::optional(number) : std::nullopt;
  }
  if (text.size() != 2 && text.size() != 4 && text.size() != 8) return std::nullopt;
  number = static_cast<signed char>(text[0]);
  for (const char c : text.substr(1)) number = number * 256 + static_cast<unsigned char>(c);
  return number;
}

bool is_same(const Value& a, const Value& b) {
  if (a == b) return !a.text.empty();
  const auto one = integer(a), other = integer(b);
  return one && one == other;
}

// Written as the example is. Empty: it cannot be.
std::string written_as(const Value& example, const Value& value) {
  const bool bytes = value.binary && example.binary;
  if (value.binary == example.binary && (!bytes || value.text.size() == example.text.size()))
    return value.text;
  const auto number = integer(value);
  if (!number || !integer(example)) return {};
  if (!example.binary) return std::to_string(*number);
  const std::size_t bits = 8 * example.text.size();
  if (bits < 64 && (*number >> (bits - 1)) != (*number < 0 ? -1 : 0)) return {};
  std::string text;
  for (std::size_t at = bits; at > 0; at -= 8)
    text += static_cast<char>(*number >> (at - 8) & 0xff);
  return text;
}

bool leads(const Foresight::Trail& trail, const Form& form, Instant now) {
  return trail.form != form.id && now - trail.at <= Foresight::memory;
}

}  // namespace

// Which columns each value may be of. Empty: one is of none.
Foresight::Columns Foresight::columns_of(const Row& row, const Row& values) {
  Columns columns;
  for (const Value& value : values) {
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (is_same(row[i], value)) found |= std::uint32_t{1} << i;
    }
    if (found == 0) return {};
    columns.push_back(found);
  }
  return columns;
}

void Foresight::asked(Trails& trails, const Form& form, Bytes parameters, Instant now) {
  const Row values = read_parameters(parameters);
  if (values.empty()) return;
  for (Trail& trail : trails) {
    if (!leads(trail, form, now)) continue;
    for (const Row& row : trail.rows) {
      const Columns columns = columns_of(row, values);
      if (columns.empty()) continue;
      learn(trail, columns, form, values);
      break;
    }
  }
}

// One that leads elsewhere than was thought begins anew.
Foresight::Link& Foresight::link_of(const Hash128& from, const Form& form, const Columns& columns) {
  if (links_.size() >= most_forms && !links_.contains(from)) links_.erase(links_.begin());
  std::vector<Link>& links = links_[from];
  auto found = std::ranges::find(links, form.id, &Link::to);
  if (found == links.end()) {
    if (links.size() == links_each)
      links.erase(std::ranges::min_element(links, {}, &Link::followed));
    found = links.insert(links.end(), Link());
    found->to = form.id;
    found->content = form.content;
    found->formats = as_text(form.formats);
    found->describes = form.describes;
    found->answered = 1;
  }
  Columns both = columns;
  for (std::size_t i = 0; i < std::min(both.size(), found->columns.size()); ++i) {
    both[i] &= found->columns[i];
  }
  const bool other = found->columns.size() != columns.size() || std::ranges::count(both, 0U) > 0;
  if (other) found->answered = 1, found->followed = found->rows = 0;
  found->columns = other ? columns : both;
  return *found;
}

void Foresight::learn(Trail& trail, const Columns& columns, const Form& form, const Row& values) {
  Link& link = link_of(trail.form, form, columns);
  link.example = values;
  ++link.rows;
  if (std::ranges::find(trail.followed, form.id) != trail.followed.end()) return;
  trail.followed.push_back(form.id);
  ++link.followed;
}

std::string Foresight::parameters_of(const Link& link, const Row& row) {
  std::string formats, values;
  const auto put16 = [](std::string& out, std::size_t number) {
    (out += static_cast<char>(number >> 8)) += static_cast<char>(number & 0xff);
  };
  put16(formats, link.columns.size());
  put16(values, link.columns.size());
  for (std::size_t i = 0; i < link.columns.size(); ++i) {
    const auto column = static_cast<std::size_t>(std::countr_zero(link.columns[i]));
    if (column >= row.size()) return {};
    const std::string text = written_as(link.example[i], row[column]);
    if (text.empty()) return {};
    put16(formats, link.example[i].binary);
    put16(values, 0);
    put16(values, text.size());
    values += text;
  }
  return formats + values;
}

std::vector<Foresight::Next> Foresight::answered(Trails& trails, const Form& form, Bytes answer,
                                                 Instant now) {
  Trail trail{form.id, read_rows(answer, form.formats), {}, now};
  std::vector<Next> next;
  if (const auto found = links_.find(form.id); found != links_.end()) {
    for (Link& link : found->second) {
      if (++link.answered >= 64) link.answered /= 2, link.followed /= 2, link.rows /= 2;
      if (!link.is_believed()) continue;
      const std::size_t usual = (link.rows + link.followed - 1) / link.followed;
      for (std::size_t i = 0; i < std::min(usual, trail.rows.size()); ++i) {
        std::string parameters = parameters_of(link, trail.rows[i]);
        if (!parameters.empty()) next.push_back({link.form(), std::move(parameters)});
      }
    }
  }
  std::erase_if(trails,
                [&](const Trail& old) { return old.form == form.id || now - old.at > memory; });
  if (trails.size() == trails_each) trails.erase(trails.begin());
  trails.push_back(std::move(trail));
  return next;
}

}  // namespace heim::session
