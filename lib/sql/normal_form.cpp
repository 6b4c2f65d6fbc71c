#include "sql/normal_form.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.hpp"

namespace heim::sql {

namespace {

constexpr std::string_view placeholder = "$1";

bool begins_with_temp(std::string_view name) {
  return name.starts_with("pg_temp") && (name.size() == 7 || name[7] == '_');
}

/// The first eight bytes of a word as a number, zeros behind a shorter one.
constexpr std::uint64_t head(std::string_view word) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < word.size() && i < sizeof number; ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(word[i])} << (8 * i);
  }
  return number;
}

/// The same of a word of so many bytes that begins with these eight.
std::uint64_t head(std::uint64_t bytes, std::size_t size) {
  return size < sizeof bytes ? bytes & ~(~std::uint64_t{0} << (8 * size)) : bytes;
}

/// Words that mean something to the form, by their heads. Each has a place of its own.
constexpr std::array<std::string_view, 8> words = {
    "in", "array", "values", "explain", "pg_temp", "pg_temp_", "set_config", "search_path"};
constexpr std::size_t slot(std::uint64_t head) { return head * 0x00d64809bd998a13 >> 60; }
constexpr auto word_slots = [] {
  std::array<std::uint64_t, 16> slots{};
  for (const std::string_view word : words) slots[slot(head(word))] = head(word);
  return slots;
}();
static_assert(std::ranges::count(word_slots, std::uint64_t{0}) == 16 - words.size());

}  // namespace

/// Where so many bytes are to be written, behind a blank.
inline char* NormalForm::place(std::size_t bytes) {
  char* const at = buffer_.get() + size_;
  *at = ' ';
  size_ += bytes + 1;
  sign_ = 0;
  return at + 1;
}

inline void NormalForm::add_word(std::string_view word) {
  char* const at = place(word.size());
  std::uint64_t number = 0;
  if (word.size() <= Chunk::size && word.data() <= last_chunk_) {
    const Chunk folded = Chunk(word.data()).folded();
    folded.store(at);
    number = head(folded.head(), word.size());
  } else {
    std::transform(word.begin(), word.end(), at, ascii_lower);
    number = head({at, word.size()});
  }
  list_.active = false;
  before_ = word_slots[slot(number)] == number ? note_word({at, word.size()}) : Before::word;
}

void NormalForm::read(std::string_view text) {
  wants_verbatim_ = verbatim_ = false;
  pass(text);
  if (!wants_verbatim_) return;
  verbatim_ = true;
  pass(text);
}

inline bool NormalForm::add(TokenKind kind, std::string_view token) {
  if (rows_.state >= Rows::State::wants_row) rows_go_on(token);
  const bool literal = kind == TokenKind::string || kind == TokenKind::number;
  if (token.size() > limit && (verbatim_ || !literal)) return give_up();
  switch (kind) {
    case TokenKind::identifier:
      add_word(token);
      break;
    case TokenKind::string:
    case TokenKind::number:
    case TokenKind::parameter:
      add_literal(kind, token);
      break;
    case TokenKind::op:
      add_op(token);
      break;
    case TokenKind::other:
      add_punctuation(token);
      break;
    default:
      add_other(kind, token);
  }
  return size_ <= limit + 1 || give_up();
}

void NormalForm::pass(std::string_view text) {
  size_ = 0;
  complete_ = true;
  open_ = names_temp_ = false;
  depth_ = sign_ = 0;
  before_ = Before::start;
  list_ = {};
  rows_ = {};
  make_room(text.size());
  last_chunk_ = text.size() < Chunk::size ? nullptr : text.data() + text.size() - Chunk::size;
  Lexer lexer(text);
  for (TokenKind kind = lexer.step(); kind != TokenKind::end; kind = lexer.step()) {
    if (!add(kind, lexer.text()) || (wants_verbatim_ && !verbatim_)) return;
  }
}

/// For the form of a text of so many bytes, or for what is made of it until it is too long. A token
/// grows from one byte to three at most.
void NormalForm::make_room(std::size_t text) {
  const std::size_t bytes = std::min(3 * text, 2 * (limit + placeholder.size())) + Chunk::size;
  if (capacity_ >= bytes) return;
  buffer_ = std::make_unique_for_overwrite<char[]>(bytes);
  capacity_ = bytes;
}

/// What is not read may name anything.
bool NormalForm::give_up() {
  complete_ = false;
  names_temp_ = true;
  return false;
}

void NormalForm::append(std::string_view text) {
  char* const at = place(text.size());
  if (text.size() == 1) {
    *at = text.front();
  } else {
    std::memcpy(at, text.data(), text.size());
  }
}

void NormalForm::note_name(std::string_view name) {
  if (name == "set_config" || name == "search_path") wants_verbatim_ = true;
  if (begins_with_temp(name)) names_temp_ = true;
}

NormalForm::Before NormalForm::note_word(std::string_view folded) {
  switch (head(folded)) {
    case head("in"):
      return Before::in;
    case head("array"):
      return Before::array;
    case head("values"):
      return Before::values;
    case head("explain"):
      return Before::explain;
    default:
      note_name(folded);
      return Before::word;
  }
}

/// A list of literals is literals with commas between them.
void NormalForm::list_goes_on(bool comma) {
  if (list_.wants_literal == comma) list_.active = false;
  list_.wants_literal = comma;
}

void NormalForm::add_literal(TokenKind kind, std::string_view text) {
  const bool number = kind == TokenKind::number;
  if (sign_ != 0 && !number) list_.active = false;
  if (verbatim_) {
    append(text);
  } else {
    // A number swallows the sign before it, a parameter does not: the form of $1 is itself.
    if (sign_ != 0 && number) size_ = sign_ - 1;
    std::memcpy(place(placeholder.size()), placeholder.data(), placeholder.size());
  }
  list_goes_on(false);
  if (list_.end_of_first == 0) list_.end_of_first = size_;
  before_ = Before::operand;
}

/// Quoted names, and what is not closed.
void NormalForm::add_other(TokenKind kind, std::string_view text) {
  append(text);
  note_name(text.size() > 2 ? text.substr(1, text.size() - 2) : "");
  wants_verbatim_ |= kind == TokenKind::unicode;
  open_ |= kind == TokenKind::open;
  list_.active = false;
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
  const std::string_view all(buffer_.get(), size_);
  rows_.state = Rows::State::wants_comma;
  if (all.substr(rows_.begin, rows_.end - rows_.begin) == all.substr(rows_.current)) {
    size_ = rows_.end;
  } else {
    rows_.begin = rows_.current;
    rows_.end = size_;
  }
}

/// What stands between rows: one comma, or else they are at their end.
void NormalForm::rows_go_on(std::string_view token) {
  if (rows_.state == Rows::State::wants_row) {
    const bool row = token == "(";
    rows_.state = row ? Rows::State::inside : Rows::State::off;
    rows_.current = size_ + 1;
  } else if (rows_.state == Rows::State::wants_comma) {
    rows_.state = token == "," ? Rows::State::wants_row : Rows::State::off;
  }
}

}  // namespace heim::sql
