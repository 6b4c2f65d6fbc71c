// What is asked for, in which order: made from a seed, the same on every machine.
#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reference.hpp"

namespace heim::cache::test {

/// Numbers from a seed.
class Dice {
 public:
  explicit Dice(Number seed) : state_(seed) {}
  Number next() { return mix(state_ += 0x9e3779b97f4a7c15u); }
  Number below(Number limit) { return next() % limit; }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  Number state_;
};

/// Ranks from 0, the k-th about k^-skew times as often as the first.
class Zipf {
 public:
  Zipf(Number count, double skew) : sums_(count) {
    double sum = 0;
    for (Number i = 0; i < count; ++i) {
      sums_[i] = sum += std::pow(static_cast<double>(i + 1), -skew);
    }
  }
  Number draw(Dice& dice) const {
    const double at = dice.unit() * sums_.back();
    return static_cast<Number>(std::lower_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

using Trace = std::vector<Number>;

/// Keys of several kinds do not meet.
inline Number kind(Number which, Number key) { return which << 48 | key; }

inline Trace zipf(Number keys, double skew, std::size_t length) {
  const Zipf ranks(keys, skew);
  Dice dice(1);
  Trace trace(length);
  for (Number& key : trace) key = ranks.draw(dice);
  return trace;
}

/// Every so often somebody reads a part of a large table from one end to the other, once: a report,
/// an export.
inline Trace scans(Number keys, std::size_t length) {
  const Zipf ranks(keys, 0.9);
  Dice dice(2);
  Trace trace;
  for (Number scanned = 0; trace.size() < length;) {
    if (dice.below(4 * keys) != 0) {
      trace.push_back(ranks.draw(dice));
      continue;
    }
    for (Number i = 0; i < keys; ++i) trace.push_back(kind(1, scanned++));
  }
  trace.resize(length);
  return trace;
}

/// What is popular changes: of every tenth of the trace, half of the ranks name other keys.
inline Trace shifting(Number keys, std::size_t length) {
  const Zipf ranks(keys, 0.9);
  Dice dice(3);
  Trace trace(length);
  for (std::size_t i = 0; i < length; ++i) {
    const Number rank = ranks.draw(dice), era = i / (length / 10);
    trace[i] = rank % 2 == 0 ? rank : kind(1 + era, rank);
  }
  return trace;
}

/// As pgbench asks: an account at random (most of the keys), its teller, its branch.
inline Trace pgbench(Number accounts, std::size_t length) {
  Dice dice(4);
  const Zipf skewed(accounts, 0.8);
  Trace trace;
  while (trace.size() < length) {
    const Number account = dice.below(2) ? skewed.draw(dice) : dice.below(accounts);
    trace.push_back(kind(1, account));
    trace.push_back(kind(2, dice.below(accounts / 1'000)));
    trace.push_back(kind(3, account % (accounts / 10'000)));
  }
  trace.resize(length);
  return trace;
}

/// As a shop asks: visitors come, look at some articles, popular or new ones, each with its price,
/// reviews and the visitor's own basket again and again, and leave.
inline Trace shop(Number articles, std::size_t length) {
  Dice dice(5);
  const Zipf popular(articles, 0.9);
  const Zipf recent(articles / 10, 1.0);
  Trace trace;
  Number newest = articles, visitor = 0;
  std::vector<Number> here(articles / 100);
  for (Number& each : here) each = visitor++;
  while (trace.size() < length) {
    Number& who = here[dice.below(here.size())];
    const Number article = dice.below(4) ? popular.draw(dice) : newest - recent.draw(dice);
    trace.push_back(kind(1, dice.below(30)));  // the front page and its menus
    trace.push_back(kind(2, article));
    trace.push_back(kind(3, article));
    trace.push_back(kind(4, who));
    if (dice.below(200) == 0) ++newest;
    if (dice.below(12) == 0) who = visitor++;
  }
  trace.resize(length);
  return trace;
}

/// Readers go through long lists page by page, some of them again from the start.
inline Trace pages(Number lists, std::size_t length) {
  Dice dice(6);
  const Zipf ranks(lists, 0.9);
  Trace trace;
  while (trace.size() < length) {
    const Number list = ranks.draw(dice);
    const Number depth = 1 + static_cast<Number>(-std::log(1 - dice.unit()) * 4);
    for (Number page = 0; page < depth; ++page) trace.push_back(list << 16 | page);
  }
  trace.resize(length);
  return trace;
}

/// Of a key: most answers are short, some are a hundred times as long.
inline Number size_of(Number key) {
  const Number dice = mix(key ^ 0x5bd1e995);
  const Number size = 100 + dice % 400;
  return dice >> 32 & 15 ? size : size * 16;
}

struct NamedTrace {
  std::string name;
  Trace trace;
};

inline std::vector<NamedTrace> all_traces(Number keys, std::size_t length) {
  return {{"zipf 0.7", zipf(keys, 0.7, length)}, {"zipf 0.8", zipf(keys, 0.8, length)},
          {"zipf 0.9", zipf(keys, 0.9, length)}, {"zipf 1.0", zipf(keys, 1.0, length)},
          {"zipf 1.1", zipf(keys, 1.1, length)}, {"scan-mixed", scans(keys, length)},
          {"shifting", shifting(keys, length)},  {"pgbench", pgbench(keys, length)},
          {"shop", shop(keys, length)},          {"pages", pages(keys, length)}};
}

}  // namespace heim::cache::test
