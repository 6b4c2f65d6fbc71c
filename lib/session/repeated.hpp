// An answer that is given again, by another server: what the client has of it already has to come
// once more, and is not shown again.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace heim::session {

/// What messages end with that is less than one.
std::string_view half_message(std::string_view messages);

class Repeated {
 public:
  /// Nothing is expected, and nothing held back.
  bool empty() const { return seen_.empty() && !cuts_; }
  /// What the client has ends within a message: nothing else can be said to it.
  bool is_half() const { return half_ && !seen_.empty(); }
  /// Whether the batch gives or takes names: what did so behind an error of ours would have to be
  /// undone, and what did so before it not.
  bool renames() const { return renames_; }
  /// What an earlier try has shown, and this one not yet.
  void expect_first(std::string shown, bool renames);
  void clear() { *this = {}; }

  enum class Verdict : std::uint8_t {
    fine,       // what is left of the segment is for the client
    otherwise,  // this answer is another one; what is left is not for the client
  };
  /// The next bytes of the answer; messages' headers come whole. After `otherwise`, all up to
  /// ReadyForQuery is held back.
  Verdict take(Bytes& segment);

 private:
  Bytes hold_back(Bytes segment);
  Bytes behind_part(Bytes bytes);

  std::string seen_;
  bool half_ = false, renames_ = false;
  bool cuts_ = false;       // all up to ReadyForQuery
  std::uint64_t left_ = 0;  // of the message that comes
};

}  // namespace heim::session
