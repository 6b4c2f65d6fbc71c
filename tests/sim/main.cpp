// heim_sim: runs simulated worlds, one per seed, and says how to replay the first that fails.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "profiles.hpp"
#include "proxy.hpp"
#include "relay.hpp"
#include "splitter.hpp"
#include "world.hpp"

namespace {
using namespace heim::sim;

struct Options {
  std::uint64_t from = 1, to = 1;
  std::string profile = "every", middle = "proxy";
  std::vector<std::string> habits;
  bool trace = false, twice = false, go_on = false, splits = false;
};

[[noreturn]] void usage(int status) {
  std::printf(
      "usage: heim_sim [--seed N | --seeds FROM..TO | --nightly] [--profile NAME] [--middle NAME] "
      "[--set "
      "HABIT=PERCENT]...\n"
      "                [--twice] [--go-on] [--trace]\n"
      "  --nightly  50,000 seeds that the tests do not run\n"
      "  --profile  every (default), clusters, or one of:");
  for (const auto& name : profile_names()) std::printf(" %s", name.c_str());
  std::printf(
      "\n  --middle   what stands between clients and server: proxy (default), none, relay, "
      "relay:BUG,\n"
      "             splitter, splitter:FAULT (both for clusters)\n"
      "  --set      overrides a habit of the clients (see profiles.cpp)\n"
      "  --split    the proxy reads from standbys\n"
      "  --go-on    do not stop at the first failure\n"
      "  --twice    run each seed twice and compare the traces\n"
      "  --trace    print every message\n");
  std::exit(status);
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) usage(2);
      return argv[++i];
    };
    if (word == "--seed") {
      options.from = options.to = std::strtoull(value().c_str(), nullptr, 10);
    } else if (word == "--seeds") {
      const std::string range = value();
      const std::size_t dots = range.find("..");
      if (dots == range.npos) usage(2);
      options.from = std::strtoull(range.c_str(), nullptr, 10);
      options.to = std::strtoull(range.c_str() + dots + 2, nullptr, 10);
    } else if (word == "--nightly") {
      options.from = 1001;
      options.to = 51000;
    } else if (word == "--profile") {
      options.profile = value();
    } else if (word == "--middle") {
      options.middle = value();
    } else if (word == "--split") {
      options.splits = true;
    } else if (word == "--trace") {
      options.trace = true;
    } else if (word == "--set") {
      options.habits.push_back(value());
    } else if (word == "--go-on") {
      options.go_on = true;
    } else if (word == "--twice") {
      options.twice = true;
    } else {
      usage(word == "--help" ? 0 : 2);
    }
  }
  return options;
}

MakeMiddle middle_of(const std::string& name) {
  if (name == "none") return {};
  if (name == "proxy") return make_proxy;
  for (int bug = 0; bug < static_cast<int>(Bug::count_); ++bug) {
    const Bug one = static_cast<Bug>(bug);
    if (name == std::string("relay:") + heim::sim::name(one) ||
        (name == "relay" && one == Bug::none)) {
      return [one](World& world) { return make_relay(world, one); };
    }
  }
  for (int fault = 0; fault < static_cast<int>(Fault::count_); ++fault) {
    const Fault one = static_cast<Fault>(fault);
    if (name == std::string("splitter:") + heim::sim::name(one) ||
        (name == "splitter" && one == Fault::none)) {
      return [one](World& world) { return make_splitter(world, one); };
    }
  }
  usage(2);
}

Outcome run_one(std::uint64_t seed, const std::string& profile, const Options& options) {
  Profile drawn = draw_profile(profile, seed);
  drawn.splits = options.splits;
  if (options.middle == "proxy") drawn = for_proxy(drawn, seed);
  if (options.middle.starts_with("splitter")) drawn = for_splitter(drawn);
  for (const std::string& habit : options.habits) {
    if (!set_habit(drawn.habits, habit)) usage(2);
  }
  World world(seed, drawn, options.trace, middle_of(options.middle));
  return world.run();
}

void report(std::uint64_t seed, const std::string& profile, const Options& options,
            const std::string& verdict) {
  std::string set;
  for (const std::string& habit : options.habits) set += " --set " + habit;
  std::printf(
      "seed %llu, profile %s: %s\nreplay: heim_sim --seed %llu --profile %s --middle %s%s%s "
      "--trace\n",
      static_cast<unsigned long long>(seed), profile.c_str(), verdict.c_str(),
      static_cast<unsigned long long>(seed), profile.c_str(), options.middle.c_str(),
      options.splits ? " --split" : "", set.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = read_options(argc, argv);
  const auto& names = profile_names();
  static constexpr const char* clusters[] = {"cluster", "lagging", "failover"};
  const auto begin = std::chrono::steady_clock::now();
  Outcome sum;
  std::uint64_t failures = 0;
  for (std::uint64_t seed = options.from; seed <= options.to; ++seed) {
    const std::string profile = options.profile == "every" ? names[seed % names.size()]
                                : options.profile == "clusters"
                                    ? clusters[seed % std::size(clusters)]
                                    : options.profile;
    Outcome outcome = run_one(seed, profile, options);
    if (options.twice && outcome.verdict.empty() &&
        run_one(seed, profile, options).hash != outcome.hash) {
      outcome.verdict = "two runs of one seed differ";
    }
    if (!outcome.verdict.empty()) {
      report(seed, profile, options, outcome.verdict);
      if (!options.go_on) return 1;
      ++failures;
    }
    if (options.from == options.to)
      std::printf("trace hash %016llx\n", static_cast<unsigned long long>(outcome.hash));
    sum.events += outcome.events;
    sum.statements += outcome.statements;
    sum.commits += outcome.commits;
    sum.cancels_hit += outcome.cancels_hit;
    sum.backends += outcome.backends;
    sum.answers += outcome.answers;
    sum.reads += outcome.reads;
    sum.on_standbys += outcome.on_standbys;
    sum.cache_hits += outcome.cache_hits;
    sum.timelines += outcome.timelines - 1;
    sum.lost += outcome.lost;
  }
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "%llu worlds in %.1f s: %llu events, %llu statements, %llu answers, %llu writes committed, "
      "%llu cancels that hit, %llu backends\n"
      "clusters: %llu reads, %llu statements on standbys, %llu answered from the cache, %llu "
      "promotions, %llu commits lost by them\n",
      static_cast<unsigned long long>(options.to - options.from + 1), took,
      static_cast<unsigned long long>(sum.events), static_cast<unsigned long long>(sum.statements),
      static_cast<unsigned long long>(sum.answers), static_cast<unsigned long long>(sum.commits),
      static_cast<unsigned long long>(sum.cancels_hit),
      static_cast<unsigned long long>(sum.backends), static_cast<unsigned long long>(sum.reads),
      static_cast<unsigned long long>(sum.on_standbys),
      static_cast<unsigned long long>(sum.cache_hits),
      static_cast<unsigned long long>(sum.timelines), static_cast<unsigned long long>(sum.lost));
  if (failures > 0) std::printf("%llu worlds failed\n", static_cast<unsigned long long>(failures));
  return failures == 0 ? 0 : 1;
}
