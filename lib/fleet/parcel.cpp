#include "fleet/parcel.hpp"

#include "crypto/compare.hpp"
#include "crypto/gcm.hpp"
#include "fleet/coding.hpp"
#ifdef HEIM_ZSTD
#include <zstd.h>
#endif

namespace heim::fleet {
namespace {

constexpr std::string_view magic = "HPS1";
constexpr std::size_t tag_size = crypto::Digest().size();
constexpr char compressed = 1, encrypted = 2;

#ifdef HEIM_ZSTD
// Empty: it would not be smaller.
std::string compress(std::string_view text) {
  std::string out(text.size(), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1);
  out.resize(ZSTD_isError(size) ? 0 : size);
  return out;
}

bool decompress(std::string_view text, std::string& out) {
  return ZSTD_decompress(out.data(), out.size(), text.data(), text.size()) == out.size();
}
#else
std::string compress(std::string_view) { return {}; }
bool decompress(std::string_view, std::string&) { return false; }
#endif

// Key and head: what the tag is of, beside the body.
std::string context(std::string_view key, std::string_view head) {
  std::string out;
  put_text(out, key);
  out += head;
  return out;
}

std::optional<Parcel> read_body(std::string_view body, bool is_compressed, std::size_t largest) {
  Reader reader(body);
  Parcel parcel;
  parcel.primary = reader.number();
  parcel.stamp = read_heard(reader);
  parcel.cost_us = reader.number();
  const std::uint64_t size = reader.count(largest);
  if (!reader.ok()) return std::nullopt;
  if (!is_compressed) {
    if (reader.rest().size() != size) return std::nullopt;
    parcel.answer = reader.rest();
    return parcel;
  }
  parcel.answer.resize(size);
  if (!decompress(reader.rest(), parcel.answer)) return std::nullopt;
  return parcel;
}

}  // namespace

bool Seal::can_compress() {
#ifdef HEIM_ZSTD
  return true;
#else
  return false;
#endif
}

Seal::Seal(std::string_view secret, const Options& options)
    : options_(options),
      signs_(crypto::hmac_sha256(secret, "heimproxy store: signs")),
      encrypts_(crypto::hmac_sha256(secret, "heimproxy store: encrypts")) {}

std::string Seal::close(std::string_view key, const Parcel& parcel, crypto::Random& random) const {
  std::string smaller;
  const bool large = parcel.answer.size() > options_.compress_above;
  if (options_.compress_above != 0 && large) smaller = compress(parcel.answer);
  std::string body;
  put_number(body, parcel.primary);
  put(body, parcel.stamp);
  put_number(body, parcel.cost_us);
  put_number(body, parcel.answer.size());
  body += smaller.empty() ? parcel.answer : smaller;

  std::string out(magic);
  out +=
      static_cast<char>((smaller.empty() ? 0 : compressed) | (options_.encrypts ? encrypted : 0));
  if (options_.encrypts) {
    const std::string nonce = random.bytes(crypto::gcm_nonce_size);
    const std::string bound = context(key, out);
    out += nonce;
    return out += crypto::gcm_encrypt(encrypts_, nonce, bound, body);
  }
  out += body;
  return out += crypto::view(crypto::hmac_sha256(signs_.view(), context(key, out)));
}

std::optional<Parcel> Seal::open(std::string_view key, std::string_view bytes) const {
  constexpr std::size_t head_size = magic.size() + 1;
  if (bytes.size() < head_size + tag_size || !bytes.starts_with(magic)) return std::nullopt;
  const std::string_view head = bytes.substr(0, head_size);
  const char flags = head.back();
  std::string_view rest = bytes.substr(head_size);
  std::string plain;
  if (flags & encrypted) {
    const std::string_view nonce = rest.substr(0, crypto::gcm_nonce_size);
    auto body = crypto::gcm_decrypt(encrypts_, nonce, context(key, head),
                                    rest.substr(crypto::gcm_nonce_size));
    if (!body) return std::nullopt;
    plain = std::move(*body);
    rest = plain;
  } else {
    const std::string_view tag = bytes.substr(bytes.size() - tag_size);
    const std::string_view before = bytes.substr(0, bytes.size() - tag_size);
    const crypto::Digest own = crypto::hmac_sha256(signs_.view(), context(key, before));
    if (!crypto::equal(tag, crypto::view(own))) return std::nullopt;
    rest.remove_suffix(tag_size);
  }
  return read_body(rest, (flags & compressed) != 0, options_.largest);
}

}  // namespace heim::fleet
