#include "route/explain.hpp"

#include <charconv>
#include <cstdio>

namespace heim::route {

namespace {

std::string joined(const std::vector<std::string>& names, bool everything) {
  std::string out = everything ? "everything" : "";
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "nothing" : out;
}

std::string milliseconds(std::int64_t ns) {
  return ns < 0 ? "not known" : std::to_string(ns / 1'000'000) + " ms";
}

std::string needed(const freshness::Verdict& verdict, const World& world) {
  if (verdict.any) return "whatever there is";
  std::string out;
  if (verdict.primary_only) {
    out = std::string(verdict.reason) + " (" + world.ledger.name(verdict.table) + ")";
  } else {
    out = "replayed " + lsn_text(verdict.lsn);
    if (verdict.table != 0) out += " (" + world.ledger.name(verdict.table) + ")";
  }
  if (verdict.lag_below.count() > 0) {
    out += ", or a lag below " + milliseconds(verdict.lag_below.count());
  }
  return out;
}

std::string state_of(const World& world, std::uint32_t node, const freshness::Verdict& verdict,
                     Instant now) {
  const cluster::NodeState& state = world.nodes.state(node);
  constexpr std::string_view roles[] = {"role unknown", "primary", "standby", "removed"};
  const auto role = world.nodes.role(node);
  std::string out(roles[static_cast<std::size_t>(role)]);
  if (!world.nodes.up(node, now)) out += ", not up";
  if (role != cluster::Role::standby) return out;
  const std::uint64_t replayed = state.replayed.load();
  const std::int64_t lag = state.lag_ns.load();
  out += ", replayed " + (replayed == 0 ? "not known" : lsn_text(replayed));
  out += ", lag " + milliseconds(lag);
  return out + (verdict.allows(replayed, lag) ? ", fresh enough" : ", not fresh enough");
}

}  // namespace

std::string lsn_text(std::uint64_t lsn) {
  char text[24];
  const int size = std::snprintf(text, sizeof text, "%X/%X", static_cast<unsigned>(lsn >> 32),
                                 static_cast<unsigned>(lsn));
  return {text, static_cast<std::size_t>(size)};
}

std::optional<std::uint64_t> parse_lsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::uint64_t halves[2] = {0, 0};
  const std::string_view parts[2] = {text.substr(0, slash), text.substr(slash + 1)};
  for (int i = 0; i < 2; ++i) {
    if (parts[i].empty() || parts[i].size() > 8) return std::nullopt;
    const char* const end = parts[i].data() + parts[i].size();
    const auto [rest, error] = std::from_chars(parts[i].data(), end, halves[i], 16);
    if (error != std::errc() || rest != end) return std::nullopt;
  }
  return halves[0] << 32 | halves[1];
}

std::vector<Explained> explain(const Ask& ask, const Decision& decision, const World& world,
                               Instant now) {
  const Needs& needs = ask.plan.needs;
  std::vector<Explained> out;
  const auto row = [&out](std::string what, std::string value) {
    out.push_back({std::move(what), std::move(value)});
  };
  row("node", decision.node ? world.nodes.node(*decision.node).name : "none");
  row("reason", std::string(decision.reason));
  if (!decision.remark.empty()) row("remark", std::string(decision.remark));
  if (decision.rule != nullptr) row("rule", decision.rule->name);
  if (ask.wish.kind != Wish::Kind::none) row("asked for", to_text(ask.wish));
  row("statement", std::string(needs.reason));
  row("reads", joined(needs.reads, needs.reads_everything));
  row("writes", joined(needs.writes, needs.writes_everything));
  if (needs.place != Place::standby && !needs.if_asked) return out;
  row("must have", needed(decision.verdict, world));
  for (std::uint32_t i = 0; i < world.nodes.size(); ++i) {
    row("node " + world.nodes.node(i).name, state_of(world, i, decision.verdict, now));
  }
  return out;
}

}  // namespace heim::route
