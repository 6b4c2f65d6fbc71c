// A worker without a thread, for sessions of this process: whoever has something to do there takes
// the seat's lock and does it on his own thread.
//
// Who waits for a server's answer sleeps outside the lock and watches that server's socket himself:
// the kernel wakes the right thread, as it does with a driver that has a connection of its own.
// What else a seat has to do (timers, servers that open or go, work from other workers) is the
// steward's, who looks after all seats on one thread.
//
// The engine cannot go on behind an exception in its midst (somebody's bytes might go to somebody
// else): what throws there ends the process, as on a worker's thread.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>

#include "base/clock.hpp"
#include "base/list.hpp"
#include "io/fd.hpp"
#include "runtime/fork_mark.hpp"
#include "session/hub.hpp"

namespace heim::runtime {

class Seat;
class Steward;
class Worker;

/// A session of this process, as its seat knows it. All of it under the seat's lock.
class Guest {
 public:
  /// Throws std::system_error where there is no descriptor to be had.
  Guest();
  virtual ~Guest() = default;
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  /// Something came from the engine: stir() was called, and no thread sleeps for it. Must not
  /// throw.
  virtual void go_on() = 0;

  /// An eventfd: readable when somebody shall look at it.
  int descriptor() const { return event_.get(); }
  void ring();   // makes it so
  void quiet();  // and ends it

  session::Client* client = nullptr;  // null: none yet, or it has ended

 private:
  friend class Seat;
  session::Server* server() const { return client ? client->server : nullptr; }
  std::uint64_t server_id() const { return server() ? server()->id : 0; }

  io::Fd event_;
  bool rung_ = false;
  bool sleeps_ = false;
  bool went_on_ = false;       // since it was last cleared
  std::uint64_t watched_ = 0;  // the server whose socket the sleeper watches
  ListHook<Guest> wait_hook_, stir_hook_;
};

class Seat {
 public:
  Seat(Worker& worker, Steward& steward) : worker_(&worker), steward_(steward) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  /// A stay of the calling thread at the seat, under its lock. Its end wakes whom it concerns.
  class Visit {
   public:
    explicit Visit(Seat& seat);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    /// Null: the engine has gone.
    session::Hub* hub() const;
    /// Sleeps, without the lock, until something may have come for the guest or `deadline` is
    /// there, and does what is to be done at the seat before and then. False: nothing came; a
    /// signal may have, or a second has passed.
    bool sleep(Guest& guest, Instant deadline) noexcept;

   private:
    Seat& seat_;
    std::unique_lock<std::mutex> lock_;
  };

  // ---- under the lock ---------------------------------------------------------
  /// Something came for the guest.
  void stir(Guest& guest);
  /// The guest leaves for good.
  void forget(Guest& guest);
  /// Somebody waits for a guest here without a thread that sleeps: the steward watches.
  void begin_async();
  void end_async() { --async_; }

  // ---- by the engine ------------------------------------------------------------
  /// [any thread] The engine goes away. What comes later finds nobody.
  void retire();
  /// [any thread] This process is a fork of the one whose engine it is.
  bool is_foreign() const { return mark_.is_foreign(); }
  /// [any thread] Sessions that were given this seat.
  std::atomic<std::uint32_t> sessions{0};

  // ---- by the steward -----------------------------------------------------------
  /// What is to be done now; then, how to look after it next.
  struct Care {
    bool watch = false;               // as soon as descriptor() is readable
    Duration patience = Duration(0);  // and at the latest then
  };
  Care tend() noexcept;
  int descriptor() const { return descriptor_; }
  void set_descriptor(int fd) { descriptor_ = fd; }

 private:
  void settle() noexcept;
  void tell(Guest& guest);
  void wake_sleepers();
  void look(Guest& guest, short revents);
  void note_watches();

  const ForkMark mark_;
  std::mutex mutex_;
  Worker* worker_;
  Steward& steward_;
  List<Guest, &Guest::wait_hook_> sleepers_;
  List<Guest, &Guest::stir_hook_> stirred_;
  std::uint64_t visits_ = 0, visits_seen_ = 0;
  std::uint64_t watches_seen_ = 0;
  Instant busy_until_{};  // connections are being made: the steward watches
  std::uint32_t async_ = 0;
  bool watched_ = false;  // what tend() said last
  int descriptor_ = -1;
};

}  // namespace heim::runtime
