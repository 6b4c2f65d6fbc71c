#include "control/patroni.hpp"

#include <curl/curl.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace heim::control {
namespace {

constexpr std::size_t longest_body = 1 << 20;

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * count > longest_body) return 0;  // ends the transfer
  body.append(data, size * count);
  return size * count;
}

int on_progress(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<const std::atomic<bool>*>(stopping) ? 1 : 0;
}

}  // namespace

struct PatroniPoll::State {
  std::vector<std::string> urls;
  Duration interval, timeout;
  Heard heard;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable wake;
  std::thread thread;

  void run();
  Result<std::string> ask();
  Result<std::string> ask(CURL* curl, const std::string& url);
};

bool PatroniPoll::available() { return true; }

Result<std::string> PatroniPoll::State::ask(CURL* curl, const std::string& url) {
  std::string body;
  const std::string whole = url + (url.ends_with('/') ? "cluster" : "/cluster");
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  curl_easy_setopt(curl, CURLOPT_URL, whole.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(limit));
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stopping);
  const CURLcode status = curl_easy_perform(curl);
  if (status == CURLE_OK) return body;
  return Error{"08006", url + ": " + curl_easy_strerror(status), {}, {}};
}

Result<std::string> PatroniPoll::State::ask() {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  Error error{"08006", "no URL", {}, {}};
  if (!curl) return error;
  for (std::size_t i = 0; i < urls.size() && !stopping; ++i) {
    Result<std::string> body = ask(curl.get(), urls[i]);
    if (body) {
      std::swap(urls[0], urls[i]);  // the next time it is the first
      return body;
    }
    error = body.error();
  }
  return error;
}

void PatroniPoll::State::run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    lock.unlock();
    Result<std::string> body = ask();
    if (!stopping) heard(std::move(body));
    lock.lock();
    wake.wait_for(lock, interval, [this] { return stopping.load(); });
  }
}

PatroniPoll::PatroniPoll(std::vector<std::string> urls, Duration interval, Duration timeout,
                         Heard heard)
    : state_(new State) {
  static std::once_flag once;  // curl's own start, which is not safe to race
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->urls = std::move(urls);
  state_->interval = interval;
  state_->timeout = timeout;
  state_->heard = std::move(heard);
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

PatroniPoll::~PatroniPoll() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->thread.join();
}

}  // namespace heim::control
