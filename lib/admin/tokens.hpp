// The console's words: what stands between white space and comments.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace heim::admin {

struct Token {
  enum class Kind : unsigned char {
    word,     // SHOW, my_db, 12: as typed in `text`, in lower case in `folded`
    quoted,   // "My DB", without quotes
    string,   // 'text', without quotes
    symbol,   // one character
    invalid,  // a quote or comment that does not end
  };
  Kind kind;
  std::string text;
  std::string folded;
  bool is(std::string_view word) const { return kind == Kind::word && folded == word; }
  bool is_name() const { return kind == Kind::word || kind == Kind::quoted; }
};

/// Cuts one statement. After an invalid token nothing follows.
std::vector<Token> tokens(std::string_view sql);

/// Cuts a text at semicolons outside of quotes and comments. Statements without any token are left
/// out; an empty answer is an empty query.
std::vector<std::string_view> statements(std::string_view sql);

}  // namespace heim::admin
