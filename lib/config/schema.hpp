// Every key there is, one line each. Loading, printing, SHOW CONFIG and the documentation's tables
// all come from here; a setting that is not in this table cannot be set.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "config/convert.hpp"
#include "config/settings.hpp"

namespace heim::config {

struct Key {
  std::string_view name;
  std::string_view pgbouncer;  // PgBouncer's name; empty: it has none, or the same
  Rule rule;
  /// `object` is the struct that the key's section stands for.
  Note (*read)(const Value& from, const Rule& rule, void* object);
  std::optional<Value> (*write)(const void* object, const Rule& rule);
  std::string (*type)(const Rule& rule);
  bool secret;
  std::string_view doc;      // what it means: one sentence or two
  bool required = false;     // in each entry of a list of tables
  std::string_view restart;  // why it cannot change while running; empty: it can

  constexpr Key must() const {
    Key key = *this;
    key.required = true;
    return key;
  }
  constexpr Key fixed(std::string_view why) const {
    Key key = *this;
    key.restart = why;
    return key;
  }
};

/// A table of the file, or a list of tables.
struct Section {
  std::string_view name;
  bool list;
  std::span<const Key> keys;
  std::size_t (*size)(const Settings& settings);  // 1 if it is no list
  void* (*address)(Settings& settings, std::size_t index);
  void (*append)(Settings& settings);  // lists only

  const void* at(const Settings& settings, std::size_t index) const;
};

/// In the order of the documentation.
std::span<const Section> sections();

/// By its name, or as PgBouncer's [pgbouncer]; nullptr if there is none.
const Section* find_section(std::string_view name);

struct Found {
  const Section* section = nullptr;
  const Key* key = nullptr;
};
/// Looks `name` up as one of `section`. The section [proxy] also takes each key that PgBouncer
/// keeps in its one section, wherever it lives here.
Found find_key(const Section& section, std::string_view name);

/// The nearest thing to what was meant, as the end of a sentence ("; did you mean ...?"), or empty.
std::string suggest_key(const Section& section, std::string_view name);
std::string suggest_section(std::string_view name);

/// The name PgBouncer's SHOW CONFIG has for it, or one made like those ("log_level").
std::string flat_name(const Section& section, const Key& key);

}  // namespace heim::config
