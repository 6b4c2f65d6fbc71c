// What is asked of a store and not answered yet: each is bounded, and a store that is late, full or
// refuses is left alone for a while.
//
//   ask()  -> owner.get()  -> got()  within the patience -> owner.tell() what was found
//                             or not                     -> owner.tell() nothing; pause
//   put()  -> owner.set()  -> kept()
//
// Sans-IO, and for one thread, but for what says otherwise: its owner has the connection and the
// clock.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "fleet/contents.hpp"
#include "fleet/store.hpp"

namespace heim::fleet {

class ShelfOwner {
 public:
  virtual ~ShelfOwner() = default;
  /// got() is to be called with this number; not for those that were given up by down().
  virtual void get(const std::string& key, std::uint64_t number) = 0;
  /// kept() is to be called with so many bytes.
  virtual void set(const std::string& key, std::string bytes, Duration ttl) = 0;
  virtual void tell(const Store::Asker& asker, Store::Found found) = 0;
};

class Shelf {
 public:
  struct Options {
    Duration patience = std::chrono::milliseconds(5);
    Duration pause = std::chrono::seconds(1);  // for who was late, or refuses
    std::size_t most_asked = 1'000;            // at once
    std::size_t most_bytes = 16 << 20;         // on their way there
    Seal::Options seal;
  };
  struct Counts {
    std::uint64_t asked = 0, found = 0, absent = 0, late = 0, spoilt = 0, refused = 0;
    std::uint64_t put = 0, not_put = 0, not_asked = 0;
  };

  Shelf(std::string_view secret, const Options& options, ShelfOwner& owner)
      : options_(options), owner_(owner), seal_(secret, options.seal) {}

  /// The connection is there, or not any more: what is asked gets no answer.
  void up();
  void down(const std::string& why);

  void ask(std::string key, const Store::Asker& asker, Instant now);
  void put(const std::string& key, const Parcel& parcel, Duration ttl, Instant now);
  /// No bytes: there is nothing under the key. `left`: until it expires.
  void got(std::uint64_t number, const std::string* bytes, Duration left, Instant now);
  void kept(std::size_t bytes);
  /// It says that it will not.
  void refused(const std::string& why, Instant now);

  /// Gives up what takes too long. When it wants to be called again at the latest.
  Instant step(Instant now);

  // ---- [any thread]

  /// Whether put() is worth it now. Counts what is not.
  bool takes();
  bool may_hold(std::string_view key) const { return open_.load() && contents.may_hold(key); }
  Counts counts() const;
  /// Why nothing is asked; empty: it is.
  std::string trouble() const;

  Contents contents;

 private:
  struct Asked {
    std::uint64_t number;
    std::string key;
    Store::Asker asker;
    Instant since;
  };
  void rest(const std::string& why, Instant now);
  void look_at_state();
  template <class Change>
  void count(const Change& change);

  const Options options_;
  ShelfOwner& owner_;
  const Seal seal_;
  crypto::SystemRandom random_;
  bool up_ = false;
  Instant rests_until_{};
  std::uint64_t last_number_ = 0;
  std::size_t bytes_out_ = 0;
  std::deque<Asked> asked_;  // in the order of the answers
  std::atomic<bool> open_{false};
  mutable std::mutex mutex_;  // for what follows
  Counts counts_;
  std::string trouble_ = "not connected yet";
};

}  // namespace heim::fleet
