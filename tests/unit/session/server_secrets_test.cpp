#include "session/server_secrets.hpp"

#include <doctest/doctest.h>

using heim::auth::Credentials;
using heim::session::ServerSecrets;

namespace {

struct Pool {
  ServerSecrets secrets;
  const std::string database = "shop", user = "app";

  void offer(const char* password) { secrets.offer(database, user, password); }
  void learn(const char* password) { secrets.learn(database, user, Credentials::plain(password)); }
  bool refuse(const ServerSecrets::Tried& tried) {
    return secrets.refuse(database, user, tried.id);
  }
  ServerSecrets::Tried next() { return secrets.to_try(database, user); }
  std::string_view known() { return text_ = secrets.known(database, user).text.view(); }

 private:
  std::string text_;
};

}  // namespace

TEST_CASE("what is offered is tried in turn, and is not known before") {
  Pool pool;
  CHECK_FALSE(pool.secrets.has(pool.database, pool.user));
  pool.offer("typo");
  pool.offer("right");
  pool.offer("typo");
  CHECK(pool.secrets.has(pool.database, pool.user));
  CHECK(pool.known().empty());
  const ServerSecrets::Tried first = pool.next();
  CHECK(first.credentials.text.view() == "typo");
  CHECK(pool.refuse(first));
  CHECK(pool.refuse(first));  // of another server that was asked at the same time
  CHECK(pool.next().credentials.text.view() == "right");
  pool.learn("right");
  CHECK(pool.known() == "right");
  pool.offer("typo");
  CHECK(pool.next().credentials.text.view() == "right");
}

TEST_CASE("an offer that is refused late takes nothing with it") {
  Pool pool;
  pool.offer("typo");
  const ServerSecrets::Tried late = pool.next();
  pool.learn("right");
  CHECK(pool.refuse(late));
  CHECK(pool.known() == "right");
}

TEST_CASE("what is refused is known no more") {
  Pool pool;
  pool.learn("old");
  CHECK_FALSE(pool.refuse(pool.next()));
  CHECK(pool.known().empty());
  CHECK_FALSE(pool.refuse(pool.next()));
  CHECK_FALSE(pool.secrets.has(pool.database, pool.user));
}

TEST_CASE("not all is kept") {
  Pool pool;
  for (int i = 0; i < 1000; ++i) pool.offer(std::to_string(i).c_str());
  int tried = 1;
  while (pool.refuse(pool.next())) ++tried;
  CHECK(tried < 100);
}
