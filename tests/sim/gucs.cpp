#include "gucs.hpp"

#include <algorithm>
#include <cctype>

namespace heim::sim {
namespace {

constexpr KnownGuc known_gucs[] = {
    {"application_name", "", true, true},
    {"client_encoding", "UTF8", true, true},
    {"DateStyle", "ISO, MDY", true, true},
    {"IntervalStyle", "postgres", true, true},
    {"TimeZone", "Etc/UTC", true, true},
    {"standard_conforming_strings", "on", true, true},
    {"default_transaction_read_only", "off", true, true},
    {"in_hot_standby", "off", true, false},
    {"integer_datetimes", "on", true, false},
    {"is_superuser", "on", true, false},
    {"server_encoding", "UTF8", true, false},
    {"server_version", "15.13", true, false},
    {"session_authorization", "app", true, false},
    {"work_mem", "4MB", false, true},
    {"statement_timeout", "0", false, true},
    {"search_path", "\"$user\", public", false, true},
    {"jit", "on", false, true},
    {"extra_float_digits", "1", false, true},
    {"array_nulls", "on", false, true},
    {"lc_monetary", "C", false, true},
    {"timezone_abbreviations", "Default", false, true},
    {"transform_null_equals", "off", false, true},
    {"xmloption", "content", false, true},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

const KnownGuc* find_guc(std::string_view name) {
  const std::string folded = lower(name);
  for (const KnownGuc& guc : known_gucs) {
    if (lower(guc.name) == folded) return &guc;
  }
  return nullptr;
}

std::string canonical_guc(std::string_view name) {
  const KnownGuc* guc = find_guc(name);
  return guc ? std::string(guc->name) : lower(name);
}

bool Gucs::set_default(std::string_view name, std::string_view value) {
  const KnownGuc* guc = find_guc(name);
  if (guc ? !guc->settable : name.find('.') == name.npos) return false;
  defaults_[canonical_guc(name)] = value;
  return true;
}

bool Gucs::known(std::string_view name) const {
  return find_guc(name) || name.find('.') != name.npos;
}

void Gucs::set_default_now(std::string_view name, bool local) {
  set(name, default_of(canonical_guc(name)), local);
}

std::string Gucs::default_of(const std::string& canonical) const {
  const auto it = defaults_.find(canonical);
  if (it != defaults_.end()) return it->second;
  const KnownGuc* guc = find_guc(canonical);
  return guc ? std::string(guc->value) : std::string();
}

std::string Gucs::show(std::string_view name) const {
  const std::string canonical = canonical_guc(name);
  const auto it = current_.find(canonical);
  return it != current_.end() ? it->second : default_of(canonical);
}

void Gucs::set(std::string_view name, const std::string& value, bool local) {
  const std::string canonical = canonical_guc(name);
  current_[canonical] = value;
  if (!local) session_[canonical] = value;
}

void Gucs::reset(std::string_view name) {
  const std::string canonical = canonical_guc(name);
  current_.erase(canonical);
  session_.erase(canonical);
}

void Gucs::reset_all() {
  current_.clear();
  session_.clear();
}

std::map<std::string, std::string> Gucs::of_session() const {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : session_) {
    if (find_guc(name)) values[name] = value;
  }
  return values;
}

std::map<std::string, std::string> Gucs::reported() const {
  std::map<std::string, std::string> values;
  for (const KnownGuc& guc : known_gucs) {
    if (guc.reported) values.emplace(guc.name, show(guc.name));
  }
  return values;
}

}  // namespace heim::sim
