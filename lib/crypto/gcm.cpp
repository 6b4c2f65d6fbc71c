#include "crypto/gcm.hpp"

#include <openssl/evp.h>

#include <memory>
#include <new>

namespace heim::crypto {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* in(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* out(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

// Ready for the text. The nonce has OpenSSL's own length for this cipher.
Context begin(const Key& key, std::string_view nonce, std::string_view bound, bool encrypts) {
  Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  if (!context ||
      !EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.bytes().data(), in(nonce),
                         encrypts) ||
      !EVP_CipherUpdate(context.get(), nullptr, &size, in(bound), length(bound))) {
    throw std::bad_alloc();
  }
  return context;
}

}  // namespace

std::string gcm_encrypt(const Key& key, std::string_view nonce, std::string_view bound,
                        std::string_view text) {
  const Context context = begin(key, nonce, bound, true);
  std::string bytes(text.size() + gcm_tag_size, '\0');
  int size = 0, rest = 0;
  const bool made = EVP_CipherUpdate(context.get(), out(bytes), &size, in(text), length(text)) &&
                    EVP_CipherFinal_ex(context.get(), out(bytes) + size, &rest) &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, gcm_tag_size,
                                        out(bytes) + text.size());
  if (!made) throw std::bad_alloc();
  return bytes;
}

std::optional<std::string> gcm_decrypt(const Key& key, std::string_view nonce,
                                       std::string_view bound, std::string_view bytes) {
  if (nonce.size() != gcm_nonce_size || bytes.size() < gcm_tag_size) return std::nullopt;
  const Context context = begin(key, nonce, bound, false);
  const std::string_view body = bytes.substr(0, bytes.size() - gcm_tag_size);
  std::string tag(bytes.substr(body.size())), text(body.size(), '\0');
  int size = 0, rest = 0;
  const bool good =
      EVP_CipherUpdate(context.get(), out(text), &size, in(body), length(body)) &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, gcm_tag_size, tag.data()) &&
      EVP_CipherFinal_ex(context.get(), out(text) + size, &rest) > 0;
  if (!good) return std::nullopt;
  return text;
}

}  // namespace heim::crypto
