#include "backend/stream_threads.h"

#include "base/thread_budget.h"

namespace smol {

StreamThreads::StreamThreads(const std::string& name, int num_threads, int num_slots, std::function<void(int slot)> run)
    : run_(std::move(run)), ring_(num_slots) {
  for (int i = 0; i < num_threads; ++i) {
    threads_.emplace_back([this, thread_name = name + std::to_string(i)] { work(thread_name); });
  }
}

StreamThreads::~StreamThreads() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  posted_.notify_all();
}

void StreamThreads::post(int slot) {
  {
    const std::lock_guard lock(mutex_);
    ring_[(first_ + count_) % ring_.size()] = slot;
    ++count_;
  }
  posted_.notify_one();
}

void StreamThreads::work(const std::string& name) {
  name_this_thread(name);
  for (;;) {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return count_ > 0 || closing_; });
    if (count_ == 0) return;
    const int slot = ring_[first_];
    first_ = (first_ + 1) % ring_.size();
    --count_;
    lock.unlock();
    run_(slot);
  }
}

}  // namespace smol
