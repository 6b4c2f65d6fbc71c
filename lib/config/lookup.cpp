// Names to keys, and misspelt names to what was meant.
#include <algorithm>
#include <array>
#include <vector>

#include "config/schema.hpp"
#include "config/text.hpp"

namespace heim::config {
namespace {

/// Written by people who say it otherwise; nearest() cannot know.
struct Synonym {
  std::string_view said, meant;
};
constexpr std::array<Synonym, 9> synonyms{{{"servers", "nodes"},
                                           {"server", "nodes"},
                                           {"backends", "nodes"},
                                           {"hosts", "nodes"},
                                           {"pool", "proxy"},
                                           {"general", "proxy"},
                                           {"tls", "client_tls"},
                                           {"ssl", "client_tls"},
                                           {"logging", "log"}}};

bool is_own(const Key& key, std::string_view name) {
  return key.name == name || (!key.pgbouncer.empty() && key.pgbouncer == name);
}

/// Whether PgBouncer's only section has the key by this name.
bool is_flat(const Section& section, const Key& key, std::string_view name) {
  if (section.list) return false;
  const bool same_name = section.name == "timeouts" && key.name != "abandon_timeout";
  return key.pgbouncer.empty() ? same_name && key.name == name : key.pgbouncer == name;
}

std::string did_you_mean(std::string_view what) {
  return what.empty() ? std::string() : "; did you mean " + std::string(what) + "?";
}

}  // namespace

const Section* find_section(std::string_view name) {
  if (name == "pgbouncer") name = "proxy";
  for (const Section& section : sections()) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

Found find_key(const Section& section, std::string_view name) {
  for (const Key& key : section.keys) {
    if (is_own(key, name)) return {&section, &key};
  }
  if (section.name != "proxy") return {};
  for (const Section& other : sections()) {
    for (const Key& key : other.keys) {
      if (is_flat(other, key, name)) return {&other, &key};
    }
  }
  return {};
}

std::string suggest_key(const Section& section, std::string_view name) {
  for (const Section& other : sections()) {
    for (const Key& key : other.keys) {
      if (&other == &section || !is_own(key, name)) continue;
      return "; it belongs to [" + std::string(other.name) + "]";
    }
  }
  std::vector<std::string_view> candidates;
  for (const Key& key : section.keys) {
    candidates.push_back(key.name);
    if (!key.pgbouncer.empty()) candidates.push_back(key.pgbouncer);
  }
  if (section.name == "proxy") {
    for (const Section& other : sections()) {
      for (const Key& key : other.keys) {
        const std::string_view flat = key.pgbouncer.empty() ? key.name : key.pgbouncer;
        if (is_flat(other, key, flat)) candidates.push_back(flat);
      }
    }
  }
  return did_you_mean(nearest(name, candidates));
}

std::string suggest_section(std::string_view name) {
  for (const Section& section : sections()) {
    const bool within = section.name.find('.') != std::string_view::npos;
    for (const Key& key : section.keys) {
      if (!section.list && !within && is_own(key, name)) {
        return "; it belongs to [" + std::string(section.name) + "]";
      }
    }
  }
  for (const Synonym& synonym : synonyms) {
    if (synonym.said == name) return did_you_mean(synonym.meant);
  }
  std::vector<std::string_view> candidates;
  for (const Section& section : sections()) candidates.push_back(section.name);
  return did_you_mean(nearest(name, candidates));
}

std::string flat_name(const Section& section, const Key& key) {
  if (!key.pgbouncer.empty()) return std::string(key.pgbouncer);
  const bool plain = section.name == "proxy" || section.name == "timeouts";
  std::string prefix = plain ? std::string() : std::string(section.name) + "_";
  std::ranges::replace(prefix, '.', '_');
  return prefix + std::string(key.name);
}

}  // namespace heim::config
