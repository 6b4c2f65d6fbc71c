#include "route/rules.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <bit>

#include "auth/address.hpp"

namespace heim::route {

struct Rules::Compiled {
  config::RouteRule asks;
  std::unique_ptr<re2::RE2> regex;  // null: not asked
  std::vector<auth::Network> networks;
  Outcome outcome;
};

namespace {

constexpr std::int64_t regex_memory = 4 << 20;

Error wrong(const config::RouteRule& rule, std::string what) {
  return {"F0000", "rule \"" + rule.name + "\": " + std::move(what), {}, {}};
}

std::optional<auth::Network> network_of(const std::string& text) {
  if (text.find('/') != std::string::npos) return auth::Network::parse_cidr(text);
  const auto address = auth::Address::parse(text);
  if (!address) return std::nullopt;
  return auth::Network::parse_cidr(text + (address->v6 ? "/128" : "/32"));
}

bool has(const std::vector<std::string>& values, std::string_view value) {
  return std::ranges::find(values, value) != values.end();
}
bool holds(const std::vector<std::string>& values, std::string_view value) {
  return values.empty() || has(values, value);
}

bool comes_from(const std::vector<auth::Network>& networks, std::string_view address) {
  if (networks.empty()) return true;
  const auto peer = auth::Address::of_peer(address);
  return peer && std::ranges::any_of(
                     networks, [&](const auth::Network& each) { return each.contains(*peer); });
}

bool is_of_session(const config::RouteRule& rule) {
  return rule.fingerprint.empty() && rule.table.empty() && rule.regex.empty() && !rule.workload &&
         !rule.temperature;
}

RuleMask bit(std::size_t rule) { return RuleMask{1} << rule; }

}  // namespace

Rules::Rules() = default;
Rules::~Rules() = default;

Result<std::shared_ptr<const Rules>> Rules::compile(const std::vector<config::RouteRule>& rules) {
  const auto out = std::shared_ptr<Rules>(new Rules());
  if (rules.size() > max_rules) return Error{"F0000", "there are more than 64 rules", {}, {}};
  for (const config::RouteRule& rule : rules) {
    Compiled compiled;
    compiled.asks = rule;
    if (!rule.regex.empty()) {
      re2::RE2::Options options(re2::RE2::Quiet);
      options.set_max_mem(regex_memory);
      compiled.regex = std::make_unique<re2::RE2>(rule.regex, options);
      if (!compiled.regex->ok()) return wrong(rule, "regex: " + compiled.regex->error());
    }
    for (const std::string& text : rule.client_address) {
      const auto network = network_of(text);
      if (!network) return wrong(rule, "\"" + text + "\" is no address or network");
      compiled.networks.push_back(*network);
    }
    compiled.outcome = {rule.name,
                        rule.route.value_or(Wish{}),
                        rule.freshness,
                        rule.nodes,
                        rule.log,
                        rule.cache,
                        rule.cache_ttl,
                        rule.cache_max_result_size,
                        rule.cache_row_security,
                        rule.stale_while_revalidate,
                        is_of_session(rule)};
    out->add(std::move(compiled));
  }
  return std::shared_ptr<const Rules>(out);
}

void Rules::add(Compiled compiled) {
  const RuleMask own = bit(rules_.size());
  const auto spread = [own](auto& masks, const auto& asked) {
    for (std::size_t i = 0; i < masks.size(); ++i) {
      if (!asked || static_cast<std::size_t>(*asked) == i) masks[i] |= own;
    }
  };
  spread(workloads_, compiled.asks.workload);
  spread(temperatures_, compiled.asks.temperature);
  asks_workload_ |= compiled.asks.workload.has_value();
  asks_temperature_ |= compiled.asks.temperature.has_value();
  rules_.push_back(std::move(compiled));
}

RuleMask Rules::of_statement(std::string_view fingerprint, std::string_view normal,
                             const std::vector<std::string>& tables) const {
  RuleMask mask = 0;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Compiled& rule = rules_[i];
    if (!holds(rule.asks.fingerprint, fingerprint)) continue;
    const bool names =
        rule.asks.table.empty() || std::ranges::any_of(tables, [&](const std::string& table) {
          return has(rule.asks.table, table);
        });
    if (!names) continue;
    const re2::StringPiece form(normal.data(), normal.size());
    if (rule.regex && !re2::RE2::PartialMatch(form, *rule.regex)) continue;
    mask |= bit(i);
  }
  return mask;
}

RuleMask Rules::of_session(const Who& who) const {
  RuleMask mask = 0;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const config::RouteRule& asks = rules_[i].asks;
    const bool all = holds(asks.user, who.user) && holds(asks.database, who.database) &&
                     holds(asks.application_name, who.application_name) &&
                     comes_from(rules_[i].networks, who.address);
    if (all) mask |= bit(i);
  }
  return mask;
}

const Outcome* Rules::outcome(RuleMask mask) const {
  const auto first = static_cast<std::size_t>(std::countr_zero(mask));
  return first < rules_.size() ? &rules_[first].outcome : nullptr;
}

std::size_t Rules::size() const { return rules_.size(); }

}  // namespace heim::route
