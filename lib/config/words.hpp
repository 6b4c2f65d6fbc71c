// The words that stand for enumerators, in files and in what we print.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace heim::config {

/// The first word of an enumerator is its name; later ones are accepted too.
template <class E>
struct Word {
  std::string_view text;
  E value;
};

inline constexpr Word<PoolMode> pool_mode_words[] = {{"auto", PoolMode::automatic},
                                                     {"session", PoolMode::session},
                                                     {"transaction", PoolMode::transaction},
                                                     {"statement", PoolMode::statement}};
inline constexpr Word<OnUnsupported> on_unsupported_words[] = {
    {"pin", OnUnsupported::pin}, {"warn", OnUnsupported::warn}, {"error", OnUnsupported::error}};
inline constexpr Word<NodeRole> node_role_words[] = {{"auto", NodeRole::automatic},
                                                     {"primary", NodeRole::primary},
                                                     {"standby", NodeRole::standby},
                                                     {"automatic", NodeRole::automatic},
                                                     {"replica", NodeRole::standby}};
inline constexpr Word<Route> route_words[] = {
    {"primary", Route::primary}, {"standby", Route::standby}, {"replica", Route::standby}};
inline constexpr Word<AuthType> auth_type_words[] = {{"relay", AuthType::relay},
                                                     {"trust", AuthType::trust},
                                                     {"password", AuthType::password},
                                                     {"md5", AuthType::md5},
                                                     {"scram-sha-256", AuthType::scram_sha_256},
                                                     {"cert", AuthType::cert},
                                                     {"hba", AuthType::hba},
                                                     {"plain", AuthType::password},
                                                     {"scram_sha_256", AuthType::scram_sha_256}};
inline constexpr Word<LogFormat> log_format_words[] = {{"text", LogFormat::text},
                                                       {"json", LogFormat::json}};
inline constexpr Word<Discovery> discovery_words[] = {{"none", Discovery::none},
                                                      {"replication", Discovery::replication},
                                                      {"patroni", Discovery::patroni}};
inline constexpr Word<Coherence> coherence_words[] = {{"push", Coherence::push},
                                                      {"strict", Coherence::strict}};
inline constexpr Word<Follow> follow_words[] = {{"off", Follow::off}, {"wal", Follow::wal}};
inline constexpr Word<OnLoss> on_loss_words[] = {{"bypass", OnLoss::bypass}, {"ttl", OnLoss::ttl}};
inline constexpr Word<Reads> reads_words[] = {
    {"primary", Reads::primary}, {"standby", Reads::standby}, {"replica", Reads::standby}};
inline constexpr Word<Balance> balance_words[] = {{"least_connections", Balance::least_connections},
                                                  {"round_robin", Balance::round_robin},
                                                  {"latency", Balance::latency},
                                                  {"random_of_two", Balance::random_of_two}};
inline constexpr Word<Workload> workload_words[] = {{"unknown", Workload::unknown},
                                                    {"oltp", Workload::oltp},
                                                    {"analytics", Workload::analytics},
                                                    {"vector", Workload::vector}};
inline constexpr Word<Temperature> temperature_words[] = {{"frozen", Temperature::frozen},
                                                          {"cold", Temperature::cold},
                                                          {"warm", Temperature::warm},
                                                          {"hot", Temperature::hot}};
inline constexpr Word<SslMode> ssl_mode_words[] = {
    {"disable", SslMode::disable},     {"allow", SslMode::allow},
    {"prefer", SslMode::prefer},       {"require", SslMode::require},
    {"verify-ca", SslMode::verify_ca}, {"verify-full", SslMode::verify_full},
    {"verify_ca", SslMode::verify_ca}, {"verify_full", SslMode::verify_full}};

constexpr std::span<const Word<PoolMode>> words(PoolMode) { return pool_mode_words; }
constexpr std::span<const Word<OnUnsupported>> words(OnUnsupported) { return on_unsupported_words; }
constexpr std::span<const Word<NodeRole>> words(NodeRole) { return node_role_words; }
constexpr std::span<const Word<Route>> words(Route) { return route_words; }
constexpr std::span<const Word<AuthType>> words(AuthType) { return auth_type_words; }
constexpr std::span<const Word<Follow>> words(Follow) { return follow_words; }
constexpr std::span<const Word<OnLoss>> words(OnLoss) { return on_loss_words; }
constexpr std::span<const Word<Reads>> words(Reads) { return reads_words; }
constexpr std::span<const Word<Balance>> words(Balance) { return balance_words; }
constexpr std::span<const Word<Workload>> words(Workload) { return workload_words; }
constexpr std::span<const Word<Temperature>> words(Temperature) { return temperature_words; }
constexpr std::span<const Word<LogFormat>> words(LogFormat) { return log_format_words; }
constexpr std::span<const Word<Coherence>> words(Coherence) { return coherence_words; }
constexpr std::span<const Word<Discovery>> words(Discovery) { return discovery_words; }
constexpr std::span<const Word<SslMode>> words(SslMode) { return ssl_mode_words; }

/// "transaction", "scram-sha-256", ...
template <class E>
requires requires(E value) { words(value); }
constexpr std::string_view to_text(E value) {
  for (const auto& word : words(value)) {
    if (word.value == value) return word.text;
  }
  return "?";
}

/// The enumerators' names, without the other words: for messages and the documentation.
template <class E>
std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& word : words(E{})) {
    if (to_text(word.value) == word.text) out.emplace_back(word.text);
  }
  return out;
}

}  // namespace heim::config
