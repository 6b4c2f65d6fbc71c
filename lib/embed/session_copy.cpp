// COPY, and what ends what is left open.
#include "embed/session.hpp"
#include "wire/encoder.hpp"

namespace heim::embed {

void Session::copy_write(Bytes data) {
  check_usable();
  constexpr std::size_t piece = 256 << 10;
  Visit visit(*seat_);
  if (!stream_.is_open() || broken_) fail_closed();
  bool late = false;
  while (!data.empty()) {
    if (reader_.phase() != Reader::Phase::copy_in) {
      check_failed();
      throw Failure(Trouble::state, "no COPY awaits data");
    }
    const Bytes part = data.first(std::min(piece, data.size()));
    compose([&] { wire::message(out_, 'd', as_text(part)); });
    data = data.subspan(part.size());
    if (!late && !wait(visit, Until::answered, patience_)) late = !is_broken_off();
  }
  if (late) go_on_without(Outcome::written);
  if (is_over()) check_failed();
}

// The server swallowed the request's Sync among the data and, since the COPY failed, awaits another
// before it says anything.
void Session::sync_failed_copy() {
  if (!reader_.take_copy_failure() || !extended_) return;
  compose([&] { wire::message(out_, 'S', {}); });
  push_out();
}

void Session::put_copy_end(const std::string* reason) {
  compose([&] {
    reason ? wire::text_message(out_, 'f', *reason) : wire::message(out_, 'c', {});
    if (extended_) wire::message(out_, 'S', {});
  });
  reader_.copy_ended();
}

Result& Session::copy_end(const std::string* reason) {
  check_usable();
  Visit visit(*seat_);
  if (!stream_.is_open() || broken_) fail_closed();
  if (reader_.phase() != Reader::Phase::copy_in) {
    check_failed();
    throw Failure(Trouble::state, "no COPY awaits data");
  }
  put_copy_end(reason);
  shown_ = reader_.count() - 1;
  take_more(visit, Until::answered, Outcome::same);
  return reader_.result(shown_);
}

std::optional<Bytes> Session::copy_read() {
  check_usable();
  Visit visit(*seat_);
  if (!stream_.is_open() || broken_) fail_closed();
  std::size_t copy = shown_;
  while (copy < reader_.count() && reader_.result(copy).kind != Result::Kind::copy_out) ++copy;
  if (copy >= reader_.count()) throw Failure(Trouble::state, "no COPY sends data");
  shown_ = copy;
  while (copied_ == reader_.result(copy).row_count()) {
    if (is_over() || reader_.result(copy).complete) {
      if (!is_over()) take_more(visit, Until::answered, Outcome::same);
      check_failed();
      return std::nullopt;
    }
    take_more(visit, Until::shown, Outcome::same);
  }
  return reader_.result(copy).raw(copied_++);
}

// ---- the end of what is left ----------------------------------------------------

// Nobody wants what is left of the last statement, nor to hear that it failed.
void Session::abandon(Visit& visit) {
  const std::string reason = "rolled back";
  while (stream_.is_open() && !broken_ && reader_.phase() != Reader::Phase::idle) {
    if (reader_.phase() == Reader::Phase::copy_in) put_copy_end(&reason);
    try {
      drain(visit);
    } catch (const Failure&) {
      continue;
    }
  }
}

void Session::rollback() {
  check_usable();
  {
    Visit visit(*seat_);
    abandon(visit);
  }
  command("rollback");
}

}  // namespace heim::embed
