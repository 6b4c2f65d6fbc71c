#include "runtime/parser_thread.hpp"

#include <system_error>

namespace heim::runtime {
namespace {

/// Twice what analyse() asks for.
constexpr std::size_t stack_size = 16u << 20;

}  // namespace

ParserThread::ParserThread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_size);
  const auto main = [](void* self) -> void* {
    static_cast<ParserThread*>(self)->serve();
    return nullptr;
  };
  const int error = pthread_create(&thread_, &attributes, main, this);
  pthread_attr_destroy(&attributes);
  if (error) throw std::system_error(error, std::generic_category(), "cannot start a thread");
}

ParserThread::~ParserThread() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  asked_.notify_one();
  pthread_join(thread_, nullptr);
}

void ParserThread::run(void (*work)(void*), void* argument) {
  Call call{work, argument};
  std::unique_lock lock(mutex_);
  calls_.push_back(&call);
  asked_.notify_one();
  answered_.wait(lock, [&] { return call.done; });
}

void ParserThread::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return ended_ || !calls_.empty(); });
    if (calls_.empty()) return;
    Call* call = calls_.front();
    calls_.pop_front();
    lock.unlock();
    call->work(call->argument);
    lock.lock();
    call->done = true;
    answered_.notify_all();
  }
}

}  // namespace heim::runtime
