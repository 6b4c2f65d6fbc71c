// TLS on streams, both sides ours; and its settings.
#include <sys/socket.h>

#include <fstream>

#include "certificates.hpp"
#include "harness.hpp"

using namespace heim;
using namespace heim::io;
using namespace heim::io::test;

namespace {

/// One authority and what it signed; made once.
struct Authority {
  TempDir dir;
  Identity ca = make_identity(dir.path, "ca", {"Heim Test CA", "", nullptr});
  Identity other_ca = make_identity(dir.path, "other_ca", {"Other CA", "", nullptr});
  Identity server = make("server", {"ignored.example", "DNS:db.example,DNS:*.wild.example"});
  Identity by_name = make("by_name", {"cn.example", ""});
  Identity by_address = make("by_address", {"127.0.0.9", "IP:127.0.0.1,IP:::1"});
  Identity client = make("client", {"alice", ""});
  Identity expired = make_identity(dir.path, "expired", {"db.example", "", &ca, true});

  Identity make(const std::string& name, CertificateSpec spec) {
    spec.issuer = &ca;
    return make_identity(dir.path, name, spec);
  }
  static Authority& get() {
    static Authority authority;
    return authority;
  }
};

TlsOptions options(SslMode mode, const Identity* identity, const Identity* ca = nullptr) {
  TlsOptions made;
  made.mode = mode;
  if (identity) {
    made.cert_file = identity->cert_file;
    made.key_file = identity->key_file;
  }
  if (ca) made.ca_file = ca->cert_file;
  return made;
}

TlsContext::Ptr server_context(const TlsOptions& settings) {
  auto made = TlsContext::server(settings);
  REQUIRE_MESSAGE(bool(made), (made ? "" : made.error().message));
  return *made;
}

TlsContext::Ptr client_context(const TlsOptions& settings) {
  auto made = TlsContext::client(settings);
  REQUIRE_MESSAGE(bool(made), (made ? "" : made.error().message));
  return *made;
}

/// Two streams on one loop.
struct Pair : World {
  Recorder client, server;
  Pair(const TlsOptions& server_side, const TlsOptions& client_side) {
    transport.set_tls(server_context(server_side), client_context(client_side));
    plug();
  }
  void plug() {
    auto [near, far] = tcp_pair();
    client.stream = transport.adopt_fd(near.release(), client);
    server.stream = transport.adopt_fd(far.release(), server);
  }
  void start(const std::string& host, SslMode mode) {
    server.stream->start_tls_server();
    client.stream->start_tls_client(host, mode);
  }
  /// Both shook hands, and a byte each way proves that both believe so; or one of them ended.
  bool handshake(const std::string& host, SslMode mode) {
    start(host, mode);
    client.write("?");
    server.write("!");
    CHECK(until([&] {
      return client.ended || server.ended || (client.received == "!" && server.received == "?");
    }));
    const bool good = !client.ended && !server.ended;
    if (good) CHECK(client.tls_count + server.tls_count == 2);
    return good;
  }
};

struct ModeCase {
  const char* what;
  Identity Authority::*server;
  Identity Authority::*client_ca;  // null: none configured
  SslMode mode;
  const char* host;
  const char* error;  // empty: it works
};

}  // namespace

TEST_CASE("client modes mean what they mean to libpq") {
  using A = Authority;
  const ModeCase cases[] = {
      {"require trusts anybody", &A::server, nullptr, SslMode::require, "x.example", ""},
      {"prefer too", &A::expired, nullptr, SslMode::prefer, "x.example", ""},
      {"require with a root verifies", &A::server, &A::other_ca, SslMode::require, "x.example",
       "certificate verify failed"},
      {"require with a root, not the name", &A::server, &A::ca, SslMode::require, "x.example", ""},
      {"verify-ca", &A::server, &A::ca, SslMode::verify_ca, "x.example", ""},
      {"verify-ca, wrong authority", &A::server, &A::other_ca, SslMode::verify_ca, "db.example",
       "certificate verify failed"},
      {"verify-ca, expired", &A::expired, &A::ca, SslMode::verify_ca, "db.example",
       "certificate has expired"},
      {"verify-ca without a root", &A::server, nullptr, SslMode::verify_ca, "db.example",
       "root certificate"},
      {"verify-full", &A::server, &A::ca, SslMode::verify_full, "db.example", ""},
      {"verify-full, wild card", &A::server, &A::ca, SslMode::verify_full, "a.wild.example", ""},
      {"verify-full, wild card is one label", &A::server, &A::ca, SslMode::verify_full,
       "a.b.wild.example", "does not match host name"},
      {"verify-full, wrong host", &A::server, &A::ca, SslMode::verify_full, "evil.example",
       "does not match host name \"evil.example\""},
      {"verify-full, names beat the common name", &A::server, &A::ca, SslMode::verify_full,
       "ignored.example", "does not match"},
      {"verify-full, common name", &A::by_name, &A::ca, SslMode::verify_full, "cn.example", ""},
      {"verify-full, address", &A::by_address, &A::ca, SslMode::verify_full, "127.0.0.1", ""},
      {"verify-full, v6 address", &A::by_address, &A::ca, SslMode::verify_full, "::1", ""},
      {"verify-full, other address", &A::by_address, &A::ca, SslMode::verify_full, "127.0.0.2",
       "does not match"},
      {"verify-full, addresses beat the common name", &A::by_address, &A::ca, SslMode::verify_full,
       "127.0.0.9", "does not match"},
      {"verify-full without a host", &A::server, &A::ca, SslMode::verify_full, "",
       "needs a host name"},
  };
  Authority& authority = Authority::get();
  for (const ModeCase& item : cases) {
    CAPTURE(item.what);
    Pair pair(options(SslMode::require, &(authority.*item.server)),
              options(item.mode, nullptr, item.client_ca ? &(authority.*item.client_ca) : nullptr));
    const bool good = pair.handshake(item.host, item.mode);
    CHECK(good == (*item.error == '\0'));
    if (good) continue;
    REQUIRE(pair.until([&] { return pair.client.ended > 0; }));
    CAPTURE(pair.client.end.message);
    CHECK(pair.client.end.message.find(item.error) != std::string::npos);
    CHECK(pair.client.tls_count == 0);
    CHECK(pair.server.received.empty());  // nothing was said before the server was believed
    pair.client.close();
    CHECK(pair.until([&] { return pair.server.ended == 1; }));
    CHECK_FALSE(pair.server.end.orderly);
  }
}

TEST_CASE("what a handshake tells") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server, &authority.ca),
            options(SslMode::verify_full, &authority.client, &authority.ca));
  REQUIRE(pair.handshake("db.example", SslMode::verify_full));
  CHECK(pair.client.tls.version == "TLSv1.3");
  CHECK(pair.server.tls.version == "TLSv1.3");
  CHECK_FALSE(pair.client.tls.cipher.empty());
  CHECK(pair.client.tls.alpn == "postgresql");
  CHECK(pair.server.tls.alpn == "postgresql");
  CHECK(pair.server.tls.peer_common_name == "alice");
  CHECK(pair.server.tls.peer_distinguished_name == "CN=alice,O=Heim");
  CHECK(pair.client.tls.peer_common_name.empty());
  const std::string hash = certificate_digest(authority.server, "SHA256");
  CHECK(pair.client.tls.endpoint_hash == hash);
  CHECK(pair.server.tls.endpoint_hash == hash);
  CHECK(pair.transport.endpoint_hash() == hash);
  CHECK(pair.transport.can_serve_tls());
  CHECK(pair.client.stream->is_tls());
}

TEST_CASE("client certificates: demanded, optional, of the wrong authority") {
  struct {
    SslMode mode;
    Identity Authority::*client;  // null: shows none
    bool good;
    const char* name;
  } const cases[] = {
      {SslMode::require, nullptr, true, ""},
      {SslMode::require, &Authority::client, true, "alice"},
      {SslMode::require, &Authority::other_ca, false, ""},
      {SslMode::verify_ca, &Authority::client, true, "alice"},
      {SslMode::verify_ca, nullptr, false, ""},
      {SslMode::verify_full, nullptr, false, ""},
      {SslMode::verify_full, &Authority::expired, false, ""},
  };
  Authority& authority = Authority::get();
  for (const auto& item : cases) {
    CAPTURE(static_cast<int>(item.mode));
    Pair pair(options(item.mode, &authority.server, &authority.ca),
              options(SslMode::require, item.client ? &(authority.*item.client) : nullptr));
    CHECK(pair.handshake("db.example", SslMode::require) == item.good);
    if (item.good) {
      CHECK(pair.server.tls.peer_common_name == item.name);
    } else {
      REQUIRE(pair.until([&] { return pair.server.ended == 1; }));
      CHECK(pair.server.tls_count == 0);
      CHECK(pair.server.end.message.find("TLS: ") == 0);
      pair.server.close();
      REQUIRE(pair.until([&] { return pair.client.ended == 1; }));
      CHECK(pair.client.received.empty());
      CHECK(pair.client.end.message.find("alert") != std::string::npos);  // it is told why
    }
  }
}

TEST_CASE("TLS 1.2, and a client that is too old") {
  Authority& authority = Authority::get();
  auto old_server = options(SslMode::require, &authority.server);
  old_server.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  auto new_client = options(SslMode::require, nullptr);
  new_client.min_version = "TLSv1.3";
  Pair pair(old_server, new_client);
  CHECK(pair.handshake("", SslMode::require));

  auto strict = options(SslMode::require, &authority.server);
  strict.min_version = "TLSv1.3";
  Pair modern(strict, options(SslMode::require, nullptr));
  CHECK(modern.handshake("", SslMode::require));
  CHECK(modern.server.tls.version == "TLSv1.3");
}

TEST_CASE("large data both ways, larger than every buffer, in many sizes of write") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  const std::string text = pattern(6 << 20);
  pair.start("db.example", SslMode::require);
  std::size_t echoed = 0;
  pair.server.bytes_hook = [&] {
    pair.server.write(std::string_view(pair.server.received).substr(echoed));
    echoed = pair.server.received.size();
    if (pair.server.stream->backlog() > 0) pair.server.stream->pause();
  };
  pair.server.drained_hook = [&] { pair.server.stream->resume(); };
  const std::string_view view = text;
  std::size_t at = 0;
  for (std::size_t size = 1; at < text.size(); size = size * 3 % 300'007 + 1) {
    const auto chunk = view.substr(at, size);
    const Bytes parts[] = {as_bytes(chunk.substr(0, size / 3)),
                           {},
                           as_bytes(chunk.substr(std::min(chunk.size(), size / 3)))};
    pair.client.stream->write(parts);
    at += chunk.size();
    if (at % 7 == 0) pair.turns(1);
  }
  CHECK(at == text.size());
  REQUIRE(pair.until([&] { return pair.client.received.size() == text.size(); }, 60s));
  CHECK(pair.client.received == text);
  CHECK(pair.server.received == text);
}

TEST_CASE("TLS: pause keeps decrypted and undecrypted bytes back, resume delivers them") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  pair.server.stream->pause();  // for on_bytes() only: the handshake goes on
  pair.start("", SslMode::require);
  const std::string text = pattern(500'000);
  pair.client.write(text);
  REQUIRE(pair.until([&] { return pair.server.tls_count == 1 && pair.client.tls_count == 1; }));
  pair.turns(3);
  CHECK(pair.server.chunks == 0);
  pair.server.bytes_hook = [&] { pair.server.stream->pause(); };
  while (pair.server.received.size() < text.size()) {
    const int before = pair.server.chunks;
    pair.server.stream->resume();
    REQUIRE(pair.until([&] { return pair.server.chunks > before; }));
    pair.turns(2);
    CHECK(pair.server.chunks == before + 1);
  }
  CHECK(pair.server.received == text);
}

TEST_CASE("direct TLS: the first flight was read already") {
  Authority& authority = Authority::get();
  for (const std::size_t shown : {std::size_t{1}, std::size_t{8}, std::size_t{100'000}}) {
    Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
    struct Opener : Recorder {
      std::size_t shown = 0;
      void on_bytes(Stream& from, Bytes bytes) override {
        if (from.is_tls()) return Recorder::on_bytes(from, bytes);
        CHECK(bytes[0] == 0x16);
        from.start_tls_server(bytes);
      }
    } opener;
    opener.shown = shown;
    opener.stream = pair.server.stream;
    pair.server.stream->set_handler(opener);
    pair.client.stream->start_tls_client("db.example", SslMode::require);
    pair.client.write("hello");
    REQUIRE(pair.until([&] { return opener.received == "hello"; }));
    CHECK(opener.tls.alpn == "postgresql");
  }
}

TEST_CASE("plain bytes before TLS stay plain, those after are TLS") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  pair.server.bytes_hook = [&] {
    if (pair.server.received != "SSL?") return;
    pair.server.write("S");
    pair.server.stream->start_tls_server();
    pair.server.write("secret");
  };
  pair.client.bytes_hook = [&] {
    if (pair.client.received == "S") pair.client.stream->start_tls_client("", SslMode::require);
  };
  pair.client.write("SSL?");
  REQUIRE(pair.until([&] { return pair.client.received == "Ssecret"; }));
  CHECK(pair.client.tls_count == 1);
}

TEST_CASE("plain bytes where a handshake is due end the stream") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  pair.server.stream->start_tls_server();
  pair.client.write("Q1234select 1");
  REQUIRE(pair.until([&] { return pair.server.ended == 1; }));
  CHECK(pair.server.received.empty());
  CHECK_FALSE(pair.server.end.orderly);
}

TEST_CASE("the end of a TLS stream: in good order, cut off, in the handshake") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  REQUIRE(pair.handshake("", SslMode::require));
  pair.client.write("bye");
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.ended == 1; }));
  CHECK(pair.server.received == "?bye");
  CHECK(pair.server.end.orderly);
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.transport.stream_count() == 0; }));

  Pair cut(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  REQUIRE(cut.handshake("", SslMode::require));
  cut.client.close(0s);
  REQUIRE(cut.until([&] { return cut.server.ended == 1; }));
  CHECK_FALSE(cut.server.end.orderly);

  Pair early(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  early.server.stream->start_tls_server();
  early.client.close();
  REQUIRE(early.until([&] { return early.server.ended == 1; }));
  CHECK(early.server.end.message.find("handshake") != std::string::npos);
}

TEST_CASE("TLS: close in every callback") {
  Authority& authority = Authority::get();
  const auto server_side = options(SslMode::require, &authority.server);
  const auto client_side = options(SslMode::require, nullptr);
  SUBCASE("on_tls") {
    Pair pair(server_side, client_side);
    pair.server.tls_hook = [&] { pair.server.close(); };
    pair.client.end_hook = [&] { pair.client.close(); };
    pair.start("", SslMode::require);
    REQUIRE(pair.until([&] { return pair.transport.stream_count() == 0; }));
    CHECK(pair.server.tls_count == 1);
    CHECK(pair.server.ended == 0);
  }
  SUBCASE("on_bytes, with more records behind") {
    Pair pair(server_side, client_side);
    pair.server.bytes_hook = [&] { pair.server.close(); };
    pair.client.end_hook = [&] { pair.client.close(); };
    pair.start("", SslMode::require);
    pair.client.write(pattern(300'000));
    REQUIRE(pair.until([&] { return pair.transport.stream_count() == 0; }));
    CHECK(pair.server.chunks == 1);
    CHECK(pair.server.ended == 0);
  }
  SUBCASE("on_end of a failed handshake") {
    Pair pair(server_side, client_side);
    pair.client.end_hook = [&] { pair.client.close(); };
    pair.server.end_hook = [&] { pair.server.close(); };
    pair.start("", SslMode::verify_full);
    REQUIRE(pair.until([&] { return pair.transport.stream_count() == 0; }));
    CHECK(pair.client.ended == 1);
    CHECK(pair.server.ended == 1);
  }
}

TEST_CASE("no TLS towards clients is configured") {
  World world;
  Recorder server;
  auto [near, far] = socket_pair();
  server.stream = world.transport.adopt_fd(near.release(), server);
  CHECK_FALSE(world.transport.can_serve_tls());
  CHECK(world.transport.endpoint_hash().empty());
  REQUIRE(send_all(far.get(), "not for plain eyes"));
  server.stream->start_tls_server();
  CHECK(server.ended == 0);
  REQUIRE(world.until([&] { return server.ended == 1; }));
  CHECK(server.end.message == "TLS towards clients is not configured");
  CHECK(server.received.empty());
}

TEST_CASE("a reload is for new streams") {
  Authority& authority = Authority::get();
  Pair pair(options(SslMode::require, &authority.server), options(SslMode::require, nullptr));
  REQUIRE(pair.handshake("", SslMode::require));
  const auto old_hash = pair.client.tls.endpoint_hash;
  pair.transport.set_tls(server_context(options(SslMode::require, &authority.by_name)), nullptr);
  pair.client.write("still here");
  REQUIRE(pair.until([&] { return pair.server.received == "?still here"; }));
  pair.client.received.clear();
  pair.server.received.clear();
  pair.client.tls_count = pair.server.tls_count = 0;
  pair.plug();
  REQUIRE(pair.handshake("", SslMode::require));
  CHECK(pair.client.tls.endpoint_hash != old_hash);
}

TEST_CASE("the endpoint hash follows the signature's digest") {
  Authority& authority = Authority::get();
  const std::string& dir = authority.dir.path;
  struct {
    const char* signature;
    const char* hash;
  } const cases[] = {
      {"SHA256", "SHA256"}, {"SHA384", "SHA384"}, {"SHA512", "SHA512"}, {"SHA1", "SHA256"}};
  for (const auto& item : cases) {
    CAPTURE(item.signature);
    CertificateSpec spec{"db.example", "", &authority.ca};
    spec.digest = item.signature;
    const Identity identity = make_identity(dir, "digest", spec);
    auto made = TlsContext::server(options(SslMode::require, &identity));
    if (!made && std::string(item.signature) == "SHA1")
      continue;  // refused by this system's policy
    REQUIRE(bool(made));
    CHECK((*made)->endpoint_hash() == certificate_digest(identity, item.hash));
  }
  CertificateSpec own{"ed", "", nullptr};
  own.ed25519 = true;
  const Identity ed = make_identity(dir, "ed", own);
  CHECK(server_context(options(SslMode::require, &ed))->endpoint_hash().empty());
}

TEST_CASE("settings that cannot be say the file and the reason") {
  Authority& authority = Authority::get();
  const std::string& dir = authority.dir.path;
  std::ofstream(dir + "/garbage.pem") << "not PEM at all\n";
  auto with = [&](auto change) {
    TlsOptions made = options(SslMode::require, &authority.server, &authority.ca);
    change(made);
    return made;
  };
  struct {
    TlsOptions options;
    const char* names;
    const char* reason;
  } const cases[] = {
      {with([&](auto& o) { o.cert_file = dir + "/missing.crt"; }), "missing.crt",
       "No such file or directory"},
      {with([&](auto& o) { o.key_file = dir + "/missing.key"; }), "missing.key",
       "No such file or directory"},
      {with([&](auto& o) { o.ca_file = dir + "/missing.ca"; }), "missing.ca",
       "No such file or directory"},
      {with([&](auto& o) { o.cert_file = dir + "/garbage.pem"; }), "garbage.pem", "no start line"},
      {with([&](auto& o) { o.key_file = dir + "/garbage.pem"; }), "garbage.pem", ""},
      {with([&](auto& o) { o.key_file = authority.client.key_file; }), "client.key", "mismatch"},
      {with([&](auto& o) { o.key_file = write_encrypted_key(authority.server, dir); }),
       "encrypted.key", ""},
      {with([&](auto& o) { o.key_file.clear(); }), "key_file", "not"},
      {with([&](auto& o) { o.cert_file.clear(); }), "cert_file", "not"},
      {with([&](auto& o) { o.ciphers = "NO-SUCH-CIPHER"; }), "NO-SUCH-CIPHER", "no cipher match"},
      {with([&](auto& o) { o.min_version = "SSLv3"; }), "SSLv3", "not known"},
  };
  for (const auto& item : cases) {
    CAPTURE(item.names);
    auto made = TlsContext::server(item.options);
    REQUIRE_FALSE(bool(made));
    CAPTURE(made.error().message);
    CHECK(made.error().message.find(item.names) != std::string::npos);
    CHECK(made.error().message.find(item.reason) != std::string::npos);
    CHECK(made.error().sqlstate == "F0000");
    CHECK_FALSE(bool(TlsContext::client(item.options)));
  }
  CHECK_FALSE(bool(TlsContext::server(options(SslMode::require, nullptr))));
  CHECK_FALSE(bool(TlsContext::server(options(SslMode::verify_ca, &authority.server))));
  CHECK(bool(TlsContext::client({})));
}
