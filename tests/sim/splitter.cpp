#include "splitter.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "control.hpp"
#include "messages.hpp"
#include "statement.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"
#include "wire/startup.hpp"

namespace heim::sim {
namespace {

/// What a standby must have replayed before a table may be read there.
class SmallLedger final : public cluster::LsnSink {
 public:
  using Names = std::set<std::string>;
  SmallLedger(Control& control, bool early) : control_(control), early_(early) {
    control_.set_sink(this);
    control_.want_sample();
  }
  void begin_commit(const Names& tables) {
    for (const std::string& table : tables) ++tables_[table].in_flight;
  }
  void end_commit(const Names& tables) {
    for (const std::string& table : tables) {
      --tables_[table].in_flight;
      tables_[table].dirty = epoch_;
    }
    control_.want_sample();
  }
  bool allows(const Names& tables, std::uint64_t replayed) const {
    for (const std::string& name : tables) {
      const auto table = tables_.find(name);
      if (table == tables_.end()) continue;
      const auto& [in_flight, dirty, lsn] = table->second;
      if (in_flight > 0 || dirty != 0 || replayed < lsn) return false;
    }
    return replayed > 0;
  }
  std::uint64_t sample_begins() override { return ++epoch_; }
  void sample_done(std::uint64_t token, std::uint64_t lsn) override {
    for (auto& [name, table] : tables_) {
      if (table.dirty > token || (table.dirty == token && !early_)) continue;
      if (std::exchange(table.dirty, 0) != 0) table.lsn = std::max(table.lsn, lsn);
    }
  }
  void sample_failed(std::uint64_t) override {}

 private:
  struct Table {
    std::uint32_t in_flight = 0;
    std::uint64_t dirty = 0, lsn = 0;
  };
  Control& control_;
  bool early_;
  std::uint64_t epoch_ = 1;
  std::map<std::string, Table> tables_;
};

class Splitter;

/// A client and its servers. It asks one thing at a time.
class Lane final : public StreamHandler {
 public:
  Lane(Splitter& splitter, Endpoint& client) : splitter_(splitter), client_(&client) {
    client.set_handler(*this);
  }
  void on_bytes(Stream& stream, Bytes bytes) override;
  void on_end(Stream& stream, const StreamEnd& end) override;
  void leave(std::uint32_t node);

 private:
  struct Line {
    Endpoint* stream = nullptr;
    std::string in;
    bool greeted = false, muted = false;  // its login is not for the client
  };
  void from_client();
  void from_server(std::uint32_t node);
  void reply(std::uint32_t node, char tag, const std::string& frame);
  void request(const std::string& frame);
  void look_at(const Statement& statement);
  void ask();
  void ask_soon();
  void send_to(std::uint32_t node);
  void lost(std::uint32_t node);
  void answered(char status);
  void fail();
  void close_all();

  Splitter& splitter_;
  Endpoint* client_;
  std::string in_, startup_, request_, held_;
  std::map<std::uint32_t, Line> lines_;
  SmallLedger::Names read_, touched_, committing_;
  std::uint32_t node_ = 0;  // that is asked
  char status_ = 'I';
  bool asked_ = false, reads_ = false, writes_ = false, failed_ = false;
  bool again_ = false;  // the read failed on its standby: the primary is asked next
};

class Splitter final : public Middle, public Listener {
 public:
  Splitter(World& the_world, Fault the_fault)
      : world(the_world),
        fault(the_fault),
        random(world.random().fork()),
        host(world.network().host("splitter")),
        control(world, nodes, random.fork()),
        ledger(control, fault == Fault::early_sample) {
    world.network().listen("splitter", 6432, *this);
    control.on_demoted = [this](std::uint32_t node) {
      if (fault == Fault::stay) return;
      for (const auto& lane : lanes_) lane->leave(node);
    };
  }
  Target target() const override { return {"splitter", 6432}; }
  void stop() override { control.stop(); }
  void on_accept(Endpoint& stream) override {
    lanes_.push_back(std::make_unique<Lane>(*this, stream));
  }
  std::uint32_t primary() const { return fault == Fault::stay ? 0 : seat(); }
  /// The primary, or who was it last.
  std::uint32_t seat() const {
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes.role(i) == cluster::Role::primary) return i;
    }
    return 0;
  }
  bool may_ask(std::uint32_t node) const { return fault == Fault::stay || nodes.admits(node); }
  /// A standby for a read; the primary if there is none.
  std::uint32_t choose(const SmallLedger::Names& tables) {
    std::vector<std::uint32_t> fit;
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes.role(i) != cluster::Role::standby) continue;
      if (!nodes.up(i, world.scheduler().now())) continue;
      const bool fresh = ledger.allows(tables, nodes.state(i).replayed);
      if (fresh || fault == Fault::any_standby) fit.push_back(i);
    }
    return fit.empty() ? primary() : fit[random.below(fit.size())];
  }

  World& world;
  Fault fault;
  Random random;
  Host& host;
  cluster::Topology nodes;
  Control control;
  SmallLedger ledger;

 private:
  std::vector<std::unique_ptr<Lane>> lanes_;
};

void Lane::on_bytes(Stream& stream, Bytes bytes) {
  if (&stream == client_) {
    in_ += as_text(bytes);
    return from_client();
  }
  for (auto& [node, line] : lines_) {
    if (line.stream != &stream) continue;
    line.in += as_text(bytes);
    return from_server(node);
  }
}

void Lane::on_end(Stream& stream, const StreamEnd&) {
  if (&stream == client_) return close_all();
  for (auto& [node, line] : lines_) {
    if (line.stream == &stream) return lost(node);
  }
}

void Lane::close_all() {
  if (client_) std::exchange(client_, nullptr)->close();
  for (auto& [node, line] : lines_) {
    if (line.stream) std::exchange(line.stream, nullptr)->close();
  }
}

void Lane::leave(std::uint32_t node) {
  const auto found = lines_.find(node);
  if (found != lines_.end() && found->second.stream) lost(node);
}

// ---- questions

void Lane::from_client() {
  if (startup_.empty()) {
    const auto length = wire::startup_length(as_bytes(in_));
    if (!length || *length == 0 || in_.size() < *length) return;
    startup_ = in_.substr(0, *length);
    in_.erase(0, *length);
    asked_ = true;
    return ask();
  }
  each_message(wire::Origin::client, in_, [&](char tag, const std::string& frame) {
    if (!client_) return;
    if (tag == 'X') return close_all();
    request(frame);
  });
}

void Lane::request(const std::string& frame) {
  request_ = frame;
  asked_ = true;
  reads_ = writes_ = failed_ = again_ = false;
  read_.clear();
  bool commits = status_ == 'I';
  const auto parsed = parse(std::string_view(frame).substr(5, frame.size() - 6));
  if (parsed) {
    for (const Statement& statement : *parsed) {
      look_at(statement);
      commits |= statement.ends_transaction();
    }
    reads_ = status_ == 'I' && parsed->size() == 1 && parsed->front().repeatable() &&
             parsed->front().verb == Verb::read_tables;
  }
  if (commits) committing_ = touched_;
  splitter_.ledger.begin_commit(committing_);
  ask();
}

void Lane::look_at(const Statement& statement) {
  read_.insert(statement.tables.begin(), statement.tables.end());
  if (!statement.writes()) return;
  writes_ = true;
  touched_.insert(statement.calls.empty() ? statement.name : "audit");
}

void Lane::ask() {
  const bool stray = splitter_.fault == Fault::write_to_standby && writes_ && status_ == 'I' &&
                     splitter_.random.chance(10);
  if (status_ == 'I') {
    const bool spread = (reads_ && !again_) || stray;
    node_ = spread ? splitter_.choose(read_) : splitter_.primary();
    if (!splitter_.may_ask(node_)) return ask_soon();
  }
  if (status_ != 'I' && !lines_[node_].stream) return fail();
  send_to(node_);
}

void Lane::ask_soon() {
  splitter_.world.scheduler().after(milliseconds(50), "asks again", node_, [this] {
    if (client_ && asked_) ask();
  });
}

void Lane::send_to(std::uint32_t node) {
  Line& line = lines_[node];
  if (!line.stream) {
    const ServerSettings& server = splitter_.world.cluster().server(node).settings();
    line = {};
    line.muted = !request_.empty();
    line.stream = splitter_.host.connect_endpoint({server.host, server.port}, *this);
    line.stream->write(startup_);
  }
  if (!request_.empty()) line.stream->write(request_);
}

// ---- answers

void Lane::from_server(std::uint32_t node) {
  std::string in = std::move(lines_[node].in);
  lines_[node].in.clear();
  each_message(wire::Origin::server, in, [&](char tag, const std::string& frame) {
    if (client_ && lines_[node].stream) reply(node, tag, frame);
  });
  lines_[node].in.insert(0, in);
}

void Lane::reply(std::uint32_t node, char tag, const std::string& frame) {
  Line& line = lines_[node];
  const bool login = !line.greeted;
  line.greeted |= tag == 'Z';
  if (login && line.muted) return;
  if (!asked_ || node != node_) return;  // it is ended: its end will tell
  if (tag == 'E' && wire::read_error(as_bytes(frame).subspan(5)).severity == "FATAL") return;
  held_ += frame;
  const bool refused = reads_ && !again_ && tag == 'E' && splitter_.fault != Fault::give_up;
  failed_ |= refused;
  if (reads_ && tag != 'Z') return;  // shown when it is whole
  if (tag == 'Z' && std::exchange(failed_, false)) {
    again_ = true;
    held_.clear();
    return ask();
  }
  client_->write(std::exchange(held_, {}));
  if (tag == 'Z') answered(frame[5]);
}

void Lane::answered(char status) {
  status_ = status;
  asked_ = false;
  splitter_.ledger.end_commit(std::exchange(committing_, {}));
  if (status == 'I') touched_.clear();
}

void Lane::lost(std::uint32_t node) {
  Line& line = lines_[node];
  std::exchange(line.stream, nullptr)->close();
  line.in.clear();
  held_.clear();
  failed_ = false;
  if (!client_ || !asked_ || node != node_) return;
  if (!line.greeted) return ask_soon();  // nothing was asked there
  if (reads_ && splitter_.fault != Fault::give_up) {
    again_ = true;
    return ask_soon();
  }
  if (splitter_.fault == Fault::write_again && writes_ && status_ == 'I') return ask_soon();
  fail();
}

/// The commit that may have been in it stays in flight for good: nobody knows.
void Lane::fail() {
  committing_.clear();
  std::string out;
  wire::error(out, {"ERROR", "08006", "the server was lost"});
  wire::ready(out, 'I');
  client_->write(out);
  answered('I');
}

}  // namespace

const char* name(Fault fault) {
  static constexpr const char* names[] = {"none", "any_standby", "early_sample", "write_to_standby",
                                          "stay", "write_again", "give_up"};
  static_assert(std::size(names) == static_cast<std::size_t>(Fault::count_));
  return names[static_cast<std::size_t>(fault)];
}

Profile for_splitter(Profile profile) {
  Habits& habits = profile.habits;
  habits.extended = habits.pipelining = habits.copies = habits.functions = habits.settings = 0;
  habits.discard = 0;
  return profile;
}

std::unique_ptr<Middle> make_splitter(World& world, Fault fault) {
  return std::make_unique<Splitter>(world, fault);
}

}  // namespace heim::sim
