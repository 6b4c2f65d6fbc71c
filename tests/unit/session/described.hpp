// What the sessions ask beside what scripts are about: behind each Parse under a name of theirs, a
// Describe. Scripts neither see nor answer it, but for those that are about it.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "messages.hpp"

namespace heim::session::test {

/// Of one server.
class Described {
 public:
  /// What is answered: columns that cannot be read, and so are compared with nothing.
  std::string answer = no_parameters() + message('T');
  /// Whether scripts see it all.
  bool open = false;

  /// Of what the proxy writes, what the script sees. Whole messages, but for the last.
  std::string seen(std::string_view written);
  /// What the script sends, and the answers.
  std::string answered(std::string_view sent);

 private:
  enum class Due : unsigned char { parse, described_parse, end };
  void take(std::string_view message);
  void take_answer(char tag);
  std::deque<Due> due_;
  std::string last_parse_;
  std::size_t rest_seen_ = 0, rest_sent_ = 0;  // of a message whose beginning was there
  bool hides_ = false;                         // the message taken last
  bool adds_ = false;                          // behind it
};

}  // namespace heim::session::test
