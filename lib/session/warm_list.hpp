// What shall be asked again, of one asker after the other.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "session/question.hpp"

namespace heim::session {

/// [any thread] One asks at a time.
class WarmList {
 public:
  static constexpr Duration pause = std::chrono::seconds(1);
  /// Whom nothing could be asked for in so long is left out.
  static constexpr Duration patience = std::chrono::hours(1);

  /// Askers in the order of their first questions.
  explicit WarmList(std::vector<Question> questions);

  /// Whose questions come next. Nothing: there is nobody, or nobody's time has come.
  std::optional<Asker> next_asker(Instant now);
  /// That asker's next question; nothing: that was all.
  std::optional<std::string> next(Instant now);
  /// It was answered, or never will be.
  void done();
  /// Not now: others come first.
  void postpone(Instant now);
  /// They will never do.
  void leave_out();

  /// What was not done yet.
  std::vector<Question> rest() const;
  struct Counts {
    std::uint64_t asked = 0, left = 0, left_out = 0;
  };
  Counts counts() const;

 private:
  struct Group {
    Asker asker;
    std::deque<std::string> batches;
    Instant since = never;  // it waits
    Instant not_before{};
  };
  void leave_front_out();

  mutable std::mutex mutex_;
  std::deque<Group> groups_;
  Counts counts_;
};

}  // namespace heim::session
