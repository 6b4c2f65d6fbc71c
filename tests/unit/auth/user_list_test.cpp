#include "auth/user_list.hpp"

#include <doctest/doctest.h>

#include "conversation.hpp"

using namespace heim;
using namespace heim::auth;
using namespace heim::auth::test;

namespace {

UserList parse(std::string_view text) {
  auto list = UserList::parse(text);
  REQUIRE_MESSAGE(list, list.error().message);
  return *std::move(list);
}

}  // namespace

TEST_CASE("a user list as PgBouncer reads it") {
  const UserList list = parse(
      "; a comment\n"
      "\"alice\" \"sesame\"\n"
      "\n"
      "   \"bob\"\t\"md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" trailing words are ignored\r\n"
      "# also a comment\n"
      "\"car\"\"ol\" \"quo\"\"ted; # not a comment\" ; but this\n"
      "\"nobody\" \"\"\n"
      "\"\xc3\xa4\" \"last line without an end\"");
  CHECK(list.size() == 5);
  CHECK(list.find("alice")->secret.text.view() == "sesame");
  CHECK(list.find("bob")->secret.kind == SecretKind::md5);
  CHECK(list.find("car\"ol")->secret.text.view() == "quo\"ted; # not a comment");
  CHECK(list.find("nobody")->secret.kind == SecretKind::none);
  CHECK(list.find("\xc3\xa4")->secret.text.view() == "last line without an end");
  CHECK_FALSE(list.find("Alice"));
  CHECK_FALSE(list.find(""));
}

TEST_CASE("an empty list is a list") {
  CHECK(parse("").size() == 0);
  CHECK(parse("\n\n ; nothing\n").size() == 0);
  CHECK(parse("").usual().kind == SecretKind::scram);
}

TEST_CASE("a name given twice: the last one wins") {
  CHECK(parse("\"a\" \"1\"\n\"a\" \"2\"\n").find("a")->secret.text.view() == "2");
}

TEST_CASE("an error names the line") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"alice sesame", "line 1: user name: a field in double quotes was expected"},
      {"\"a\" \"b\"\n\n\"c\"", "line 3: secret: a field in double quotes was expected"},
      {"\"a\" b", "line 1: secret: a field in double quotes was expected"},
      {"\"a", "line 1: user name: the closing double quote is missing"},
      {"\"a\" \"b\n\"", "line 1: secret: the closing double quote is missing"},
      {"\"a\" \"b\"\"", "line 1: secret: the closing double quote is missing"},
      {"\"\" \"b\"", "line 1: the user name is empty"},
      {std::string_view("\"a\0\" \"b\"", 8), "line 1: it has a zero byte"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.first);
    const auto list = UserList::parse(c.first);
    REQUIRE_FALSE(list);
    CHECK(list.error().sqlstate == "F0000");
    CHECK(list.error().message == "auth_file " + std::string(c.second));
  }
}

TEST_CASE("an error does not repeat the secret") {
  const auto list = UserList::parse("\"alice\" \"sesame");
  REQUIRE_FALSE(list);
  CHECK(list.error().message.find("sesame") == std::string::npos);
}

TEST_CASE("the usual user is what most are") {
  const std::string scram = "\" \"" + verifier_text("x", 77) + "\"\n";
  const UserList list = parse("\"a" + scram + "\"b" + scram +
                              "\"c\" \"plain\"\n\"d\" \"\"\n\"e\" \"\"\n\"f\" \"\"\n");
  CHECK(list.usual().kind == SecretKind::scram);
  CHECK(list.usual().iterations == 77);
  CHECK(list.usual().salt_size == 16);
  CHECK_FALSE(list.usual().derived);
}

TEST_CASE("derived verifiers fit the salts of feigned users, and are carried over a reload") {
  UserList first = parse("\"a\" \"one\"\n\"b\" \"two\"\n");
  CHECK_FALSE(first.usual().derived);
  first.derive(process_key);
  CHECK(first.usual().derived);
  const auto& derived = first.find("a")->derived;
  REQUIRE(derived);
  CHECK(derived->salt == steady_salt(process_key, "a"));
  CHECK(derived->to_string() ==
        ScramVerifier::derive("one", derived->salt, default_iterations).to_string());

  UserList second = parse("\"a\" \"one\"\n\"b\" \"changed\"\n");
  second.derive(process_key, &first);
  CHECK(second.find("a")->derived->to_string() == derived->to_string());
  CHECK(second.find("b")->derived->to_string() != first.find("b")->derived->to_string());
}
