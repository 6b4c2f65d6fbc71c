#include "auth/saslprep.hpp"

#include <doctest/doctest.h>

using namespace heim::auth;

TEST_CASE("passwords that stay as they are") {
  for (const std::string_view password :
       {"", "user", "USER", "with space", "\x07\x01 bell", "\xff\xfe not UTF-8",
        "\xc3\xa4\xff half UTF-8", "p\xc3\xa4ssw\xc3\xb6rd"}) {
    CAPTURE(password);
    CHECK(saslprep(password).view() == password);
  }
}

TEST_CASE("prohibited text stays as it is, as in PostgreSQL") {
  // A control character beside a letter beyond ASCII; Arabic that does not end in Arabic;
  // unassigned.
  for (const std::string_view password : {"\xc3\xa4\x07", "\xd8\xa7\x31", "\xf0\x9f\x94\x91 key"}) {
    CAPTURE(password);
    CHECK(saslprep(password).view() == password);
  }
}

TEST_CASE("the mappings of RFC 4013 and normal form KC") {
  if (!has_saslprep()) return;
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"I\xc2\xadX", "IX"},                 // soft hyphen: mapped to nothing
      {"\xc2\xaa", "a"},                    // feminine ordinal: NFKC
      {"\xe2\x85\xa8", "IX"},               // Roman numeral nine: NFKC
      {"a\xc2\xa0\xc3\xa4", "a \xc3\xa4"},  // no-break space: a space
      {"a\xcc\x88", "\xc3\xa4"},            // decomposed umlaut: composed
  };
  for (const auto& c : cases) {
    CAPTURE(c.first);
    CHECK(saslprep(c.first).view() == c.second);
  }
}
