#include "session/repeated.hpp"

#include <doctest/doctest.h>

#include "wire/encoder.hpp"

using namespace heim;
using namespace heim::session;

namespace {

std::string row(std::string_view text) {
  std::string out;
  wire::Writer(out, 'D').string(text);
  return out;
}

std::string message(char tag, std::string_view text = {}) {
  std::string out;
  wire::Writer(out, static_cast<std::uint8_t>(tag)).bytes(text);
  return out;
}

const std::string end = message('C', "SELECT 2") + message('Z', "I");

struct Told {
  std::string text;  // what the client gets; !: it is told that the answer is another one
  bool empty;        // nothing is expected any more
};

// The answer in one piece, or in pieces that are cut within bodies only.
Told told(std::string shown, std::string_view answer, std::size_t piece) {
  Repeated repeated;
  repeated.expect_first(std::move(shown), false);
  Told all{};
  while (!answer.empty()) {
    const std::size_t size = std::min(answer.size(), std::max(piece, wire::header_size));
    // A header comes whole.
    std::size_t at = 0, cut = size;
    while (at < size) {
      if (at + wire::header_size > size) cut = std::min(answer.size(), at + wire::header_size);
      at += wire::header_of(as_bytes(answer.substr(at))).total();
    }
    cut = std::max(cut, size);
    // The rest of a message that was cut comes by itself, so that pieces begin with headers.
    Bytes segment = as_bytes(answer.substr(0, std::min(at, answer.size())));
    answer.remove_prefix(segment.size());
    for (const Bytes part : {segment.first(std::min(cut, segment.size())),
                             segment.subspan(std::min(cut, segment.size()))}) {
      Bytes left = part;
      if (left.empty()) continue;
      if (!repeated.empty() && repeated.take(left) == Repeated::Verdict::otherwise) all.text += "!";
      all.text += as_text(left);
    }
  }
  all.empty = repeated.empty();
  return all;
}

}  // namespace

TEST_CASE("what was shown is not shown again, and another answer is cut to its end") {
  const std::string columns = message('T', "a column"), error = message('E', "no");
  struct Row {
    std::string shown, answer, told;
  };
  const std::string whole = columns + row("1") + row("2") + end;
  const Row rows[] = {
      {"", whole, whole},
      {columns, whole, row("1") + row("2") + end},
      {columns + row("1"), whole, row("2") + end},
      {columns + row("1") + row("2") + message('C', "SELECT 2"), whole, message('Z', "I")},
      {whole, whole, ""},
      {columns + row("1"), columns + row("7") + row("2") + end, "!" + message('Z', "I")},
      {columns + row("1"), columns + row("11") + row("2") + end, "!" + message('Z', "I")},
      {columns + row("1"), columns + end, "!" + message('Z', "I")},
      {columns, message('T', "two columns") + row("2") + end, "!" + message('Z', "I")},
      {columns + row("1"), columns + error + message('Z', "I"), error + message('Z', "I")},
      {columns + row("1"), error + message('Z', "I"), error + message('Z', "I")},
      {columns + row("1"), row("2") + error + message('Z', "I"), "!" + message('Z', "I")},
      // What comes behind it is another batch's.
      {row("1"), row("2") + end + whole, "!" + message('Z', "I") + whole},
  };
  for (const Row& each : rows) {
    for (const std::size_t piece : {1000, 1, 5, 7, 11, 16}) {
      CAPTURE(each.shown);
      CAPTURE(each.answer);
      CAPTURE(piece);
      const Told got = told(each.shown, each.answer, piece);
      CHECK(got.text == each.told);
      CHECK(got.empty);
    }
  }
}

TEST_CASE("what was shown may end within a message") {
  for (std::size_t size = 0; size <= row("12345").size(); ++size) {
    Repeated repeated;
    repeated.expect_first(row("12345").substr(0, size), false);
    CHECK(repeated.is_half() == (size != 0 && size != row("12345").size()));
    const std::string answer = row("12345") + end;
    Bytes segment = as_bytes(answer);
    CHECK(repeated.take(segment) == Repeated::Verdict::fine);
    CHECK(as_text(segment) == answer.substr(size));
  }
  Repeated twice;
  twice.expect_first(row("1") + row("2"), true);
  const std::string answer = row("1") + row("2");
  Bytes segment = as_bytes(answer).first(row("1").size());
  CHECK(twice.take(segment) == Repeated::Verdict::fine);
  twice.expect_first(row("1"), false);  // that try ended, too
  segment = as_bytes(answer);
  CHECK(twice.take(segment) == Repeated::Verdict::fine);
  CHECK(segment.empty());
  CHECK(twice.empty());
  CHECK(twice.renames());
  twice.clear();
  CHECK_FALSE(twice.renames());
}
