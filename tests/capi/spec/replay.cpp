// Replays the conformance script (bindings/spec/README.md) by one of the bindings of this library.
//
//   capi-spec c|cpp DIRECTORY PORT [PORT OF THE STANDBY]
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "expect.hpp"

namespace spec {
namespace {

using Sessions = std::map<std::string, std::unique_ptr<Session>>;

/// One step's surroundings.
struct Turn {
  const Json& step;
  Proxy& proxy;
  Sessions& sessions;
  std::string name = step.at("on");

  Session& session() const {
    const auto found = sessions.find(name);
    if (found == sessions.end()) throw Mismatch{"no session " + name};
    return *found->second;
  }
  std::string text(const char* key) const { return step.value(key, ""); }
};

struct Verb {
  std::vector<std::string> keys;
  std::function<Answers(Turn&)> act;
};

/// A verb whose success is all there is to see.
Verb plain(std::vector<std::string> keys, std::function<void(Turn&)> act) {
  return {std::move(keys), [act = std::move(act)](Turn& turn) {
            act(turn);
            return Answers();
          }};
}

Request request_of(const Turn& turn) {
  return {turn.text("sql"), turn.text("name"), turn.step.value("args", Json::array()),
          turn.step.value("streamed", false), turn.step.value("binary", false)};
}

void open(Turn& turn) {
  Login login{turn.step.value("user", "app"),
              turn.step.value("database", "postgres"),
              "",
              turn.text("application_name"),
              {}};
  login.password = turn.step.value("password", login.user == "app" ? "app-secret" : "");
  const Json settings = turn.step.value("settings", Json::object());
  for (const auto& [name, value] : settings.items()) login.settings.emplace_back(name, value);
  turn.sessions[turn.name] = turn.proxy.open(login);
}

void notification(Turn& turn) {
  if (turn.step.value("none", false))
    return expect_same("notification", nullptr, turn.session().notification(0));
  const Json wanted{{"channel", turn.text("channel")}, {"payload", turn.text("payload")}};
  expect_same("notification", wanted, turn.session().notification(30));
}

void show(Turn& turn) {
  const std::string text = turn.proxy.show(turn.step.at("what"));
  for (const Json& row : Json::parse(text)) {
    Json both = row;
    both.update(turn.step.at("has"));
    if (both == row) return;
  }
  throw Mismatch{"no row has " + turn.step.at("has").dump() + ": " + text};
}

void invalidate(Turn& turn) {
  if (turn.step.contains("sql")) return turn.proxy.invalidate_query(turn.text("sql"));
  if (turn.step.contains("like"))
    return turn.proxy.invalidate_like(turn.text("database"), turn.text("like"));
  turn.proxy.invalidate(turn.text("database"), turn.text("table"));
}

std::uint64_t cache_hits(Proxy& proxy) {
  for (const Json& row : Json::parse(proxy.show("CACHE"))) {
    if (row.at("what") == "hits") return std::stoull(row.at("value").get<std::string>());
  }
  return 0;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

void value(Turn& turn) {
  const std::string type = turn.text("type"), text = turn.text("text");
  const std::string binary = from_hex(turn.text("binary"));
  for (const Bytes& sent : {Bytes{text, false}, Bytes{binary, true}}) {
    const Bytes came = turn.session().there_and_back(type, sent);
    if (came.data != (came.binary ? binary : text))
      throw Mismatch{"the value came back as '" + came.data + "'"};
  }
}

const std::map<std::string, Verb>& verbs() {
  static const std::map<std::string, Verb> all = {
      {"open", plain({"user", "database", "password", "application_name", "settings"}, open)},
      {"close", plain({}, [](Turn& t) { t.session(), t.sessions.erase(t.name); })},
      {"query", {{"sql"}, [](Turn& t) { return t.session().query(t.text("sql")); }}},
      {"run",
       {{"sql", "args", "streamed", "binary"},
        [](Turn& t) { return t.session().run(request_of(t)); }}},
      {"prepare",
       plain({"name", "sql"}, [](Turn& t) { t.session().prepare(t.text("name"), t.text("sql")); })},
      {"execute",
       {{"name", "args", "binary"}, [](Turn& t) { return t.session().run(request_of(t)); }}},
      {"deallocate", plain({"name"}, [](Turn& t) { t.session().deallocate(t.text("name")); })},
      {"begin", plain({"modes"}, [](Turn& t) { t.session().begin(t.text("modes")); })},
      {"commit", plain({}, [](Turn& t) { t.session().commit(); })},
      {"rollback", plain({}, [](Turn& t) { t.session().rollback(); })},
      {"copy_in",
       {{"sql", "data", "fail"},
        [](Turn& t) {
          return t.session().copy_in(t.text("sql"), t.step.at("data"),
                                     t.step.value("fail", Json()));
        }}},
      {"copy_out", plain({"sql", "data"},
                         [](Turn& t) {
                           const std::string data = t.session().copy_out(t.text("sql"));
                           if (t.step.contains("data")) expect_same("data", t.step["data"], data);
                         })},
      {"start", plain({"sql"}, [](Turn& t) { t.session().start(t.text("sql")); })},
      {"finish", {{}, [](Turn& t) { return t.session().finish(); }}},
      {"cancel", plain({}, [](Turn& t) { t.session().cancel(); })},
      {"notification", plain({"channel", "payload", "none"}, notification)},
      {"state", plain({"transaction"},
                      [](Turn& t) {
                        expect_same("transaction", t.step.at("transaction"),
                                    t.session().transaction());
                      })},
      {"parameter", plain({"name", "value"},
                          [](Turn& t) {
                            expect_same("parameter", t.step.at("value"),
                                        t.session().parameter(t.text("name")));
                          })},
      {"route", plain({"sql", "has"},
                      [](Turn& t) {
                        expect_part("route", t.text("has"), t.session().route(t.text("sql")));
                      })},
      {"show", plain({"what", "has"}, show)},
      {"invalidate", plain({"database", "table", "like", "sql"}, invalidate)},
      {"value", plain({"type", "text", "binary"}, value)},
  };
  return all;
}

void once(const Verb& verb, Turn& turn) {
  const Json wanted = turn.step.value("error", Json());
  const Json cached = turn.step.value("cached", Json());
  const std::uint64_t before = cached.is_null() ? 0 : cache_hits(turn.proxy);
  Answers answers;
  try {
    answers = verb.act(turn);
  } catch (const Failure& failure) {
    if (wanted.is_null()) throw Mismatch{"failed: " + failure.sqlstate + " " + failure.message};
    return expect_failure(wanted, failure);
  }
  if (!wanted.is_null()) throw Mismatch{"succeeded, and should fail with " + wanted.dump()};
  expect_answers(turn.step, answers);
  if (!cached.is_null()) expect_same("cached", cached, cache_hits(turn.proxy) > before);
}

void run_step(const Json& step, Proxy& proxy, Sessions& sessions) {
  const auto verb = verbs().find(step.at("do").get<std::string>());
  if (verb == verbs().end()) throw Mismatch{"unknown verb " + step.at("do").dump()};
  std::vector<std::string> known = verb->second.keys;
  known.insert(known.end(), {"do", "on"});
  known.insert(known.end(), expectation_keys().begin(), expectation_keys().end());
  expect_keys(step, known, "step");
  Turn turn{step, proxy, sessions};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (true) {
    try {
      return once(verb->second, turn);
    } catch (const Mismatch&) {
      if (!step.value("until", false) || std::chrono::steady_clock::now() > deadline) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

bool run_case(const std::string& file, const Json& one, Proxy& proxy) {
  Sessions sessions;
  std::size_t number = 0;
  const auto failed = [&](const std::string& why) {
    std::printf("%s: %s: step %zu: %s\n  %s\n", file.c_str(),
                one.at("name").get<std::string>().c_str(), number, why.c_str(),
                number < one.at("steps").size() ? one["steps"][number].dump().c_str() : "");
    return false;
  };
  try {
    expect_keys(one, {"name", "steps"}, "case");
    for (; number < one.at("steps").size(); ++number)
      run_step(one["steps"][number], proxy, sessions);
    return true;
  } catch (const Mismatch& mismatch) {
    return failed(mismatch.what);
  } catch (const std::exception& other) {
    return failed(other.what());
  }
}

Json configuration(const Json& file, const std::vector<std::string>& ports) {
  Json config{{"proxy", {{"listen_address", Json::array()}}}};
  for (std::size_t i = 0; i < ports.size(); ++i) {
    Json node{{"host", "127.0.0.1"}, {"port", std::stoi(ports[i])}, {"role", "primary"}};
    if (ports.size() > 1) node.update({{"name", "n" + std::to_string(i)}, {"role", "auto"}});
    config["nodes"].push_back(node);
  }
  config.merge_patch(file.value("config", Json::object()));
  return config;
}

}  // namespace
}  // namespace spec

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto open = std::string(argv[1]) == "c" ? spec::open_by_c : spec::open_by_cpp;
  const std::vector<std::string> ports(argv + 3, argv + argc);
  unsigned passed = 0, failed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
    const spec::Json file = spec::Json::parse(std::ifstream(entry.path()));
    spec::expect_keys(file, {"about", "config", "cases"}, entry.path().filename());
    const auto proxy = open(spec::configuration(file, ports).dump());
    for (const spec::Json& one : file.at("cases"))
      ++(spec::run_case(entry.path().filename(), one, *proxy) ? passed : failed);
  }
  std::printf("%u passed, %u failed, 0 left out\n", passed, failed);
  return failed || !passed ? 1 : 0;
}
