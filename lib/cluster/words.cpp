// What people read.
#include "cluster/reducer.hpp"

namespace heim::cluster {

const char* to_text(Role role) {
  switch (role) {
    case Role::unknown:
      return "unknown";
    case Role::primary:
      return "primary";
    case Role::standby:
      return "standby";
    case Role::removed:
      return "removed";
  }
  return "";
}

const char* to_text(Condition condition) {
  switch (condition) {
    case Condition::serving:
      return "serving";
    case Condition::down:
      return "down";
    case Condition::draining:
      return "draining";
    case Condition::maintenance:
      return "maintenance";
    case Condition::refused:
      return "refused";
  }
  return "";
}

void Reducer::say(std::uint32_t index, const Verdict& verdict) {
  const bool grave = verdict.alarm || verdict.condition == Condition::down;
  say(grave ? LogLevel::error : LogLevel::info,
      "node " + name(index) + ": " + to_text(verdict.role) + ", " + to_text(verdict.condition) +
          (verdict.reason.empty() ? "" : ": " + verdict.reason));
}

std::string lsn_text(std::uint64_t lsn) {
  constexpr char digits[] = "0123456789ABCDEF";
  const auto hex = [&](std::uint64_t value) {
    std::string out;
    do {
      out.insert(out.begin(), digits[value & 15]);
    } while ((value >>= 4) != 0);
    return out;
  };
  return hex(lsn >> 32) + '/' + hex(lsn & 0xffffffff);
}

}  // namespace heim::cluster
