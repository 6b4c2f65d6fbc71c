#include "auth/server_login.hpp"

#include <utility>

#include "auth/md5.hpp"
#include "auth/scram.hpp"
#include "auth/scram_client.hpp"
#include "crypto/base64.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

namespace heim::auth {
namespace {

Step refuse(Error error) { return {Progress::failed, {}, std::move(error)}; }
Step violation(std::string message) { return refuse({"08P01", std::move(message), {}, {}}); }

std::string_view held(CredentialKind kind) {
  switch (kind) {
    case CredentialKind::none:
      return "no secret";
    case CredentialKind::plain:
      return "a password";
    case CredentialKind::md5:
      return "an md5 hash";
    case CredentialKind::scram:
      return "SCRAM keys";
  }
  return "no secret";
}

std::string_view method_name(std::uint32_t code) {
  switch (code) {
    case 2:
      return "Kerberos V5";
    case 6:
      return "SCM credentials";
    case 7:
    case 8:
      return "GSSAPI";
    case 9:
      return "SSPI";
    default:
      return "an unknown";
  }
}

/// What a server's AuthenticationSASL offers.
struct Offer {
  bool scram = false, plus = false;
  std::string names;  // for people
};

std::optional<Offer> read_offer(wire::Fields& fields) {
  Offer offer;
  for (;;) {
    const std::string_view name = fields.string();
    if (!fields.ok()) return std::nullopt;
    if (name.empty()) break;
    offer.scram |= name == scram::mechanism;
    offer.plus |= name == scram::mechanism_plus;
    if (!offer.names.empty()) offer.names += ", ";
    offer.names += name;
  }
  if (!fields.done()) return std::nullopt;
  return offer;
}

}  // namespace

struct ServerLogin::Exchange {
  enum class Phase : std::uint8_t { start, answered, sasl_first, sasl_final, proved, over };

  Exchange(ServerLoginInput given, crypto::Random& source)
      : input(std::move(given)), random(source) {}

  Step on_authentication(Bytes body);
  Step on_ok();
  Step on_request(std::uint32_t code, wire::Fields& fields);
  Step on_cleartext();
  Step on_md5(std::string_view salt);
  Step on_sasl(wire::Fields& fields);
  Step on_continue(std::string_view message);
  Step on_final(std::string_view message);

  bool pick_keys(const scram::Client::Challenge& challenge);
  Step lacks(std::string_view method, std::string_view needs) const;
  Step answer(std::string_view body, Phase next);

  ServerLoginInput input;
  crypto::Random& random;
  Phase phase = Phase::start;
  std::optional<scram::Client> client;
  std::uint64_t rounds = 0;
};

Step ServerLogin::Exchange::answer(std::string_view body, Phase next) {
  phase = next;
  Step step{Progress::more, {}, {}};
  wire::message(step.bytes, 'p', body);
  return step;
}

Step ServerLogin::Exchange::lacks(std::string_view method, std::string_view needs) const {
  std::string message = "the server asks for " + std::string(method) +
                        " authentication of user \"" + input.user + "\", but the proxy holds " +
                        std::string(held(input.credentials.kind)) + " for this user";
  return refuse({"28000", std::move(message), {}, std::string(needs)});
}

Step ServerLogin::Exchange::on_authentication(Bytes body) {
  wire::Fields fields(body);
  const std::uint32_t code = fields.u32();
  if (!fields.ok()) return violation("an Authentication message must have a code");
  Step step;
  switch (code) {
    case 0:
      step = on_ok();
      break;
    case 11:
      step = on_continue(as_text(fields.rest()));
      break;
    case 12:
      step = on_final(as_text(fields.rest()));
      break;
    default:
      step = on_request(code, fields);
  }
  if (step.progress == Progress::failed) phase = Phase::over;
  return step;
}

Step ServerLogin::Exchange::on_ok() {
  // From here on the server could be anyone: one that skips its proof knows no secret of the user.
  if (phase == Phase::sasl_first || phase == Phase::sasl_final) {
    return violation("the server ended the SCRAM exchange without proving that it knows user \"" +
                     input.user + "\"");
  }
  if (phase == Phase::over) return violation("unexpected AuthenticationOk");
  phase = Phase::over;
  return {Progress::ok, {}, {}};
}

Step ServerLogin::Exchange::on_request(std::uint32_t code, wire::Fields& fields) {
  if (phase != Phase::start) return violation("the server asks for a second authentication");
  switch (code) {
    case 3:
      return on_cleartext();
    case 5: {
      const Bytes salt = fields.bytes(md5_salt_size);
      if (!fields.done()) return violation("invalid AuthenticationMD5Password message");
      return on_md5(as_text(salt));
    }
    case 10:
      return on_sasl(fields);
    default:
      break;
  }
  return refuse({"0A000",
                 "the server asks for " + std::string(method_name(code)) +
                     " authentication (code " + std::to_string(code) + ") of user \"" + input.user +
                     "\", which is not supported",
                 {},
                 "Let the server's pg_hba.conf ask the proxy for scram-sha-256."});
}

Step ServerLogin::Exchange::on_cleartext() {
  if (input.credentials.kind != CredentialKind::plain) {
    return lacks("password (cleartext)",
                 "Configure the user's plain password, or let the server's pg_hba.conf ask for "
                 "scram-sha-256.");
  }
  if (!input.allow_cleartext) {
    return refuse({"28000",
                   "the server asks for the password of user \"" + input.user +
                       "\" itself, which is not sent over this connection",
                   {},
                   "Use TLS towards the server, or let its pg_hba.conf ask for scram-sha-256."});
  }
  const std::string_view password = input.credentials.text.view();
  std::string body(password.size() + 1, '\0');
  password.copy(body.data(), password.size());
  Step step = answer(body, Phase::answered);
  wipe(body.data(), body.size());
  return step;
}

Step ServerLogin::Exchange::on_md5(std::string_view salt) {
  const Credentials& held_now = input.credentials;
  if (held_now.kind != CredentialKind::plain && held_now.kind != CredentialKind::md5) {
    return lacks("md5", "Configure the user's plain password or md5 hash.");
  }
  const Secret stored = held_now.kind == CredentialKind::plain
                            ? md5_stored(held_now.text.view(), input.user)
                            : held_now.text;
  const Secret response = md5_answer(stored.view(), salt);
  return answer(std::string(response.view()) + '\0', Phase::answered);
}

Step ServerLogin::Exchange::on_sasl(wire::Fields& fields) {
  const auto offer = read_offer(fields);
  if (!offer) return violation("invalid AuthenticationSASL message");
  const bool can_bind = input.is_tls && !input.endpoint_hash.empty();
  if (offer->plus && !input.is_tls) {
    return violation("the server offers SCRAM-SHA-256-PLUS over a connection without TLS");
  }
  const bool bind = offer->plus && can_bind;
  if (!bind && !offer->scram) {
    return refuse({"0A000",
                   "the server offers user \"" + input.user +
                       "\" no SASL mechanism that is supported: " + offer->names,
                   {},
                   {}});
  }
  const CredentialKind kind = input.credentials.kind;
  if (kind != CredentialKind::plain && kind != CredentialKind::scram) {
    return lacks("scram-sha-256",
                 "Configure the user's plain password, or store the server's SCRAM verifier in "
                 "auth_file or auth_query and let clients log in with scram-sha-256.");
  }
  // "y": we could bind, but saw no offer. The server refuses if someone took its offer out.
  const std::string header =
      bind ? scram::binding_header() : (can_bind && !offer->plus ? "y,," : "n,,");
  client.emplace(crypto::base64_encode(random.bytes(scram::nonce_size)), header,
                 bind ? input.endpoint_hash : std::string());
  const std::string first = client->first();
  phase = Phase::sasl_first;
  Step step{Progress::more, {}, {}};
  wire::Writer(step.bytes, 'p')
      .string(bind ? scram::mechanism_plus : scram::mechanism)
      .u32(static_cast<std::uint32_t>(first.size()))
      .bytes(first);
  return step;
}

/// False if the keys we hold belong to another verifier than the server's.
bool ServerLogin::Exchange::pick_keys(const scram::Client::Challenge& challenge) {
  std::optional<ScramKeys>& keys = input.credentials.keys;
  if (keys && keys->salt == challenge.salt && keys->iterations == challenge.iterations) return true;
  if (input.credentials.kind != CredentialKind::plain) return false;
  rounds += challenge.iterations;
  keys = ScramKeys::derive(input.credentials.text.view(), challenge.salt, challenge.iterations);
  return true;
}

Step ServerLogin::Exchange::on_continue(std::string_view message) {
  if (phase != Phase::sasl_first) return violation("unexpected AuthenticationSASLContinue");
  const auto challenge = client->read_first(message);
  if (!challenge) return refuse(challenge.error());
  if (!pick_keys(*challenge)) {
    return refuse(
        {"28000",
         "the SCRAM keys of user \"" + input.user +
             "\" do not fit the server: its verifier has another salt or iteration count",
         {},
         "Copy the server's verifier (pg_authid.rolpassword) to auth_file, use auth_query, "
         "or configure the user's plain password."});
  }
  return answer(client->final(*input.credentials.keys), Phase::sasl_final);
}

Step ServerLogin::Exchange::on_final(std::string_view message) {
  if (phase != Phase::sasl_final) return violation("unexpected AuthenticationSASLFinal");
  if (auto checked = client->read_final(message, *input.credentials.keys); !checked) {
    return refuse(checked.error());
  }
  phase = Phase::proved;
  return {Progress::more, {}, {}};
}

ServerLogin::ServerLogin(ServerLoginInput input, crypto::Random& random)
    : exchange_(std::make_unique<Exchange>(std::move(input), random)) {}
ServerLogin::~ServerLogin() = default;
ServerLogin::ServerLogin(ServerLogin&&) noexcept = default;
ServerLogin& ServerLogin::operator=(ServerLogin&&) noexcept = default;

Step ServerLogin::on_authentication(Bytes body) { return exchange_->on_authentication(body); }
Credentials ServerLogin::take_credentials() {
  return std::exchange(exchange_->input.credentials, {});
}
std::uint64_t ServerLogin::rounds() const { return exchange_->rounds; }

}  // namespace heim::auth
