#include "admin/rest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace heim::admin {
namespace {

using Json = nlohmann::json;

constexpr std::string_view prefix = "/api/v1";

struct Status {
  unsigned code;
  std::string_view title;
};
constexpr Status statuses[] = {
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {415, "Unsupported Media Type"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

HttpAnswer problem(unsigned code, const std::string& detail, const Error* error = nullptr) {
  const auto* status = std::ranges::find(statuses, code, &Status::code);
  Json body = {{"title", status->title}, {"status", code}, {"detail", detail}};
  if (error) body["sqlstate"] = error->sqlstate;
  if (error && !error->hint.empty()) body["hint"] = error->hint;
  return {code, "application/problem+json",
          body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

HttpAnswer problem(const Error& error) {
  const std::string_view state = error.sqlstate;
  const bool absent = state == "3D000" || state == "42P01" || state == "42704";
  const unsigned code = absent                    ? 404
                        : state.starts_with("42") ? 400
                        : state.starts_with("57") ? 503
                                                  : 500;
  return problem(code, error.message, &error);
}

HttpAnswer ok() { return {.body = R"({"status":"ok"})"}; }

// ---- POST /cache/invalidate ----------------------------------------------------------------

struct Target {
  std::string_view key;
  Invalidate what;
  std::string Command::*text;
};
constexpr Target targets[] = {
    {"table", Invalidate::table, &Command::table},
    {"like", Invalidate::like, &Command::table},
    {"query", Invalidate::query, &Command::sql},
};

constexpr std::string_view what_to_invalidate =
    R"(the body is one of {"all": true}, {"table": "..."}, {"like": "pattern of tables"}, )"
    R"({"database": "..."} and {"query": "statement or fingerprint"}; "table" and "like" may have )"
    R"(a "database" with them)";

/// One member of the body into the command; false if it does not belong there.
bool take(Command& command, const std::string& key, const Json& value, bool& named) {
  if (key == "all") {
    const bool first = !std::exchange(named, true);
    return first && value == true;
  }
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return false;
  if (key == "database") {
    command.name = value.get<std::string>();
    return true;
  }
  const auto* target = std::ranges::find(targets, key, &Target::key);
  if (target == std::end(targets) || std::exchange(named, true)) return false;
  command.invalidate = target->what;
  command.*target->text = value.get<std::string>();
  return true;
}

Result<Command> read_invalidation(std::string_view text) {
  const Error wrong{"42601", std::string(what_to_invalidate), {}, {}};
  const Json body = Json::parse(text, nullptr, false);
  if (!body.is_object() || body.empty()) return wrong;
  Command command;
  command.verb = Verb::invalidate;
  bool named = false;  // what it is
  for (const auto& [key, value] : body.items()) {
    if (!take(command, key, value, named)) return wrong;
  }
  const bool all_or_query =
      named && (command.invalidate == Invalidate::all || !command.sql.empty());
  if (all_or_query && !command.name.empty()) return wrong;
  if (!named) command.invalidate = Invalidate::database;
  return command;
}

HttpAnswer invalidate(RestDesk& desk, const HttpRequest& request) {
  const Result<Command> command = read_invalidation(request.body);
  if (!command) return problem(command.error());
  const Result<void> done = desk.run(*command);
  return done ? ok() : problem(done.error());
}

// ---- health --------------------------------------------------------------------------------

HttpAnswer live(RestDesk& /*desk*/, const HttpRequest& /*request*/) { return ok(); }

HttpAnswer ready(RestDesk& desk, const HttpRequest& /*request*/) {
  return desk.is_ready() ? ok() : problem(503, "the proxy is shutting down");
}

// ---- who may -------------------------------------------------------------------------------

struct Route {
  std::string_view path;
  bool acts;  // POST; otherwise GET and HEAD
  HttpAnswer (*answer)(RestDesk&, const HttpRequest&);
};
constexpr Route routes[] = {
    {"/health", false, ready},
    {"/livez", false, live},
    {"/readyz", false, ready},
    {"/cache/invalidate", true, invalidate},
};

/// The name in a Host header, without its port.
std::string_view name_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

/// A browser that was led here by a name of somebody else's says that name.
bool is_own_name(std::string_view host) {
  const std::string_view name = name_of(host);
  const bool number = !name.empty() && name.find_first_not_of("0123456789.") == name.npos;
  return number || name.starts_with('[') || name == "localhost";
}

bool is_json(std::string_view type) {
  return type == "application/json" || type.starts_with("application/json;");
}

HttpAnswer act(RestDesk& desk, const HttpRequest& request, const Route& route) {
  if (!request.local || !is_own_name(request.host)) {
    return problem(403, "this is answered on a loopback admin_address only, as 127.0.0.1:9090");
  }
  if (!is_json(request.content_type)) {
    return problem(415, "the body has to be JSON, and Content-Type application/json");
  }
  return route.answer(desk, request);
}

}  // namespace

HttpAnswer rest(RestDesk& desk, const HttpRequest& request) {
  std::string_view path = request.path;
  if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
  const auto* route = std::ranges::find(routes, path, &Route::path);
  if (route == std::end(routes))
    return problem(404, "there is nothing here; docs/daemon.md lists the paths");
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (route->acts ? request.method != "POST" : !reads) {
    HttpAnswer refused = problem(405, "another method is wanted here");
    refused.allow = route->acts ? "POST" : "GET, HEAD";
    return refused;
  }
  return route->acts ? act(desk, request, *route) : route->answer(desk, request);
}

}  // namespace heim::admin
