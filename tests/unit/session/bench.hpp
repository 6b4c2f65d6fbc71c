// A test bench for the sessions: hubs with a clock that stands still, and the far ends of all their
// streams in the test's hands. A test reads like a protocol script:
//
//   SCRIPT("a query") {
//     Client& client = bench.login();
//     Server& server = bench.server();
//     client.sends(query("select 1"));
//     server.receives(query("select 1"));
//     server.sends(answer("1"));
//     client.receives(answer("1"));
//   }
//
// A SCRIPT runs once per Cut: what is sent arrives message by message, byte by byte, and with all
// that one side sends in a row at once. What is sent is kept until something is expected; then
// everything happens, in order.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "described.hpp"
#include "messages.hpp"
#include "session/hub.hpp"
#include "session/shared.hpp"

namespace heim::session::test {

class Bench;

enum class Cut : std::uint8_t { whole, bytes, coalesced };
std::string_view name(Cut cut);

/// The far end of one stream: a client of the proxy, or a server of it.
class End final : public Stream {
 public:
  End(Bench& bench, StreamHandler* handler) : bench_(bench), handler_(handler) {}

  // ---- what a script does -----------------------------------------------------
  /// Bytes on their way to the proxy.
  void sends(std::string_view bytes);
  /// The proxy has written exactly these bytes next.
  void receives(std::string_view bytes);
  /// An ErrorResponse with this SQLSTATE stands next; returns its message.
  std::string receives_error(std::string_view sqlstate, std::string_view severity = "ERROR");
  /// Nothing more was written.
  void receives_nothing() { receives_all(""); }
  /// Exactly these bytes and no more.
  void receives_all(std::string_view bytes);
  /// The proxy has closed the stream, and written nothing more.
  void is_closed();
  void is_open();
  bool is_gone() const { return closed_; }
  /// Terminate, and closed.
  void is_dismissed();
  /// The peer goes.
  void leaves(std::string_view why = {});
  /// An outgoing stream reaches its peer.
  void accepts();
  /// The handshake that start_tls_*() began ends well.
  void finishes_tls(TlsInfo info = {"TLSv1.3", "TLS_AES_256_GCM_SHA384", {}, {}, {}, {}});
  /// From now on the peer takes nothing: all that is written is backlog.
  void stalls() { stalled_ = true; }
  void reads_again();
  /// Waits until all that was sent has arrived, then returns what the proxy has written, taken.
  std::string take(std::size_t count = std::string::npos);
  /// What it asked for by start_tls_*().
  enum class Tls : std::uint8_t { none, server, client, done };
  Tls tls = Tls::none;
  std::string tls_first;  // bytes given to start_tls_server()
  Target target;          // of an outgoing stream
  bool paused = false;
  bool unix_socket = false;
  bool loopback = true;
  Described described;  // of a server
  bool loose = false;   // what it still receives at the end is of no interest
  // Of a client that logged in:
  std::uint32_t pid = 0;
  std::string secret;
  std::string greeting;  // what came before BackendKeyData

  // ---- Stream -----------------------------------------------------------------
  void write(std::span<const Bytes> segments) override;
  std::size_t backlog() const override { return backlog_; }
  void pause() override { paused = true; }
  void resume() override { paused = false; }
  void start_tls_server(Bytes already_read) override;
  void start_tls_client(const std::string& host, SslMode mode) override;
  void close(Duration) override;
  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void detach() override;
  std::string peer_name() const override { return "127.0.0.1:40000"; }
  std::string local_name() const override { return "127.0.0.1:6432"; }
  bool is_unix() const override { return unix_socket; }
  bool is_loopback() const override { return loopback; }
  bool is_tls() const override { return tls == Tls::done; }

 private:
  friend class Bench;
  void check_alive(std::string_view what);
  bool is_server() const { return !target.host.empty(); }
  Bench& bench_;
  StreamHandler* handler_;
  std::string out_;      // written, not yet taken by the script
  std::string pending_;  // sent, while the proxy does not read
  std::size_t backlog_ = 0;
  bool closed_ = false;
  bool ended_ = false;
  bool detached_ = false;
  bool stalled_ = false;
};
using Client = End;
using Server = End;

/// Hubs, their clock, transport and fabric. Set `settings` and the like before anything else.
class Bench {
 public:
  explicit Bench(Cut the_cut);
  ~Bench();

  config::Settings settings;  // one primary, trust, transaction mode, no TLS to servers
  auth::UserList users;
  auth::Hba hba;
  pool::WorkerId workers = 1;
  const Cut cut;
  std::string certificate_hash;  // not empty: the proxy serves TLS

  /// A client connects.
  Client& connect(pool::WorkerId worker = 0);
  /// A client connects and sends a startup packet.
  Client& starts(Pairs more = {}, pool::WorkerId worker = 0);
  /// A client of user "app", database "db", logged in by trust. A server that is opened for it logs
  /// in, too.
  Client& login(Pairs more = {}, pool::WorkerId worker = 0);
  /// Takes a greeting up to ReadyForQuery.
  void admitted(Client& client);
  /// The next connection the proxy opens. Fails the test if there is none.
  Server& dialed();
  bool dials();
  /// The next connection the proxy opens, logged in.
  Server& server(const Pairs& parameters = {{"server_version", "15.1"}, {"TimeZone", "UTC"}});
  /// The connection server() or login() opened last.
  Server& last() { return *last_; }
  /// Time passes, and every hub is told.
  void passes(Duration time);
  /// All that is under way happens.
  void settle();
  Hub& hub(pool::WorkerId worker = 0);
  /// The database "db" has these objects, and nobody need ask for them.
  void knows_catalog(const sql::Catalog& catalog);
  Shared& shared();
  /// A new version of `settings`.
  void reload();
  /// While it is true, what workers send each other stays under way.
  bool holds_fabric = false;
  /// Lines logged so far.
  std::vector<std::string> lines;
  /// Ends everything now; the destructor does it otherwise.
  void finish();

 private:
  friend class End;
  struct Parts;
  struct Event {
    End* end;
    std::string bytes;
  };
  void build();
  RulesRef rules() const;
  bool deliver_next();
  void deliver(End& end, std::string_view bytes);
  bool deliver_pending();
  bool run_fabric();
  template <class Call>
  void call(End& end, Call call);

  std::deque<std::unique_ptr<End>> ends_;
  std::deque<End*> dialed_;
  std::deque<Event> events_;
  std::unique_ptr<Parts> parts_;
  End* last_ = nullptr;
  int depth_ = 0;
  std::uint32_t next_backend_pid_ = 1000;
};

/// Runs a script once per cut.
void in_every_cut(void (*script)(Bench&));

#define HEIM_SCRIPT(function, title)                 \
  static void function(heim::session::test::Bench&); \
  TEST_CASE(title) { in_every_cut(function); }       \
  static void function([[maybe_unused]] heim::session::test::Bench& bench)
#define SCRIPT(title) HEIM_SCRIPT(DOCTEST_ANONYMOUS(script_), title)

}  // namespace heim::session::test
