// Reads and writes message bodies as the table's format letters describe them (wire/messages.hpp).
//
// For tests: the engine itself forwards bodies without looking into them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::test {

inline constexpr std::string_view body_letters = "s124bvpcoern";

inline void read_value(wire::Fields& fields) {
  const std::uint32_t length = fields.u32();
  if (length != 0xffffffff) fields.bytes(length);
}

inline void read_error_fields(wire::Fields& fields) {
  while (fields.u8()) fields.string();
}

inline void read_column(wire::Fields& fields) {
  fields.string();
  fields.bytes(18);
}

inline void read_counted(wire::Fields& fields, char letter) {
  std::uint32_t count = letter == 'n' ? fields.u32() : fields.u16();
  for (; count > 0 && fields.ok(); --count) {
    switch (letter) {
      case 'p':
        read_value(fields);
        break;
      case 'c':
        fields.u16();
        break;
      case 'o':
        fields.u32();
        break;
      case 'r':
        read_column(fields);
        break;
      default:
        fields.string();
        break;
    }
  }
}

/// Walks over one field. Afterwards `fields.ok()` says whether it was all there.
inline void read_field(wire::Fields& fields, char letter) {
  switch (letter) {
    case 's':
      fields.string();
      break;
    case '1':
      fields.u8();
      break;
    case '2':
      fields.u16();
      break;
    case '4':
      fields.u32();
      break;
    case 'b':
      fields.bytes(fields.rest().size());
      break;
    case 'v':
      read_value(fields);
      break;
    case 'e':
      read_error_fields(fields);
      break;
    default:
      read_counted(fields, letter);
      break;
  }
}

/// True if `body` is exactly what `format` describes.
inline bool body_fits(std::string_view format, Bytes body) {
  wire::Fields fields(body);
  for (const char letter : format) read_field(fields, letter);
  return fields.done();
}

/// Where the choices of write_body() come from. After its end everything is 0.
class Choices {
 public:
  explicit Choices(Bytes bytes) : bytes_(bytes) {}
  std::uint8_t next() {
    if (at_ < bytes_.size()) return bytes_[at_++];
    return 0;
  }
  /// Up to 15 bytes, which may contain anything.
  std::string text() {
    std::string out;
    for (int left = next() & 15; left > 0; --left) out += static_cast<char>(next());
    return out;
  }
  bool empty() const { return at_ >= bytes_.size(); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

inline void write_value(wire::Writer& writer, Choices& choices) {
  const std::string value = choices.text();
  if (value.empty() && (choices.next() & 1)) {
    writer.u32(0xffffffff);
  } else {
    writer.u32(static_cast<std::uint32_t>(value.size())).bytes(value);
  }
}

inline void write_error_fields(wire::Writer& writer, Choices& choices) {
  for (int left = choices.next() & 7; left > 0; --left) {
    writer.u8(static_cast<std::uint8_t>(choices.next() | 1)).string(choices.text());
  }
  writer.u8(0);
}

inline void write_counted(wire::Writer& writer, char letter, Choices& choices) {
  const std::uint8_t count = choices.next() & 7;
  letter == 'n' ? writer.u32(count) : writer.u16(count);
  for (int left = count; left > 0; --left) {
    switch (letter) {
      case 'p':
        write_value(writer, choices);
        break;
      case 'c':
        writer.u16(choices.next());
        break;
      case 'o':
        writer.u32(choices.next());
        break;
      case 'r':
        writer.string(choices.text()).bytes(std::string(18, '\1'));
        break;
      default:
        writer.string(choices.text());
        break;
    }
  }
}

/// Writes one field that read_field() accepts, whatever `choices` says.
inline void write_field(wire::Writer& writer, char letter, Choices& choices) {
  switch (letter) {
    case 's':
      writer.string(choices.text());
      break;
    case '1':
      writer.u8(choices.next());
      break;
    case '2':
      writer.u16(choices.next());
      break;
    case '4':
      writer.u32(choices.next());
      break;
    case 'b':
      writer.bytes(choices.text());
      break;
    case 'v':
      write_value(writer, choices);
      break;
    case 'e':
      write_error_fields(writer, choices);
      break;
    default:
      write_counted(writer, letter, choices);
      break;
  }
}

/// Appends one whole message of this kind.
inline void write_message(std::string& out, const wire::Message& message, Choices& choices) {
  wire::Writer writer(out, message.tag);
  for (const char letter : message.body) write_field(writer, letter, choices);
}

}  // namespace heim::test
