#include "wire/encoder.hpp"

#include "wire/framer.hpp"

namespace heim::wire {

Writer& Writer::u16(std::uint16_t value) {
  std::uint8_t raw[2];
  store_be16(raw, value);
  out_.append(reinterpret_cast<char*>(raw), 2);
  return *this;
}

Writer& Writer::u32(std::uint32_t value) {
  std::uint8_t raw[4];
  store_be32(raw, value);
  out_.append(reinterpret_cast<char*>(raw), 4);
  return *this;
}

void startup(std::string& out, std::uint32_t code, std::string_view body) {
  std::uint8_t raw[8];
  store_be32(raw, static_cast<std::uint32_t>(8 + body.size()));
  store_be32(raw + 4, code);
  out.append(reinterpret_cast<char*>(raw), 8);
  out += body;
}

void message(std::string& out, char tag, std::string_view body) { Writer(out, tag).bytes(body); }

void text_message(std::string& out, char tag, std::string_view text) {
  Writer(out, tag).string(text);
}

void error(std::string& out, const ErrorFields& fields, char tag) {
  Writer writer(out, tag);
  const auto field = [&](char code, std::string_view text) {
    if (!text.empty()) writer.u8(static_cast<std::uint8_t>(code)).string(text);
  };
  field('S', fields.severity);
  field('V', fields.severity);
  field('C', fields.sqlstate);
  field('M', fields.message);
  field('D', fields.detail);
  field('H', fields.hint);
  field('R', fields.routine);
  writer.u8(0);
}

void ready(std::string& out, char status) {
  Writer(out, 'Z').u8(static_cast<std::uint8_t>(status));
}

void parameter_status(std::string& out, std::string_view name, std::string_view value) {
  Writer(out, 'S').string(name).string(value);
}

void authentication(std::string& out, std::uint32_t code, std::string_view rest) {
  Writer(out, 'R').u32(code).bytes(rest);
}

void command_complete(std::string& out, std::string_view tag) { text_message(out, 'C', tag); }

void row_description(std::string& out, std::initializer_list<std::string_view> columns) {
  row_description_of(out, columns);
}

ErrorView read_error(Bytes body) {
  ErrorView view;
  Fields fields(body);
  while (const std::uint8_t code = fields.u8()) {
    const std::string_view text = fields.string();
    switch (code) {
      case 'S':
        if (view.severity.empty()) view.severity = text;
        break;
      case 'V':
        view.severity = text;
        break;
      case 'C':
        view.sqlstate = text;
        break;
      case 'M':
        view.message = text;
        break;
      case 'D':
        view.detail = text;
        break;
      case 'H':
        view.hint = text;
        break;
      case 'P':
        view.position = text;
        break;
      case 'R':
        view.routine = text;
        break;
      default:
        break;
    }
  }
  return view;
}

}  // namespace heim::wire
