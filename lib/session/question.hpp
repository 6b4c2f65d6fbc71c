// What a client asked, so that it can be asked again without it: by a session of the proxy's own.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace heim::session {

/// What an answer hangs on beside its question.
struct Asker {
  std::string database, user;
  std::vector<std::pair<std::string, std::string>> settings;  // as a startup packet has them

  bool operator==(const Asker&) const = default;
};

/// `batch`: one statement, run once: a Query message, or Parse, Bind, maybe Describe, Execute,
/// Sync.
struct Question {
  Asker asker;
  std::string batch;
};

/// All of it, one way for each.
std::string text_of(const Asker& asker);

/// Askers by number, so that what is kept with each answer is short. [any thread]
class Askers {
 public:
  static constexpr std::size_t limit = 4'096;
  /// All its texts together: a startup packet has to hold them. And each name.
  static constexpr std::size_t longest = 8'192, longest_name = 1'024;
  /// 0: there are too many, or it is too long.
  std::uint32_t number(const Asker& asker);
  Asker find(std::uint32_t number) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // by a hash of it
  std::vector<Asker> askers_;
};

/// What lies behind an answer in the cache.
std::string pack(std::uint32_t asker, std::string_view batch);
/// Of what pack() made.
std::uint32_t packed_asker(Bytes packed);
std::string_view packed_batch(Bytes packed);

}  // namespace heim::session
