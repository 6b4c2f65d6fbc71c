#include "load_options.hpp"

#include <cstdlib>
#include <functional>
#include <map>
#include <string_view>

#include "sockets.hpp"

namespace heim::bench {
namespace {

constexpr const char* usage =
    "usage: load --port=N [--mode=query|transaction|connect|idle|large]\n"
    "            [--protocol=simple|extended|prepared] [--clients=N] [--pipeline=K] "
    "[--rate=PER_S]\n"
    "            [--warmup=S] [--seconds=S] [--user=NAME] [--database=NAME] [--statement=NAME]\n"
    "            [--parse=yes|no] [--keys=N] [--rows=N] [--width=BYTES] [--watch-pid=PID]...";

double number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || value < 0) die("not a number: " + text);
  return value;
}

template <class Value>
Value pick(const std::map<std::string, Value>& values, const std::string& text) {
  const auto found = values.find(text);
  if (found == values.end()) die("unknown value: " + text + "\n" + usage);
  return found->second;
}

using Setter = std::function<void(Options&, const std::string&)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Protocol> protocols = {{"simple", Protocol::simple},
                                                            {"extended", Protocol::extended},
                                                            {"prepared", Protocol::prepared}};
  static const std::map<std::string, Mode> modes = {{"query", Mode::query},
                                                    {"transaction", Mode::transaction},
                                                    {"connect", Mode::connect},
                                                    {"idle", Mode::idle},
                                                    {"large", Mode::large}};
  const auto whole = [](auto Options::*field) {
    return [field](Options& options, const std::string& text) {
      options.*field = static_cast<std::uint32_t>(number(text));
    };
  };
  const auto real = [](double Options::*field) {
    return [field](Options& options, const std::string& text) { options.*field = number(text); };
  };
  const auto string = [](std::string Options::*field) {
    return [field](Options& options, const std::string& text) { options.*field = text; };
  };
  static const std::map<std::string, Setter> table = {
      {"--port", [](Options& o, const std::string& text) { o.port = parse_port(text); }},
      {"--protocol",
       [](Options& o, const std::string& text) { o.protocol = pick(protocols, text); }},
      {"--mode", [](Options& o, const std::string& text) { o.mode = pick(modes, text); }},
      {"--parse", [](Options& o, const std::string& text) { o.parse = text != "no"; }},
      {"--watch-pid",
       [](Options& o, const std::string& text) {
         o.watched.push_back(static_cast<pid_t>(number(text)));
       }},
      {"--user", string(&Options::user)},
      {"--database", string(&Options::database)},
      {"--statement", string(&Options::statement)},
      {"--clients", whole(&Options::clients)},
      {"--pipeline", whole(&Options::pipeline)},
      {"--keys", whole(&Options::keys)},
      {"--rows", whole(&Options::rows)},
      {"--width", whole(&Options::width)},
      {"--rate", real(&Options::rate)},
      {"--warmup", real(&Options::warmup)},
      {"--seconds", real(&Options::seconds)}};
  return table;
}

void check(const Options& options) {
  if (options.port == 0 || options.clients == 0 || options.pipeline == 0) die(usage);
  if (options.pipeline > 1 && options.mode != Mode::query) die("--pipeline is for --mode=query");
  if (options.rate > 0 && options.mode != Mode::query) die("--rate is for --mode=query");
  if (options.rate > 0 && options.pipeline > 1) die("--rate and --pipeline do not go together");
  if (options.mode == Mode::large && options.protocol != Protocol::simple) {
    die("--mode=large is measured with --protocol=simple");
  }
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    const auto setter = setters().find(argument.substr(0, equals));
    if (equals == std::string::npos || setter == setters().end()) die(usage);
    setter->second(options, argument.substr(equals + 1));
  }
  check(options);
  return options;
}

}  // namespace heim::bench
