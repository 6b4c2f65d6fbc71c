#include "session/states.hpp"

namespace heim::session {

std::string_view name(ClientState state) {
  static constexpr std::string_view names[] = {"start",  "tls",      "auth",    "secret",
                                               "relay",  "login",    "idle",    "waiting",
                                               "linked", "skipping", "console", "closing"};
  static_assert(std::size(names) == static_cast<std::size_t>(ClientState::count_));
  return names[static_cast<std::size_t>(state)];
}

std::string_view name(ClientEvent event) {
  static constexpr std::string_view names[] = {
      "tls_begins", "tls_done",       "challenged",  "secret_wanted", "relayed",  "authenticated",
      "admitted",   "console_opened", "queued",      "linked",        "released", "refused",
      "resynced",   "answered",       "server_lost", "failed",        "gone"};
  static_assert(std::size(names) == static_cast<std::size_t>(ClientEvent::count_));
  return names[static_cast<std::size_t>(event)];
}

std::string_view name(ServerState state) {
  static constexpr std::string_view names[] = {"connecting", "asking_tls", "tls",
                                               "login",      "idle",       "linked",
                                               "cleaning",   "canceling",  "closing"};
  static_assert(std::size(names) == static_cast<std::size_t>(ServerState::count_));
  return names[static_cast<std::size_t>(state)];
}

std::string_view name(ServerEvent event) {
  static constexpr std::string_view names[] = {
      "up",    "tls_asked",  "tls_accepted", "tls_refused", "tls_done", "retried",     "ready",
      "taken", "given_back", "left_dirty",   "cleaned",     "held",     "cancel_over", "lost"};
  static_assert(std::size(names) == static_cast<std::size_t>(ServerEvent::count_));
  return names[static_cast<std::size_t>(event)];
}

}  // namespace heim::session
