#include "session/question_file.hpp"

#include <utility>

#include "base/hash.hpp"
#include "fleet/coding.hpp"

namespace heim::session {
namespace {

constexpr std::string_view magic = "heimproxy questions 1\n";
constexpr std::uint64_t most_settings = 1'000, longest = 1 << 20;

Error bad(std::string what) { return {"F0000", std::move(what), {}, {}}; }

std::string checksum(std::string_view bytes) {
  const Hash128 hash = hash128(bytes, 0);
  std::string sum;
  fleet::put_number(sum, hash.high);
  fleet::put_number(sum, hash.low);
  return sum;
}

void put_asker(std::string& out, const Asker& asker) {
  fleet::put_text(out, asker.database);
  fleet::put_text(out, asker.user);
  fleet::put_number(out, asker.settings.size());
  for (const auto& [name, value] : asker.settings) {
    fleet::put_text(out, name);
    fleet::put_text(out, value);
  }
}

Asker take_asker(fleet::Reader& in) {
  Asker asker;
  asker.database = in.text();
  asker.user = in.text();
  for (std::uint64_t left = in.count(most_settings); left > 0 && in.ok(); --left) {
    std::string name = in.text();
    asker.settings.emplace_back(std::move(name), in.text(longest));
  }
  return asker;
}

}  // namespace

// Whose questions follow each other stands once.
std::string write_questions(const std::vector<Question>& questions) {
  std::string out(magic);
  const Asker* asker = nullptr;
  for (const Question& each : questions) {
    const bool same = asker != nullptr && *asker == each.asker;
    fleet::put_number(out, same ? 1 : 2);
    if (!same) put_asker(out, each.asker);
    asker = &each.asker;
    fleet::put_text(out, each.batch);
  }
  return out += checksum(out);
}

Result<std::vector<Question>> read_questions(std::string_view bytes) {
  const std::size_t sum = checksum({}).size();
  if (!bytes.starts_with(magic)) return bad("it is not such a file");
  if (bytes.size() < magic.size() + sum) return bad("it is not whole");
  const std::string_view rest = bytes.substr(0, bytes.size() - sum);
  if (checksum(rest) != bytes.substr(rest.size())) return bad("it is not whole");
  std::vector<Question> questions;
  fleet::Reader in(rest.substr(magic.size()));
  while (in.ok() && !in.is_done()) {
    const bool same = in.count(2) == 1;
    if (same && questions.empty()) return bad("it is not whole");
    Question each{same ? questions.back().asker : take_asker(in), in.text(longest)};
    questions.push_back(std::move(each));
  }
  if (!in.ok()) return bad("it is not whole");
  return questions;
}

}  // namespace heim::session
