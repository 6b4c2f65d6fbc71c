// What the proxy logs in to servers with, for each database and user: what a login has proven or
// the configuration says, and, while there is none, what sessions of this process bring along.
//
// An offer is tried as it came in turn. The first one that a server takes is known from then on;
// one that is refused is dropped, so that nobody's typing error stands in the way of the others.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/credentials.hpp"

namespace heim::session {

/// All of it: any thread.
class ServerSecrets {
 public:
  /// Proven, or the configuration's.
  void learn(const std::string& database, const std::string& user, auth::Credentials credentials) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[{database, user}];
    entry.known = {std::move(credentials), ++last_id_};
    entry.offers.clear();
  }
  auth::Credentials known(const std::string& database, const std::string& user) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find({database, user});
    return it == entries_.end() ? auth::Credentials{} : it->second.known.credentials;
  }
  /// Something is known, or offered.
  bool has(const std::string& database, const std::string& user) {
    return to_try(database, user).credentials.kind != auth::CredentialKind::none;
  }
  /// Not looked at where something is known, or too many wait to be tried.
  void offer(const std::string& database, const std::string& user, std::string_view password) {
    constexpr std::size_t most = 16;
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[{database, user}];
    const Secret given(password);
    const bool has = std::ranges::any_of(
        entry.offers, [&](const Tried& each) { return each.credentials.text == given; });
    if (entry.is_known() || has || entry.offers.size() == most) return;
    entry.offers.push_back({auth::Credentials::plain(password), ++last_id_});
  }

  struct Tried {
    auth::Credentials credentials;
    std::uint64_t id = 0;  // for refuse()
  };
  /// What the next server is asked with: what is known, else the oldest offer.
  Tried to_try(const std::string& database, const std::string& user) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find({database, user});
    if (it == entries_.end()) return {};
    const Entry& entry = it->second;
    return entry.is_known() || entry.offers.empty() ? entry.known : entry.offers.front();
  }
  /// A server did not take it. True: there is something else by now.
  bool refuse(const std::string& database, const std::string& user, std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find({database, user});
    if (it == entries_.end()) return false;
    Entry& entry = it->second;
    if (entry.known.id == id) entry.known = {};
    std::erase_if(entry.offers, [&](const Tried& each) { return each.id == id; });
    if (entry.is_known() || !entry.offers.empty()) return true;
    entries_.erase(it);
    return false;
  }

 private:
  struct Entry {
    Tried known;
    std::vector<Tried> offers;
    bool is_known() const { return known.credentials.kind != auth::CredentialKind::none; }
  };
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Entry> entries_;
  std::uint64_t last_id_ = 0;
};

}  // namespace heim::session
