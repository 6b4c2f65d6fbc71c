#include "auth/client_login.hpp"

#include <stdexcept>
#include <utility>

#include "auth/md5.hpp"
#include "auth/scram.hpp"
#include "auth/scram_server.hpp"
#include "crypto/base64.hpp"
#include "crypto/compare.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::auth {
namespace {

constexpr std::uint32_t ask_password = 3, ask_md5 = 5, ask_sasl = 10, sasl_continue = 11,
                        sasl_final = 12;
/// PostgreSQL's PG_MAX_SASL_MESSAGE_LENGTH.
constexpr std::size_t max_sasl_message = 1024;

Step refuse(Error error) { return {Progress::failed, {}, std::move(error)}; }
Step violation(std::string message) { return refuse({"08P01", std::move(message), {}, {}}); }

Step ask(std::uint32_t code, std::string_view rest) {
  Step step{Progress::more, {}, {}};
  wire::authentication(step.bytes, code, rest);
  return step;
}

/// The text of a PasswordMessage; nullopt if it is not one zero-terminated string.
std::optional<std::string_view> read_text(Bytes body) {
  wire::Fields fields(body);
  const std::string_view text = fields.string();
  if (!fields.done()) return std::nullopt;
  return text;
}

}  // namespace

struct ClientLogin::Exchange {
  enum class Phase : std::uint8_t { start, text, sasl_initial, sasl_first, sasl_final, over };

  Exchange(ClientLoginInput given, crypto::Random& random)
      : input(std::move(given)),
        doomed(input.secret.kind == SecretKind::none || input.secret.expired(input.now)),
        md5_salt(random.bytes(md5_salt_size)),
        nonce(crypto::base64_encode(random.bytes(scram::nonce_size))) {}

  Step start();
  Step on_password(Bytes body);

  Step check_password(std::string_view text);
  Step check_md5(std::string_view text);
  Step sasl_initial(Bytes body);
  Step sasl_first(std::string_view message);
  Step sasl_finish(std::string_view message);
  Step verdict(bool right, Credentials credentials, std::string bytes = {});

  SecretKind played_kind() const;
  bool password_is_right(std::string_view text);
  ScramVerifier pick_verifier();
  ScramVerifier derive(std::string_view password, std::string_view salt, std::uint32_t iterations);
  bool offers_plus() const { return input.is_tls && !input.endpoint_hash.empty(); }

  ClientLoginInput input;
  bool doomed;  // whatever the client proves, it fails; known from the start, shown at the end
  std::string md5_salt, nonce;
  Phase phase = Phase::start;
  std::optional<scram::Server> server;
  std::string salt;  // of the SCRAM exchange
  std::uint32_t iterations = default_iterations;
  std::optional<ScramVerifier> derived;
  Credentials recovered;
  std::uint64_t rounds = 0;
};

/// The kind of secret this login behaves as if it had.
SecretKind ClientLogin::Exchange::played_kind() const {
  return input.secret.kind == SecretKind::none ? input.usual.kind : input.secret.kind;
}

Step ClientLogin::Exchange::start() {
  switch (input.method) {
    case Method::trust:
      phase = Phase::over;
      recovered = Credentials::stored(input.secret);
      return {Progress::ok, {}, {}};
    case Method::password:
      phase = Phase::text;
      return ask(ask_password, {});
    case Method::md5:
      phase = Phase::text;
      return ask(ask_md5, md5_salt);
    default:
      break;
  }
  phase = Phase::sasl_initial;
  std::string mechanisms;
  if (offers_plus()) mechanisms.append(scram::mechanism_plus).append(1, '\0');
  mechanisms.append(scram::mechanism).append(2, '\0');
  return ask(ask_sasl, mechanisms);
}

Step ClientLogin::Exchange::on_password(Bytes body) {
  switch (std::exchange(phase, Phase::over)) {
    case Phase::text: {
      const auto text = read_text(body);
      if (!text) return violation("invalid password packet size");
      return input.method == Method::md5 ? check_md5(*text) : check_password(*text);
    }
    case Phase::sasl_initial:
      return sasl_initial(body);
    case Phase::sasl_first:
      return sasl_first(as_text(body));
    case Phase::sasl_final:
      return sasl_finish(as_text(body));
    default:
      return violation("unexpected password message");
  }
}

Step ClientLogin::Exchange::verdict(bool right, Credentials credentials, std::string bytes) {
  if (!right || doomed) return {Progress::failed, {}, {}};
  const bool stored_wins = input.secret.kind == SecretKind::plain;
  recovered = stored_wins ? Credentials::stored(input.secret) : std::move(credentials);
  return {Progress::ok, std::move(bytes), {}};
}

ScramVerifier ClientLogin::Exchange::derive(std::string_view password, std::string_view with_salt,
                                            std::uint32_t count) {
  rounds += count;
  return ScramVerifier::derive(password, with_salt, count);
}

bool ClientLogin::Exchange::password_is_right(std::string_view text) {
  switch (played_kind()) {
    case SecretKind::plain: {
      // Sums, so that the time does not tell the length of the stored one.
      const crypto::Key given(crypto::sha256(text));
      const crypto::Key stored(crypto::sha256(input.secret.text.view()));
      return crypto::equal(given.view(), stored.view());
    }
    case SecretKind::md5:
      return crypto::equal(md5_stored(text, input.user).view(), input.secret.text.view());
    case SecretKind::scram: {
      ScramVerifier stored;
      stored.iterations = input.usual.iterations;
      stored.salt = steady_salt(input.process_key, input.user, input.usual.salt_size);
      if (input.secret.scram) stored = *input.secret.scram;
      const ScramVerifier given = derive(text, stored.salt, stored.iterations);
      return crypto::equal(given.stored_key.view(), stored.stored_key.view());
    }
    case SecretKind::none:
      break;
  }
  return false;
}

Step ClientLogin::Exchange::check_password(std::string_view text) {
  const bool right = password_is_right(text) && !text.empty();
  return verdict(right, Credentials::plain(text));
}

Step ClientLogin::Exchange::check_md5(std::string_view text) {
  const bool has_hash = input.secret.kind == SecretKind::md5;
  // A plain secret, and what stands in for a missing one, are hashed first: one more sum, for both.
  const bool hash_first = played_kind() != SecretKind::md5;
  const Secret made = hash_first ? md5_stored(input.secret.text.view(), input.user) : Secret();
  const std::string_view none = "md500000000000000000000000000000000";
  const std::string_view stored =
      hash_first ? made.view() : (has_hash ? input.secret.text.view() : none);
  const Secret expected = md5_answer(stored, md5_salt);
  const bool usable = has_hash || input.secret.kind == SecretKind::plain;
  const bool right = crypto::equal(expected.view(), text) && usable;
  return verdict(right, Credentials::stored(input.secret));
}

Step ClientLogin::Exchange::sasl_initial(Bytes body) {
  wire::Fields fields(body);
  const std::string_view mechanism = fields.string();
  const std::uint32_t length = fields.u32();
  if (!fields.ok()) return violation("invalid SASLInitialResponse message");
  scram::Server::Binding binding{offers_plus(), mechanism == scram::mechanism_plus,
                                 input.endpoint_hash};
  const bool known = mechanism == scram::mechanism || (binding.selected && binding.offered);
  if (!known) return violation("client selected an invalid SASL authentication mechanism");
  server.emplace(nonce, std::move(binding));
  if (length == 0xffffffff) {
    if (!fields.done()) return violation("invalid SASLInitialResponse message");
    phase = Phase::sasl_first;
    return ask(sasl_continue, {});
  }
  if (length != fields.rest().size()) return violation("invalid SASLInitialResponse message");
  return sasl_first(as_text(fields.rest()));
}

Step ClientLogin::Exchange::sasl_first(std::string_view message) {
  if (message.size() > max_sasl_message) return violation("SASL message is too long");
  const ScramVerifier* stored = input.secret.scram ? &*input.secret.scram : nullptr;
  if (input.secret.kind == SecretKind::plain && input.derived) stored = &*input.derived;
  if (stored) {
    salt = stored->salt;
    iterations = stored->iterations;
  } else {
    iterations = input.usual.iterations;
    salt = steady_salt(input.process_key, input.user, input.usual.salt_size);
  }
  auto answer = server->first(message, salt, iterations);
  if (!answer) return refuse(answer.error());
  phase = Phase::sasl_final;
  return ask(sasl_continue, *answer);
}

/// What the proof is checked against; for a user without one, something that costs as much.
ScramVerifier ClientLogin::Exchange::pick_verifier() {
  const SecretKind kind = input.secret.kind;
  if (kind == SecretKind::scram) return *input.secret.scram;
  if (kind == SecretKind::plain) {
    if (input.derived) return *input.derived;
    derived = derive(input.secret.text.view(), salt, iterations);
    return *derived;
  }
  doomed = true;  // an md5 hash proves nothing here, and the unknown user has no secret at all
  const bool costly = input.usual.kind == SecretKind::plain && !input.usual.derived;
  if (costly) return derive(input.process_key, salt, iterations);
  ScramVerifier feigned;
  feigned.stored_key = crypto::Key(crypto::hmac_sha256(input.process_key, salt));
  return feigned;
}

Step ClientLogin::Exchange::sasl_finish(std::string_view message) {
  if (message.size() > max_sasl_message) return violation("SASL message is too long");
  if (auto checked = server->final(message); !checked) return refuse(checked.error());
  const ScramVerifier verifier = pick_verifier();
  const bool right = server->verify(verifier);
  Step final_message = ask(sasl_final, server->server_final(verifier));
  Credentials credentials;
  if (right) {
    credentials = Credentials::scram(
        {server->client_key(), verifier.server_key, verifier.salt, verifier.iterations});
  }
  return verdict(right, std::move(credentials), std::move(final_message.bytes));
}

ClientLogin::ClientLogin(ClientLoginInput input, crypto::Random& random) {
  const Method method = input.method;
  if (method != Method::trust && method != Method::password && method != Method::md5 &&
      method != Method::scram_sha_256) {
    throw std::logic_error("ClientLogin cannot do the method " + std::string(name(method)));
  }
  exchange_ = std::make_unique<Exchange>(std::move(input), random);
}
ClientLogin::~ClientLogin() = default;
ClientLogin::ClientLogin(ClientLogin&&) noexcept = default;
ClientLogin& ClientLogin::operator=(ClientLogin&&) noexcept = default;

Step ClientLogin::start() { return exchange_->start(); }
Step ClientLogin::on_password(Bytes body) { return exchange_->on_password(body); }
Credentials ClientLogin::recovered() { return std::exchange(exchange_->recovered, {}); }
const std::optional<ScramVerifier>& ClientLogin::derived() const { return exchange_->derived; }
std::uint64_t ClientLogin::rounds() const { return exchange_->rounds; }

}  // namespace heim::auth
