// How a client's texts are read at this moment, as far as it is known: literals as the settings of
// their Parse say, names by search_path and role.
#pragma once
#include <cstdint>

#include "session/settings.hpp"

namespace heim::session {

struct Reading {
  // What texts are read under has changed: the server's word on it is awaited, or the transaction's
  // end.
  bool changed = false, local = false;
  bool unreported = false;  // among that, something that servers do not report by themselves
  // Each change that may be makes another round.
  std::uint64_t round = 0;
  std::uint64_t epoch = 1;     // but for BEGIN and COMMIT
  std::uint64_t answered = 0;  // the round whose end was reported

  void turn() { ++round, ++epoch; }
  bool is_open() const { return changed || local; }
  /// Whether the parameters that the client was told say all about literals.
  bool is_told() const { return answered == round && !unreported; }
  /// A key that is nobody else's.
  std::uint64_t own_key(std::uint64_t session) const {
    return ~session ^ (round * 0xbf58476d1ce4e5b9U);
  }
  /// Tells apart under what literals are read now; not 0.
  std::uint64_t literals(std::uint64_t session, const Settings& told, const Settings& set) const {
    if (!is_told()) return own_key(session);
    const std::uint64_t key = (told ? told->reported : 0) ^ set->unreported;
    return key != 0 ? key : 1;
  }
};

}  // namespace heim::session
