#include "belief.hpp"

#include <algorithm>

namespace heim::sim {

using cluster::Condition;
using cluster::Role;

Belief::Member& Belief::member(std::uint32_t index) {
  if (members_.size() <= index) members_.resize(index + 1);
  return members_[index];
}

void Belief::answered(std::uint32_t index, const Answer& answer) {
  Member& one = member(index);
  one.answer = answer;
  one.failures = 0;
  timeline_ = std::max(timeline_, answer.timeline);
  publish();
}

void Belief::failed(std::uint32_t index) {
  Member& one = member(index);
  ++one.failures;
  if (one.failures > 1) one.answer.reset();
  publish();
}

void Belief::publish() {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    const Member& one = members_[i];
    if (!one.answer || one.answer->in_recovery || one.answer->timeline != timeline_) continue;
    primary_ = i;
    primary_timeline_ = timeline_;
  }
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    const Member& one = members_[i];
    cluster::NodeState& state = nodes_.state(i);
    const bool old = one.answer && one.answer->timeline < timeline_;
    const bool refused = old && !one.answer->in_recovery;
    const Condition condition = refused            ? Condition::refused
                                : one.failures > 1 ? Condition::down
                                                   : Condition::serving;
    const Role role = primary_ == i ? Role::primary : primary_ ? Role::standby : nodes_.role(i);
    changed_ |= state.role.exchange(role) != role;
    changed_ |= state.condition.exchange(condition) != condition;
    const bool counts = one.answer && one.answer->in_recovery && !old;
    state.replayed = counts ? one.answer->replayed : 0;
  }
}

}  // namespace heim::sim
