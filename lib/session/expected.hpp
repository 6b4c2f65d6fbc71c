// The answers a server still owes, in order: one byte each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heim::session {

/// What one answer is to, and what becomes of it.
enum class Reply : std::uint8_t {
  query,       // simple Query; ends at ReadyForQuery
  function,    // FunctionCall; likewise
  sync,        // ReadyForQuery alone
  sync_after,  // likewise, of a Sync behind CopyDone or CopyFail: no COPY swallows it
  parse,
  bind,
  describe,
  execute,
  close,
  parse_unnamed,
  // ours, not the client's: the answer is swallowed
  parse_hidden,
  parse_lenient,  // likewise, with a Sync of its own, and it does no harm if it fails
  unnamed_hidden,
  unnamed_lenient,  // likewise, with a Sync of its own, and it does no harm if it fails
  close_hidden,
  bind_hidden,
  execute_hidden,
  describe_hidden,  // asks for a statement's columns
  query_hidden,
  query_lenient,  // likewise, and it does no harm if it fails
  probe,          // asks what a session's state is; its rows go to the holder apart
  sync_hidden,
  // the client's, not forwarded: the answer is made here when its turn comes
  parse_made,
  close_made,
  describe_made,  // of a statement that gives no rows: its undo has the answer
  // the server is made to fail here; its error is replaced by ours
  poison,
};

constexpr bool is_sync(Reply reply) {
  return reply == Reply::sync || reply == Reply::sync_after || reply == Reply::sync_hidden;
}

/// Its answer is made here.
constexpr bool is_made(Reply reply) {
  return reply == Reply::parse_made || reply == Reply::close_made || reply == Reply::describe_made;
}

constexpr bool is_hidden_parse(Reply reply) {
  return reply == Reply::parse_hidden || reply == Reply::parse_lenient ||
         reply == Reply::unnamed_hidden || reply == Reply::unnamed_lenient;
}

/// Part of a batch, and ours.
constexpr bool is_hidden_part(Reply reply) {
  return is_hidden_parse(reply) || reply == Reply::bind_hidden || reply == Reply::execute_hidden ||
         reply == Reply::close_hidden || reply == Reply::describe_hidden;
}

/// Of an unnamed statement.
constexpr bool is_unnamed_parse(Reply reply) {
  return reply == Reply::parse_unnamed || reply == Reply::unnamed_hidden ||
         reply == Reply::unnamed_lenient;
}

/// Where it fails, it is as if it had not been sent.
constexpr bool is_lenient_parse(Reply reply) {
  return reply == Reply::parse_lenient || reply == Reply::unnamed_lenient;
}

/// A simple query of ours.
constexpr bool is_hidden_query(Reply reply) {
  return reply == Reply::query_hidden || reply == Reply::query_lenient || reply == Reply::probe;
}

constexpr bool ends_at_ready(Reply reply) {
  return reply == Reply::query || reply == Reply::function || is_sync(reply) ||
         is_hidden_query(reply);
}

/// A queue that never allocates in the steady state. `undo`: a change of the prepared-statement
/// maps belongs to the entry, to be confirmed or taken back. `mended`: its text has statements of
/// ours (see Server::Mended).
class Expected {
 public:
  struct Entry {
    Reply reply;
    bool undo;
    bool mended;
  };
  bool empty() const { return head_ == tail_; }
  std::size_t size() const { return tail_ - head_; }
  Entry front() const { return at(0); }
  Entry back() const { return at(size() - 1); }
  Entry at(std::size_t index) const {
    const std::uint8_t raw = ring_[(head_ + index) & mask()];
    return {static_cast<Reply>(raw & 0x3f), (raw & 0x80) != 0, (raw & 0x40) != 0};
  }
  void push(Reply reply, bool undo = false) {
    if (size() == ring_.size()) grow();
    ring_[tail_++ & mask()] =
        static_cast<std::uint8_t>(static_cast<std::uint8_t>(reply) | (undo ? 0x80 : 0));
  }
  void pop() { ++head_; }
  void pop_back() { --tail_; }
  void clear_undo() { ring_[head_ & mask()] &= 0x7f; }         // of the front
  void mark_mended() { ring_[(tail_ - 1) & mask()] |= 0x40; }  // the one pushed last
  void remove(std::size_t index) {
    for (std::size_t i = index; i > 0; --i) {
      ring_[(head_ + i) & mask()] = ring_[(head_ + i - 1) & mask()];
    }
    ++head_;
  }
  void clear() { head_ = tail_ = 0; }
  std::size_t memory() const { return ring_.size(); }

 private:
  std::size_t mask() const { return ring_.size() - 1; }
  void grow() {
    std::vector<std::uint8_t> larger(ring_.size() * 2);
    const std::size_t count = size();
    for (std::size_t i = 0; i < count; ++i) larger[i] = ring_[(head_ + i) & mask()];
    ring_.swap(larger);
    head_ = 0;
    tail_ = count;
  }
  std::vector<std::uint8_t> ring_ = std::vector<std::uint8_t>(32);
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace heim::session
