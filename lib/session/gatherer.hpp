// The answer to one read, gathered as it goes by.
#pragma once
#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace heim::session {

/// Takes the messages of one answer, in whatever pieces they come. Anything but the answer to one
/// read that went well is not kept.
class Gatherer {
 public:
  enum class State : std::uint8_t { open, whole, spoilt };

  /// Of more bytes than `limit` it is spoilt, and too_large().
  explicit Gatherer(std::uint64_t limit = 0) : limit_(limit) {}
  State add(Bytes bytes);
  State state() const { return state_; }
  bool too_large() const { return too_large_; }
  /// It is an error, maybe this client's alone.
  bool failed() const { return failed_; }
  /// The description of the rows if there is one, the rows, how it was completed, or that so many
  /// rows were asked for.
  Bytes bytes() const { return as_bytes(kept_); }

 private:
  /// What may come next.
  enum class Next : std::uint8_t { parsed, bound, described, row, ready };
  bool begins(std::uint8_t tag);
  void spoil() { state_ = State::spoilt, kept_ = {}; }
  Bytes header(Bytes bytes);

  State state_ = State::open;
  Next next_ = Next::parsed;
  bool too_large_ = false, failed_ = false;
  std::uint8_t header_[5] = {};
  std::uint8_t header_size_ = 0;  // how much of one is here
  std::uint32_t left_ = 0;        // of a message's body
  bool keeps_ = false;            // that message
  std::uint64_t limit_;
  std::string kept_;
};

}  // namespace heim::session
