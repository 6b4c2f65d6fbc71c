#include "sql/normal_form.hpp"

#include <array>
#include <cstring>

namespace heim::sql {

namespace {

constexpr std::string_view placeholder = "$1";

constexpr auto lower = [] {
  std::array<char, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    table[byte] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
  }
  return table;
}();

bool begins_with_temp(std::string_view name) {
  return name.starts_with("pg_temp") && (name.size() == 7 || name[7] == '_');
}

}  // namespace

void NormalForm::read(std::string_view text) {
  wants_verbatim_ = verbatim_ = false;
  pass(text);
  if (!wants_verbatim_) return;
  verbatim_ = true;
  pass(text);
}

void NormalForm::pass(std::string_view text) {
  size_ = 0;
  complete_ = true;
  open_ = names_temp_ = false;
  depth_ = sign_ = 0;
  before_ = Before::start;
  list_ = {};
  rows_ = {};
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    if (!add(token) || (wants_verbatim_ && !verbatim_)) return;
  }
}

bool NormalForm::add(const Token& token) {
  rows_go_on(token);
  const bool literal = token.kind == TokenKind::string || token.kind == TokenKind::number;
  if (token.text.size() > limit && (verbatim_ || !literal)) return give_up();
  switch (token.kind) {
    case TokenKind::identifier:
      add_word(token.text);
      break;
    case TokenKind::string:
    case TokenKind::number:
    case TokenKind::parameter:
      add_literal(token);
      break;
    case TokenKind::op:
      add_op(token.text);
      break;
    case TokenKind::other:
      add_punctuation(token.text);
      break;
    default:
      append(token.text);
      note_name(token.text.size() > 2 ? token.text.substr(1, token.text.size() - 2) : "");
      wants_verbatim_ |= token.kind == TokenKind::unicode;
      open_ |= token.kind == TokenKind::open;
      list_.active = false;
      before_ = Before::operand;
  }
  return size_ <= limit || give_up();
}

/// What is not read may name anything.
bool NormalForm::give_up() {
  complete_ = false;
  names_temp_ = true;
  return false;
}

/// Where so many bytes may be written behind a blank, which is written, too.
char* NormalForm::room(std::size_t bytes) {
  if (buffer_.size() < size_ + bytes + 1) buffer_.resize(2 * (size_ + bytes) + 64);
  if (size_ != 0) buffer_[size_++] = ' ';
  char* const place = buffer_.data() + size_;
  size_ += bytes;
  sign_ = 0;
  return place;
}

void NormalForm::append(std::string_view text) {
  std::memcpy(room(text.size()), text.data(), text.size());
}

void NormalForm::note_name(std::string_view name) {
  if (name == "set_config" || name == "search_path") wants_verbatim_ = true;
  if (begins_with_temp(name)) names_temp_ = true;
}

void NormalForm::add_word(std::string_view word) {
  char* const place = room(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    place[i] = lower[static_cast<unsigned char>(word[i])];
  }
  const std::string_view folded(place, word.size());
  list_.active = false;
  before_ = Before::word;
  switch (folded.size()) {
    case 2:
      if (folded == "in") before_ = Before::in;
      break;
    case 5:
      if (folded == "array") before_ = Before::array;
      break;
    case 6:
      if (folded == "values") before_ = Before::values;
      break;
    case 7:
      if (folded == "explain") before_ = Before::explain;
      break;
    default:
      break;
  }
  if (folded.size() >= 7 && (folded[0] == 'p' || folded[0] == 's')) note_name(folded);
}

/// A list of literals is literals with commas between them.
void NormalForm::list_goes_on(bool comma) {
  if (list_.wants_literal == comma) list_.active = false;
  list_.wants_literal = comma;
}

void NormalForm::add_literal(const Token& token) {
  if (sign_ != 0 && token.kind != TokenKind::number) list_.active = false;
  if (verbatim_) {
    append(token.text);
  } else {
    // A number swallows the sign before it, a parameter does not: the form of $1 is itself.
    if (sign_ != 0 && token.kind == TokenKind::number) size_ = sign_ - 1;
    append(placeholder);
  }
  list_goes_on(false);
  if (list_.end_of_first == 0) list_.end_of_first = size_;
  before_ = Before::operand;
}

void NormalForm::add_op(std::string_view op) {
  const bool sign =
      (op == "-" || op == "+") && (before_ == Before::op || before_ == Before::punctuation);
  const std::size_t begin = size_;
  append(op);
  if (sign) sign_ = begin + 1;
  if (!sign) list_.active = false;
  before_ = Before::op;
}

void NormalForm::add_punctuation(std::string_view text) {
  const char first = text.size() == 1 ? text.front() : '\0';
  switch (first) {
    case '(':
    case '[':
      open_bracket(text);
      break;
    case ')':
    case ']':
      close_bracket(text);
      break;
    case ',':
      append(text);
      list_goes_on(true);
      before_ = Before::punctuation;
      break;
    default:
      append(text);
      list_.active = false;
      before_ = Before::operand;
  }
}

void NormalForm::open_bracket(std::string_view text) {
  append(text);
  const bool round = text == "(";
  const bool list = round ? before_ == Before::in : before_ == Before::array;
  list_ = {.active = list && !verbatim_, .wants_literal = true, .end_of_first = 0};
  if (round && before_ == Before::explain) wants_verbatim_ = true;
  if (round && before_ == Before::values && !verbatim_) {
    rows_ = {Rows::State::inside, depth_, 0, 0, size_ - 1};
  }
  ++depth_;
  before_ = Before::punctuation;
}

void NormalForm::close_bracket(std::string_view text) {
  if (list_.active && !list_.wants_literal) size_ = list_.end_of_first;
  list_.active = false;
  append(text);
  if (depth_ > 0) --depth_;
  if (rows_.state == Rows::State::inside && depth_ == rows_.depth) row_ends();
  before_ = Before::operand;
}

void NormalForm::row_ends() {
  const std::string_view all = text();
  rows_.state = Rows::State::wants_comma;
  if (all.substr(rows_.begin, rows_.end - rows_.begin) == all.substr(rows_.current)) {
    size_ = rows_.end;
  } else {
    rows_.begin = rows_.current;
    rows_.end = size_;
  }
}

/// What stands between rows: one comma, or else they are at their end.
void NormalForm::rows_go_on(const Token& token) {
  if (rows_.state == Rows::State::wants_row) {
    const bool row = token.text == "(";
    rows_.state = row ? Rows::State::inside : Rows::State::off;
    rows_.current = size_ + 1;
  } else if (rows_.state == Rows::State::wants_comma) {
    rows_.state = token.text == "," ? Rows::State::wants_row : Rows::State::off;
  }
}

void NormalForm::trim() {
  if (buffer_.size() > 4 * limit) std::vector<char>().swap(buffer_);
}

}  // namespace heim::sql
