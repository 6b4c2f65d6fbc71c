// One client of the canned server: protocol v3 in, instant answers out. Touches no socket.
//
// It keeps what a proxy depends on honest - prepared statements by name, portals, the transaction
// status, errors that last to the next Sync - and invents the rest: any SELECT is one row (tag, 0),
// where the tag is the query's last number or its first parameter, so that the client can tell its
// own answer from another's. A query with `repeat('x', W)` and `generate_series(1, R)` answers R
// rows of W bytes, like PostgreSQL.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace heim::bench {

/// What a statement will answer.
struct Answer {
  enum class Kind : unsigned char { empty, row, large, begin, commit, rollback, command };
  Kind kind = Kind::empty;
  std::string command;     // the tag of CommandComplete
  std::string tag;         // the row's first column; a parameter replaces it
  std::uint32_t rows = 0;  // large
  std::uint32_t width = 0;
};

class CannedSession {
 public:
  /// Takes what the client sent. Answers are appended to output().
  void receive(std::string_view bytes);

  /// Call when output() was sent (and emptied): a large result goes on.
  void resume();

  std::string& output() { return output_; }
  bool finished() const { return finished_; }
  /// A large result is under way: nothing more should be received until it is out.
  bool busy() const { return large_left_ > 0; }

 private:
  using Answers = std::map<std::string, Answer, std::less<>>;

  std::size_t take_one(std::string_view bytes);
  std::size_t take_startup(std::string_view bytes);
  void work();
  void on_message(char type, std::string_view body);
  void on_query(std::string_view sql);
  void on_parse(std::string_view body);
  void on_bind(std::string_view body);
  void on_describe(std::string_view body);
  void on_execute(std::string_view body);
  void on_close(std::string_view body);
  void on_sync();

  void welcome();
  void run(const Answer& answer, bool described);
  void start_large(const Answer& answer);
  void continue_large();
  void describe_rows(const Answer& answer);
  void empty_message(char type);
  void ready();
  void fail(std::string_view sqlstate, std::string_view message);

  Answers statements_, portals_;
  std::string input_, output_;
  std::uint32_t large_rows_ = 0, large_left_ = 0, large_width_ = 0;
  bool large_simple_ = false;
  bool in_transaction_ = false, skip_to_sync_ = false, started_ = false, finished_ = false;
};

/// What one statement (no semicolon) answers, judged by its first word.
Answer analyse(std::string_view statement);

}  // namespace heim::bench
