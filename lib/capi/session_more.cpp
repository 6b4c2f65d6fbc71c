// heim_session: COPY, notifications, and what is known of it.
#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "capi/session.hpp"
#include "wire/framer.hpp"

using heim::capi::error_field;
using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::lend;
using heim::capi::put_struct;
using heim::capi::require;
using heim::capi::session_of;

const char* heim::capi::error_field(Bytes body, char letter) {
  wire::Fields fields(body);
  while (const std::uint8_t code = fields.u8()) {
    const std::string_view text = fields.string();
    if (static_cast<char>(code) == letter && fields.ok()) return text.data();
  }
  return nullptr;
}

heim_status heim_session_copy_write(heim_session* session, const void* data, size_t length,
                                    heim_error* error) {
  return guard(error, [&] {
    if (length > 0) require(data, "data");
    session_of(session).copy_write({static_cast<const std::uint8_t*>(data), length});
  });
}

heim_status heim_session_copy_end(heim_session* session, const char* reason,
                                  const heim_result** out, heim_error* error) {
  return guard(error, [&] {
    const std::string text = reason ? reason : "";
    heim::embed::Result& result = session_of(session).copy_end(reason ? &text : nullptr);
    if (out) *out = lend(&result);
  });
}

heim_status heim_session_copy_read(heim_session* session, const void** data, size_t* length,
                                   heim_error* error) {
  return guard(error, [&] {
    require(data, "data");
    require(length, "length");
    const std::optional<heim::Bytes> piece = session_of(session).copy_read();
    *data = piece ? static_cast<const void*>(piece->data()) : nullptr;
    *length = piece ? piece->size() : 0;
  });
}

heim_status heim_session_notification(heim_session* session, uint64_t timeout_ns,
                                      heim_notification* out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    const auto* found = session_of(session).notification(heim::capi::patience_of(timeout_ns));
    if (!found) throw Failure(HEIM_TIMED_OUT, "no notification came");
    put_struct<heim_notification>(
        out, {0, found->pid, found->channel.c_str(), found->payload.c_str()}, "out");
  });
}

const char* heim_session_parameter(heim_session* session, const char* name) {
  const char* value = nullptr;
  const heim_status status = guard(nullptr, [&] {
    require(name, "name");
    const std::string* found = session_of(session).parameter(name);
    if (found) value = found->c_str();
  });
  return status == HEIM_OK ? value : nullptr;
}

heim_transaction heim_session_transaction(heim_session* session) {
  if (!session) return HEIM_TRANSACTION_ENDED;
  switch (session->session.status()) {
    case 'I':
      return HEIM_TRANSACTION_NONE;
    case 'T':
      return HEIM_TRANSACTION_OPEN;
    case 'E':
      return HEIM_TRANSACTION_FAILED;
    case 'B':
      return HEIM_TRANSACTION_BUSY;
    default:
      return HEIM_TRANSACTION_ENDED;
  }
}

const char* heim_session_error_field(heim_session* session, char field) {
  return session ? error_field(heim::as_bytes(session->session.last_error()), field) : nullptr;
}

const char* heim_notice_field(const heim_notice* notice, char field) {
  return notice ? error_field(notice->body, field) : nullptr;
}
