#include "capi/log_limit.hpp"

#include <algorithm>
#include <utility>

namespace heim::capi {
namespace {

/// FNV-1a. Whoever makes two kinds collide has them share a bucket, no more.
class Digest {
 public:
  void add(char c) { value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

bool is_variable(std::string_view word) {
  if (word.find_first_of("0123456789/@") != word.npos) return true;
  return word.find_first_of(":.") < word.size() - 1;  // at the end it is punctuation
}

/// Up to the quote's end, or to the line's.
std::size_t after_quote(std::string_view text, std::size_t at) {
  const std::size_t end = text.find(text[at], at + 1);
  return end == text.npos ? text.size() : end + 1;
}

}  // namespace

std::uint64_t LogLimit::kind_of(LogLevel level, std::string_view text) {
  Digest digest;
  digest.add(static_cast<char>(level));
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = after_quote(text, at);
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \"", at + 1), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!is_variable(word)) std::ranges::for_each(word, [&](char c) { digest.add(c); });
    at = end;
  }
  return digest.value();
}

void LogLimit::Bucket::refill(Rate rate, Instant now) {
  const double seconds = std::chrono::duration<double>(now - since).count();
  tokens = tokens < 0 ? rate.burst : std::min(rate.burst, tokens + seconds * rate.per_second);
  since = now;
}

// A kind that was quiet until its bucket was full again is as good as new.
void LogLimit::forget_idle(Instant now) {
  constexpr auto to_fill =
      std::chrono::seconds(static_cast<std::int64_t>(kind_rate.burst / kind_rate.per_second) + 1);
  std::erase_if(kinds_, [&](const auto& entry) {
    const bool idle = now - entry.second.since > to_fill;
    if (idle) forgotten_ += entry.second.left_out;
    return idle;
  });
}

LogLimit::Bucket& LogLimit::bucket_of(LogLevel level, std::string_view text, Instant now) {
  const std::uint64_t kind = kind_of(level, text);
  if (const auto found = kinds_.find(kind); found != kinds_.end()) return found->second;
  if (kinds_.size() >= max_kinds) forget_idle(now);
  if (kinds_.size() >= max_kinds) return others_[static_cast<std::size_t>(level)];
  return kinds_[kind];
}

LogLimit::Verdict LogLimit::judge(LogLevel level, std::string_view text, Instant now) {
  Bucket& kind = bucket_of(level, text, now);
  Bucket& whole = levels_[static_cast<std::size_t>(level)];
  kind.refill(kind_rate, now);
  whole.refill(level_rate, now);
  if (kind.tokens < 1 || whole.tokens < 1) {
    ++kind.left_out;
    return {false, 0};
  }
  kind.tokens -= 1;
  whole.tokens -= 1;
  return {true, std::exchange(kind.left_out, 0)};
}

std::uint64_t LogLimit::take_left_out() {
  std::uint64_t sum = std::exchange(forgotten_, 0);
  for (auto& [kind, bucket] : kinds_) sum += std::exchange(bucket.left_out, 0);
  for (Bucket& bucket : others_) sum += std::exchange(bucket.left_out, 0);
  return sum;
}

}  // namespace heim::capi
