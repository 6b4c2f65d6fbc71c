#include "freshness/changes.hpp"

#include <doctest/doctest.h>

#include "messages.hpp"

namespace heim::freshness::test {
namespace {

using pgoutput::Kind;
using Strings = std::vector<std::string>;

TEST_CASE("each message is read as what it is, and only whole") {
  struct Row {
    std::string bytes;
    Kind kind;
    bool to_its_end = true;  // what is cut off shows
  };
  const std::string part = u32(9);
  const Row rows[] = {
      {begin(5), Kind::begin},
      {commit(100), Kind::commit},
      {origin(), Kind::origin},
      {relation(1, "t"), Kind::relation, false},
      {type(), Kind::type},
      {insert(1), Kind::insert, false},
      {update(1), Kind::update, false},
      {remove(1), Kind::remove, false},
      {truncate({1, 2}), Kind::truncate},
      {message("x", true), Kind::message},
      {stream_start(5), Kind::stream_start},
      {stream_stop(), Kind::stream_stop},
      {stream_commit(5, 100), Kind::stream_commit},
      {stream_abort(5, 6), Kind::stream_abort},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes[0]);
    const auto whole = pgoutput::read(as_bytes(row.bytes), false);
    REQUIRE(whole);
    CHECK(whole->kind == row.kind);
    for (std::size_t size = 0; size < (row.to_its_end ? row.bytes.size() : 5); ++size) {
      CHECK_FALSE(pgoutput::read(as_bytes(row.bytes).first(size), false));
    }
    if (row.to_its_end) CHECK_FALSE(pgoutput::read(as_bytes(row.bytes + "x"), false));
  }
  CHECK_FALSE(pgoutput::read(as_bytes("Z"), false));
  CHECK_FALSE(pgoutput::read(as_bytes("I" + u32(1) + "X" + row()), false));
  const std::string streamed = truncate({3, 4}, part);
  const auto both = pgoutput::read(as_bytes(streamed), true);
  REQUIRE(both);
  CHECK(both->relations() == 2);
  CHECK(both->relation(1) == 4);
}

/// Takes all of them; the commits that come of it.
std::vector<Commit> take_all(Changes& changes, const Strings& messages) {
  std::vector<Commit> out;
  for (const std::string& each : messages) {
    auto taken = changes.take(as_bytes(each));
    REQUIRE_MESSAGE(bool(taken), taken.error().message);
    if (*taken) out.push_back(*std::move(*taken));
  }
  return out;
}

TEST_CASE("what transactions change") {
  const std::string part = u32(5), sub = u32(6);
  struct Row {
    const char* what;
    Strings messages;
    std::vector<Strings> tables;  // of each commit
  };
  const Row rows[] = {
      {"one", {begin(5), relation(1, "t"), insert(1), commit(100)}, {{"t"}}},
      {"each table once",
       {begin(5), relation(1, "t"), insert(1), insert(1), relation(2, "u"), update(2), remove(1),
        commit(100)},
       {{"t", "u"}}},
      {"by the name of before",
       {begin(5), relation(1, "t"), insert(1), commit(100), begin(6), remove(1), commit(200)},
       {{"t"}, {"t"}}},
      {"renamed amid it",
       {begin(5), relation(1, "t"), insert(1), relation(1, "v"), insert(1), commit(100)},
       {{"t", "v"}}},
      {"truncated",
       {begin(5), origin(), relation(1, "t"), relation(2, "u"), truncate({1, 2}), commit(100)},
       {{"t", "u"}}},
      {"nothing", {begin(5), type(), message("other", true), commit(100)}, {{}}},
      {"in parts, with another between them",
       {stream_start(5), relation(1, "t", part), insert(1, part), stream_stop(), begin(7),
        relation(2, "u"), insert(2), commit(100), stream_start(5), relation(3, "v", sub),
        truncate({3}, sub), type(sub), stream_stop(), stream_commit(5, 200)},
       {{"u"}, {"t", "v"}}},
      {"a part that is gone counts all the same",
       {stream_start(5), relation(1, "t", sub), insert(1, sub), stream_stop(), stream_abort(5, 6),
        stream_commit(5, 100)},
       {{"t"}}},
      {"all of it is gone",
       {stream_start(5), relation(1, "t", part), insert(1, part), stream_stop(), stream_abort(5, 5),
        begin(7), insert(1), commit(100)},
       {{"t"}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Changes changes;
    const std::vector<Commit> commits = take_all(changes, row.messages);
    REQUIRE(commits.size() == row.tables.size());
    for (std::size_t i = 0; i < commits.size(); ++i) CHECK(commits[i].tables == row.tables[i]);
  }
}

TEST_CASE("a transaction may say that it changed definitions") {
  Changes changes;
  const std::string part = u32(8);
  const auto commits = take_all(
      changes, {begin(5), message("heimproxy.ddl", true), commit(100), begin(6),
                message("heimproxy", true), commit(200), begin(7), commit(300), stream_start(8),
                message("heimproxy.ddl", true, part), stream_stop(), stream_commit(8, 400)});
  REQUIRE(commits.size() == 4);
  CHECK(commits[0].objects);
  CHECK_FALSE(commits[1].objects);
  CHECK_FALSE(commits[2].objects);
  CHECK(commits[3].objects);
  CHECK(commits[3].xid == 8);
  CHECK(commits[3].end == 400);
}

TEST_CASE("a stream that makes no sense is refused") {
  const Strings rows[] = {
      {commit(100)},
      {insert(1)},
      {begin(5), insert(1)},  // which relation?
      {begin(5), begin(6)},
      {begin(5), stream_stop()},
      {stream_stop()},
      {stream_start(5), commit(100)},
      {begin(5), stream_commit(5, 100)},
      {begin(5), stream_abort(5, 5)},
      {"?"},
      {""},
  };
  for (const Strings& messages : rows) {
    Changes changes;
    for (std::size_t i = 0; i + 1 < messages.size(); ++i) {
      REQUIRE(changes.take(as_bytes(messages[i])));
    }
    const auto last = changes.take(as_bytes(messages.back()));
    CHECK_FALSE(last);
  }
}

}  // namespace
}  // namespace heim::freshness::test
