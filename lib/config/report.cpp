#include "config/report.hpp"

#include <algorithm>
#include <utility>

namespace heim::config {
namespace {

constexpr std::size_t max_diagnostics = 100;

std::vector<Diagnostic> in_order(std::vector<Diagnostic> list) {
  std::ranges::stable_sort(list, [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return list;
}

}  // namespace

Diagnostic Report::make(const std::string& key, Position at, std::string message) const {
  return {file_, at.line, at.column, key, std::move(message)};
}

void Report::error(const std::string& key, Position at, std::string message) {
  failed_.insert(key);
  if (errors_.size() < max_diagnostics) errors_.push_back(make(key, at, std::move(message)));
}

void Report::warning(const std::string& key, Position at, std::string message) {
  if (warnings_.size() < max_diagnostics) warnings_.push_back(make(key, at, std::move(message)));
}

bool Report::place(const std::string& key, Position at) { return places_.emplace(key, at).second; }

Position Report::where(const std::string& key) const {
  const auto at = places_.find(key);
  if (at != places_.end()) return at->second;
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos ? Position() : where(key.substr(0, dot));
}

const std::string* Report::blamed(const std::vector<std::string>& keys) const {
  if (std::ranges::any_of(keys, [&](const auto& key) { return failed_.contains(key); })) {
    return nullptr;
  }
  const auto at = std::ranges::find_if(keys, [&](const auto& key) { return given(key); });
  return at == keys.end() ? &keys.front() : &*at;
}

void Report::conflict(std::initializer_list<std::string> keys, std::string message) {
  const std::vector<std::string> all(keys);
  if (const std::string* key = blamed(all)) error(*key, where(*key), std::move(message));
}

void Report::doubt(std::initializer_list<std::string> keys, std::string message) {
  const std::vector<std::string> all(keys);
  if (const std::string* key = blamed(all)) warning(*key, where(*key), std::move(message));
}

std::vector<Diagnostic> Report::take_errors() { return in_order(std::move(errors_)); }
std::vector<Diagnostic> Report::take_warnings() { return in_order(std::move(warnings_)); }

}  // namespace heim::config
