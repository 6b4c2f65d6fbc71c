// What loading has found so far: collects diagnostics and remembers where each key stood.
#pragma once
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace heim::config {

class Report {
 public:
  explicit Report(std::string_view file) : file_(file) {}

  void error(const std::string& key, Position at, std::string message);
  void warning(const std::string& key, Position at, std::string message);

  /// `key` was given at `at`. False if it was before.
  bool place(const std::string& key, Position at);
  /// Whether the file gave it. A key that could not be read counts as given.
  bool given(const std::string& key) const { return places_.contains(key); }
  Position where(const std::string& key) const;
  /// Whether there is an error about that very key.
  bool failed(const std::string& key) const { return failed_.contains(key); }

  /// About how keys go together. Where one of them could not be read, nothing is said: fixing that
  /// comes first. The first key that the file gave is blamed, else the first.
  void conflict(std::initializer_list<std::string> keys, std::string message);
  void doubt(std::initializer_list<std::string> keys, std::string message);

  /// In the file's order.
  std::vector<Diagnostic> take_errors();
  std::vector<Diagnostic> take_warnings();

 private:
  const std::string* blamed(const std::vector<std::string>& keys) const;
  Diagnostic make(const std::string& key, Position at, std::string message) const;

  std::string file_;
  std::vector<Diagnostic> errors_, warnings_;
  std::map<std::string, Position> places_;
  std::set<std::string> failed_;  // keys with an error
};

}  // namespace heim::config
