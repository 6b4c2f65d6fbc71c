// The normal form of a text: what is left of it when literals, parameters, comments, white space
// and the letter case of keywords and names do not matter. Its own normal form is itself.
//
//  - Tokens are divided by one space. Every literal and parameter is $1, with its sign. Unquoted
//    words are in lower case; quoted names stay as they are, quotes included.
//  - `IN (1, 2, 3)` and `ARRAY[1, 2]` with nothing but literals: as with one of them.
//  - `VALUES (1, f(2)), (3, f(4))`: equal rows that follow each other are one.
//
// Both lists change neither what a statement names nor what it does. Where the effects hang on a
// literal (set_config, search_path, the options of EXPLAIN) or a literal is part of a name
// (U&"..."), literals stay as they are, and so do lists.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

#include "sql/lexer.hpp"

namespace heim::sql {

class NormalForm {
 public:
  /// Of a longer form than `limit` bytes only the beginning is made: see `complete`.
  static constexpr std::size_t limit = 128 << 10;

  /// Reads a text. Allocates only if its buffer is too small for it.
  void read(std::string_view text);
  /// Makes the buffer large enough for any text: 2 * limit and some. What is not written to costs
  /// addresses only.
  void reserve() { make_room(limit); }

  std::string_view text() const {
    return size_ == 0 ? std::string_view() : std::string_view(buffer_.get() + 1, size_ - 1);
  }
  bool complete() const { return complete_; }
  /// Something is not closed: no parser takes it.
  bool open() const { return open_; }
  /// A name pg_temp or pg_temp_N stands in it, or may stand where it was not read.
  bool names_temp() const { return names_temp_; }

 private:
  /// What the token before was, as far as the next one cares.
  enum class Before : std::uint8_t {
    start,
    operand,
    word,
    in,
    array,
    values,
    explain,
    op,
    punctuation
  };
  /// A list of literals that may become one.
  struct List {
    bool active = false;
    bool wants_literal = false;
    std::size_t end_of_first = 0;
  };
  /// Rows of VALUES: those that equal the one before go.
  struct Rows {
    enum class State : std::uint8_t { off, inside, wants_row, wants_comma };
    State state = State::off;
    std::size_t depth = 0;           // of brackets around the rows
    std::size_t begin = 0, end = 0;  // of the last row that is kept; nothing: none yet
    std::size_t current = 0;         // where the row being read begins
  };

  void pass(std::string_view text);
  void make_room(std::size_t text);
  bool add(TokenKind kind, std::string_view token);
  bool give_up();
  void append(std::string_view text);
  char* place(std::size_t bytes);
  void add_word(std::string_view word);
  void add_literal(TokenKind kind, std::string_view text);
  void add_other(TokenKind kind, std::string_view text);
  void add_op(std::string_view op);
  void add_punctuation(std::string_view text);
  void open_bracket(std::string_view text);
  void close_bracket(std::string_view text);
  void row_ends();
  void rows_go_on(std::string_view token);
  void note_name(std::string_view name);
  Before note_word(std::string_view folded);
  void list_goes_on(bool comma);

  std::unique_ptr<char[]> buffer_;  // the form, and a blank before each token of it
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;              // of these
  const char* last_chunk_ = nullptr;  // of the text being read, if it has one
  bool verbatim_ = false;             // literals stay
  bool wants_verbatim_ = false;
  bool complete_ = true;
  bool open_ = false;
  bool names_temp_ = false;
  std::size_t depth_ = 0;
  Before before_ = Before::start;
  std::size_t sign_ = 0;  // 1 + where a sign begins that a number would swallow
  List list_;
  Rows rows_;
};

}  // namespace heim::sql
