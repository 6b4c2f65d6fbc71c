// What keeps a client of mode `auto` on its server between transactions: one bit a reason.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heim::session {

using Holds = std::uint16_t;

inline constexpr Holds hold_text = 1, hold_temp = 2, hold_cursor = 4, hold_lock = 8, hold_load = 16,
                       hold_seed = 32, hold_setting = 64, hold_unknown = 128, hold_listen = 256,
                       hold_sequence = 512, hold_names = 1024, hold_own = 2048, hold_nextval = 4096,
                       hold_encoding = 8192, hold_prepared = 16384;
/// These end with the session only.
inline constexpr Holds hold_for_ever = hold_text | hold_load | hold_seed | hold_sequence |
                                       hold_names | hold_own | hold_encoding | hold_prepared;

struct HoldReason {
  Holds bit;
  std::string_view name;  // in SHOW PINS and metrics
  std::string_view text;  // in SHOW CLIENTS, logs and messages
};

inline constexpr std::array hold_reasons = {
    HoldReason{hold_text, "large_statement", "a statement of more than 1 MiB was prepared"},
    HoldReason{hold_temp, "temporary_objects", "temporary objects"},
    HoldReason{hold_cursor, "cursor", "a cursor WITH HOLD"},
    HoldReason{hold_lock, "advisory_lock", "an advisory lock"},
    HoldReason{hold_load, "load", "a library it loaded"},
    HoldReason{hold_names, "statement_names", "SQL that names statements of the protocol"},
    HoldReason{hold_seed, "setseed", "setseed()"},
    HoldReason{hold_own, "own_server", "a statement that tells one server process from another"},
    HoldReason{hold_encoding, "encoding",
               "a setting outside ASCII, in an encoding of the client's"},
    HoldReason{hold_prepared, "prepared", "SQL's PREPARE under settings that have changed since"},
    HoldReason{hold_sequence, "sequences", "currval() and lastval() of what it inserts"},
    HoldReason{hold_nextval, "nextval", "nextval(), which currval() may follow soon"},
    HoldReason{hold_listen, "listen", "LISTEN"},
    HoldReason{hold_setting, "setting", "a setting that only its role may set"},
    HoldReason{hold_unknown, "unknown", "its state could not be read"},
};

/// The place in `hold_reasons` of the first that is among `holds`; their number if there is none.
constexpr std::size_t first_reason(Holds holds) {
  std::size_t at = 0;
  while (at < hold_reasons.size() && (hold_reasons[at].bit & holds) == 0) ++at;
  return at;
}

/// A count for each reason.
using HoldCounts = std::array<std::uint64_t, hold_reasons.size()>;

}  // namespace heim::session
