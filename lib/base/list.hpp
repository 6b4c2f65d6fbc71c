// Intrusive doubly linked list: O(1) unlink, no allocation. The list does not own its elements.
#pragma once
#include <cstddef>

namespace heim {

template <class T>
struct ListHook {
  T* prev = nullptr;
  T* next = nullptr;
  bool linked = false;
};

/// `Hook` is the member of T that links it. An element is in at most one list per hook.
template <class T, ListHook<T> T::*Hook>
class List {
 public:
  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return head_; }
  T* back() const { return tail_; }
  static T* next(const T& item) { return (item.*Hook).next; }
  static bool contains(const T& item) { return (item.*Hook).linked; }

  void push_back(T& item) {
    auto& hook = item.*Hook;
    hook = {tail_, nullptr, true};
    (tail_ ? (tail_->*Hook).next : head_) = &item;
    tail_ = &item;
    ++size_;
  }
  void push_front(T& item) {
    auto& hook = item.*Hook;
    hook = {nullptr, head_, true};
    (head_ ? (head_->*Hook).prev : tail_) = &item;
    head_ = &item;
    ++size_;
  }
  static T* prev(const T& item) { return (item.*Hook).prev; }
  /// Behind `before`; in front of all if that is null.
  void insert_after(T* before, T& item) {
    if (!before) return push_front(item);
    if (before == tail_) return push_back(item);
    T* after = (before->*Hook).next;
    item.*Hook = {before, after, true};
    (before->*Hook).next = &item;
    (after->*Hook).prev = &item;
    ++size_;
  }
  void remove(T& item) {
    auto& hook = item.*Hook;
    if (!hook.linked) return;
    (hook.prev ? (hook.prev->*Hook).next : head_) = hook.next;
    (hook.next ? (hook.next->*Hook).prev : tail_) = hook.prev;
    hook = {};
    --size_;
  }
  T* pop_front() {
    T* item = head_;
    if (item) remove(*item);
    return item;
  }
  T* pop_back() {
    T* item = tail_;
    if (item) remove(*item);
    return item;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace heim
