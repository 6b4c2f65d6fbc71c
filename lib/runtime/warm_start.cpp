#include "runtime/warm_start.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>

#include "base/result.hpp"
#include "io/fd.hpp"
#include "session/question_file.hpp"

namespace heim::runtime {
namespace {

using session::Asker;
using session::Question;

constexpr std::uint64_t largest_file = 1 << 30;

Error bad(std::string what) { return {"F0000", std::move(what), {}, {}}; }

Error of_system(const std::string& what) { return bad(what + ": " + std::strerror(errno)); }

// An empty text if there is no such file.
Result<std::string> read_file(const std::string& path) {
  const io::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return errno == ENOENT ? Result<std::string>(std::string()) : of_system("cannot open it");
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return of_system("cannot look at it");
  if (!S_ISREG(about.st_mode)) return bad("it is not a file");
  if (about.st_uid != 0 && about.st_uid != ::geteuid()) return bad("it is somebody else's");
  // What it holds is asked in the name of others.
  constexpr mode_t by_others = S_IWGRP | S_IWOTH;
  if ((about.st_mode & by_others) != 0) return bad("others may write it");
  if (static_cast<std::uint64_t>(about.st_size) > largest_file) return bad("it is too large");
  std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::read(file.get(), bytes.data() + at, bytes.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return of_system("cannot read it");
    if (count == 0) return bad("it became shorter");
    at += static_cast<std::size_t>(count);
  }
  return bytes;
}

Result<void> write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return of_system("cannot write it");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file) != 0) return of_system("cannot write it");
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view bytes) {
  // Of this process alone: several may have one configuration. It may have died at this before.
  const std::string beside = path + "." + std::to_string(::getpid()) + ".new";
  ::unlink(beside.c_str());
  {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const io::Fd file(::open(beside.c_str(), flags, 0600));
    if (!file) return of_system("cannot make " + beside);
    if (auto written = write_all(file.get(), bytes); !written) {
      ::unlink(beside.c_str());
      return written;
    }
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return of_system("cannot put it in its place");
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const io::Fd folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
  return {};
}

std::vector<Question> load(const config::Cache& settings, Logger& logger) {
  const Result<std::string> bytes = read_file(settings.warm_start);
  if (bytes && bytes->empty()) return {};
  auto questions = bytes ? session::read_questions(*bytes) : bytes.error();
  if (questions) return *std::move(questions);
  // Somebody may want to look at it; a new one is written soon.
  const std::string aside = settings.warm_start + ".unusable";
  const bool kept = ::rename(settings.warm_start.c_str(), aside.c_str()) == 0;
  logger.log(LogLevel::warning,
             "[cache] warm_start: " + settings.warm_start +
                 " is of no use, and the cache begins empty: " + questions.error().message +
                 (kept ? "; it is " + aside + " now" : ""));
  return {};
}

}  // namespace

WarmStart::WarmStart(const config::Cache& settings, session::Shared& shared)
    : settings_(settings), shared_(shared), list_(load(settings, shared.logger)) {
  if (!shared_.askers) shared_.askers = std::make_unique<session::Askers>();
  shared_.warm_list = &list_;
}

void WarmStart::start() {
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, settings_.warm_start_interval, [this] { return stops_; })) {
      save();
    }
  });
}

void WarmStart::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  stopped_.notify_all();
  thread_.join();
  save();
}

// What is there, and what was not asked anew yet.
std::vector<Question> WarmStart::questions() const {
  std::map<std::uint32_t, Asker> askers;
  std::vector<Question> questions;
  std::uint64_t bytes = 0;
  for (const cache::EntryRef& entry : shared_.cache->hottest(settings_.warm_start_questions)) {
    const Bytes packed = entry->bytes().subspan(entry->layout()[0]);
    if (packed.empty()) continue;
    const std::uint32_t number = session::packed_asker(packed);
    auto asker = askers.find(number);
    if (asker == askers.end()) asker = askers.emplace(number, shared_.askers->find(number)).first;
    bytes += packed.size() + session::Askers::longest;  // at most
    if (bytes > largest_file) break;
    questions.push_back({asker->second, std::string(session::packed_batch(packed))});
  }
  for (Question& each : list_.rest()) {
    bytes += each.batch.size() + session::Askers::longest;
    if (questions.size() == settings_.warm_start_questions || bytes > largest_file) break;
    questions.push_back(std::move(each));
  }
  return questions;
}

void WarmStart::save() {
  try {
    const auto written = replace_file(settings_.warm_start, session::write_questions(questions()));
    note(written ? std::string() : written.error().message);
  } catch (const std::bad_alloc&) {
    note("there was not enough memory");
  }
}

// Once, until it is another one.
void WarmStart::note(const std::string& trouble) {
  if (trouble == last_trouble_) return;
  last_trouble_ = trouble;
  shared_.logger.log(trouble.empty() ? LogLevel::info : LogLevel::error,
                     "[cache] warm_start: " + settings_.warm_start +
                         (trouble.empty() ? " is written again" : " was not written: " + trouble));
}

}  // namespace heim::runtime
