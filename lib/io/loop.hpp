// One event loop of one thread: turns, the clock, deferred work, and a door for other threads.
//
// A turn is: wait for events, run their callbacks, run what was deferred. Time is read at most once
// per turn, at its first use, so that a turn's callbacks agree on it and a message costs no clock
// call.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "io/deferred.hpp"

struct uv_loop_s;

namespace heim::io {

template <class T>
class Mailbox;

/// Buffers that every stream of a loop shares, so that an idle connection owns none. What is in
/// them is valid until the handler that was given it returns.
struct Scratch {
  static constexpr std::size_t buffer_size = 64 * 1024;
  static constexpr std::size_t record_size = 16 * 1024;
  static constexpr std::size_t cipher_keep_max = 256 * 1024;

  std::unique_ptr<std::uint8_t[]> received;  // what recv() filled
  std::unique_ptr<std::uint8_t[]> plain;     // decrypted; made when the first TLS stream needs it
  std::unique_ptr<std::uint8_t[]> record;    // small segments gathered into one TLS record
  std::vector<std::uint8_t> cipher;          // encrypted, on its way to send()

  std::uint8_t* plain_buffer() { return make(plain, buffer_size); }
  std::uint8_t* record_buffer() { return make(record, record_size); }
  static std::uint8_t* make(std::unique_ptr<std::uint8_t[]>& buffer, std::size_t size) {
    if (!buffer) buffer.reset(new std::uint8_t[size]);
    return buffer.get();
  }
};

/// Not movable. Create, run and destroy it on one thread, or on several that take turns under a
/// lock of theirs. Streams, timers, mailboxes and listeners must be gone before it.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Turns until stop(). May be called again afterwards.
  void run();
  /// One turn: waits for at least one event.
  void run_once();
  /// What can be done without waiting, with all that follows from it. For a loop that several
  /// threads turn, one at a time, and that sleeps elsewhere: on descriptor().
  void turn();
  /// Readable when turn() would find something. Watched by others, never read.
  int descriptor() const;
  /// When turn() is due at the latest, events aside.
  Duration patience() const;
  /// Whether turn() is due before anybody sleeps: what was asked of the loop did not reach the
  /// kernel yet.
  bool is_due() const { return due_ || !deferred_.empty(); }
  void set_due() { due_ = true; }
  /// How many descriptors were ever watched here.
  std::uint64_t watches() const { return watches_; }
  void count_watch() { ++watches_; }
  /// [any thread] Makes run() return after the present turn.
  void stop();
  /// [any thread] Runs `task` on the loop's thread, in order. Dropped (destroyed) if the loop goes
  /// first.
  void post(std::function<void()> task);

  /// The time of this turn.
  Instant now() {
    if (!now_valid_) refresh_now();
    return now_;
  }
  /// Reads the clock now. For callbacks that know the turn's time to be old.
  void refresh_now();
  /// The next now() reads the clock. For whoever comes between turns.
  void forget_now() { now_valid_ = false; }

  /// Queues `work` for the end of this turn (or of the next one, if deferred work asks for it).
  /// Queueing twice is the same as once.
  void defer(Deferred& work);
  void cancel(Deferred& work);
  /// Called at the end of every turn, before the deferred work: a place to do things once per turn.
  void set_end_of_turn(std::function<void()> hook) { end_of_turn_ = std::move(hook); }

  // For the rest of io/.
  uv_loop_s* raw() { return uv_.get(); }
  Scratch& scratch() { return scratch_; }
  /// The stream whose handler is running. close() and detach() clear it: the caller of the handler
  /// then knows, without touching the stream, that it is not its own any more.
  const void* current = nullptr;

 private:
  struct Handles;
  void finish_turn();
  void close_handles();

  std::unique_ptr<uv_loop_s> uv_;
  std::unique_ptr<Handles> handles_;
  std::unique_ptr<Mailbox<std::function<void()>>> tasks_;
  Scratch scratch_;
  List<Deferred, &Deferred::deferred_hook> deferred_;
  std::function<void()> end_of_turn_;
  Instant now_{};
  bool now_valid_ = false;
  bool spinning_ = false;
  bool due_ = false;
  std::uint64_t watches_ = 0;
};

}  // namespace heim::io
