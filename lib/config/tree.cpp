#include "config/tree.hpp"

#include "base/secret.hpp"

namespace heim::config {

Value::~Value() {
  text.resize(text.capacity());  // also what a move left behind
  wipe(text.data(), text.size());
}

const char* kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::boolean:
      return "a boolean";
    case Value::Kind::integer:
      return "an integer";
    case Value::Kind::real:
      return "a number with a fraction";
    case Value::Kind::text:
      return "a text";
    case Value::Kind::list:
      return "a list";
    case Value::Kind::table:
      return "a table";
    case Value::Kind::null:
      return "null";
    case Value::Kind::other:
      break;
  }
  return "a date or time";
}

}  // namespace heim::config
