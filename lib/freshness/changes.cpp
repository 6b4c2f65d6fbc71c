#include "freshness/changes.hpp"

#include <algorithm>
#include <utility>

namespace heim::freshness {

using pgoutput::Kind;
using pgoutput::Message;

namespace {
Error senseless(std::string what) {
  return {"08P01", "the stream of changes makes no sense: " + std::move(what), {}, {}};
}
}  // namespace

bool Changes::begin(std::uint32_t xid, bool streamed) {
  if (in_transaction()) return false;
  streamed_ = streamed;
  current_ = &open_[xid];
  current_->commit.xid = xid;
  return true;
}

// What is renamed within a transaction is noted by both names.
void Changes::name(const Message& message) {
  const std::uint32_t oid = message.relation(0);
  std::string& known = names_[oid];
  if (known == message.name) return;
  known = message.name;
  if (!current_) return;
  current_->last = 0;
  std::erase(current_->oids, oid);
}

bool Changes::note(Open& open, std::uint32_t oid) {
  if (oid == open.last) return true;
  open.last = oid;
  if (std::ranges::find(open.oids, oid) != open.oids.end()) return true;
  const auto named = names_.find(oid);
  if (named == names_.end()) return false;
  open.oids.push_back(oid);
  open.commit.tables.push_back(named->second);
  return true;
}

bool Changes::note_all(const Message& message) {
  if (!current_) return false;
  for (std::size_t i = 0; i < message.relations(); ++i) {
    if (!note(*current_, message.relation(i))) return false;
  }
  return true;
}

Result<std::optional<Commit>> Changes::finish(const Message& message) {
  const bool streamed = message.kind == Kind::stream_commit;
  const bool open = in_transaction() && !streamed_;
  if (streamed ? in_transaction() : !open) return senseless("a commit out of its place");
  const std::uint32_t xid = streamed ? message.xid : std::exchange(current_, nullptr)->commit.xid;
  Commit commit = std::move(open_[xid].commit);
  open_.erase(xid);
  commit.xid = xid;
  commit.end = message.end;
  return std::optional(std::move(commit));
}

// A part that is gone may be all that was changed; it does not matter if more is taken for changed.
bool Changes::abort(const Message& message) {
  if (in_transaction()) return false;
  if (message.xid == message.sub_xid) open_.erase(message.xid);
  return true;
}

// Nothing that ends a transaction. False: it is not in its place.
bool Changes::go_on(const Message& message) {
  switch (message.kind) {
    case Kind::begin:
    case Kind::stream_start:
      return begin(message.xid, message.kind == Kind::stream_start);
    case Kind::stream_stop:
      return streamed_ && std::exchange(current_, nullptr) != nullptr;
    case Kind::stream_abort:
      return abort(message);
    case Kind::relation:
      name(message);
      return true;
    case Kind::message:
      if (!current_ || !message.transactional) return true;
      current_->commit.objects |= message.name == objects_prefix;
      return true;
    case Kind::origin:
    case Kind::type:
      return true;
    default:
      return note_all(message);
  }
}

Result<std::optional<Commit>> Changes::take(Bytes bytes) {
  const std::optional<Message> message = pgoutput::read(bytes, in_transaction() && streamed_);
  if (!message) return senseless("an unknown message");
  const bool ends = message->kind == Kind::commit || message->kind == Kind::stream_commit;
  if (ends) return finish(*message);
  if (!go_on(*message)) return senseless("a message out of its place");
  return std::optional<Commit>();
}

}  // namespace heim::freshness
