#include "engine/batch_assembler.h"

#include <algorithm>

namespace smol {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

BatchAssembler::BatchAssembler(ModelInstance& instance, const OutputSpec& picture, int num_slots, int streams,
                               CompletionHandler on_complete)
    : instance_(instance),
      batch_size_(instance.batch()),
      on_complete_(std::move(on_complete)),
      stream_free_at_(static_cast<std::size_t>(std::max(streams, 1))) {
  prototype_.dtype = picture.dtype;
  prototype_.layout = picture.layout;
  prototype_.color = picture.color;
  prototype_.width = picture.width;
  prototype_.height = picture.height;
  batches_.resize(std::clamp(num_slots, 1, instance.num_slots()));
  for (std::size_t slot = 0; slot < batches_.size(); ++slot) {
    Batch& batch = batches_[slot];
    batch.rows.resize(batch_size_);
    batch.committed_at.resize(batch_size_);
    batch.returned.reserve(batch_size_);
    auto* base = static_cast<std::uint8_t*>(instance.input_tensors(static_cast<int>(slot)).front().data);
    for (int i = 0; i < batch_size_; ++i) batch.inputs.push_back(base + i * prototype_.size_bytes());
  }
}

int BatchAssembler::find_free() const {
  for (std::size_t slot = 0; slot < batches_.size(); ++slot) {
    if (batches_[slot].state == Batch::State::kFree) return static_cast<int>(slot);
  }
  return -1;
}

bool BatchAssembler::take_place(SlotLease& lease) {
  if (open_ < 0) {
    open_ = find_free();
    if (open_ < 0) return false;
    Batch& opened = batches_[open_];
    opened.state = Batch::State::kOpen;
    opened.next_position = opened.outstanding = opened.num_valid = 0;
    opened.returned.clear();
    opened.opened_at = Clock::now();
    ++busy_;
  }
  Batch& batch = batches_[open_];
  lease.slot = open_;
  if (!batch.returned.empty()) {
    lease.position = batch.returned.back();
    batch.returned.pop_back();
  } else {
    lease.position = batch.next_position++;
  }
  lease.tensor = prototype_;
  lease.tensor.data = batch.inputs[lease.position];
  ++batch.outstanding;
  if (batch.next_position == batch_size_ && batch.returned.empty()) {
    batch.state = Batch::State::kSealed;
    open_ = -1;
  }
  return true;
}

Result<SlotLease> BatchAssembler::lease(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  SlotLease lease;
  if (take_place(lease)) return lease;
  const Clock::time_point start = Clock::now();
  const bool taken = changed_.wait(lock, stop, [&] { return take_place(lease); });
  lease_wait_seconds_ += seconds_between(start, Clock::now());
  if (!taken) return Error{ErrorCode::kCancelled, "stopped while waiting for a batch buffer", Stage::kQueue};
  return lease;
}

void BatchAssembler::commit(const SlotLease& lease, Row row) {
  std::unique_lock lock(mutex_);
  Batch& batch = batches_[lease.slot];
  batch.rows[lease.position] = std::move(row);
  batch.committed_at[lease.position] = Clock::now();
  ++batch.num_valid;
  --batch.outstanding;
  if (is_ready(batch)) finish_batch(std::move(lock), lease.slot);
}

void BatchAssembler::abandon(const SlotLease& lease) {
  std::unique_lock lock(mutex_);
  Batch& batch = batches_[lease.slot];
  batch.rows[lease.position].reset();
  --batch.outstanding;
  if (batch.state == Batch::State::kOpen) {
    batch.returned.push_back(lease.position);
  } else if (is_ready(batch)) {
    finish_batch(std::move(lock), lease.slot);
  }
}

void BatchAssembler::seal(Clock::duration older_than) {
  std::unique_lock lock(mutex_);
  if (open_ < 0) return;
  Batch& batch = batches_[open_];
  if (older_than > Clock::duration{} && Clock::now() - batch.opened_at < older_than) return;
  // Under a deadline a batch whose only places are still being filled is left to its fillers.
  if (older_than > Clock::duration{} && batch.num_valid == 0) return;
  const int slot = open_;
  batch.state = Batch::State::kSealed;
  open_ = -1;
  if (is_ready(batch)) finish_batch(std::move(lock), slot);
}

void BatchAssembler::finish_batch(std::unique_lock<std::mutex> lock, int slot) {
  Batch& batch = batches_[slot];
  if (batch.num_valid == 0) {
    batch.state = Batch::State::kFree;
    --busy_;
    lock.unlock();
    changed_.notify_all();
    return;
  }
  batch.state = Batch::State::kSubmitted;
  batch.submitted_at = Clock::now();
  if (in_flight_++ == 0) idle_seconds_ += seconds_between(idle_since_, Clock::now());
  int last = batch_size_;
  while (last > 0 && !batch.rows[last - 1]) --last;
  lock.unlock();
  instance_.submit(slot, last, [this, slot](Result<InferTiming> result) {
    {
      std::scoped_lock relock(mutex_);
      note_completion(batches_[slot]);
      if (--in_flight_ == 0) idle_since_ = Clock::now();
    }
    on_complete_(slot, std::move(result));
  });
}

double BatchAssembler::batch_wait_us(int slot, int position) const {
  const Batch& batch = batches_[slot];
  return std::chrono::duration<double, std::micro>(batch.submitted_at - batch.committed_at[position]).count();
}

// Streams take batches in the order of submission, so a batch was served from the moment the earliest stream was free.
void BatchAssembler::note_completion(Batch& batch) {
  const auto stream = std::min_element(stream_free_at_.begin(), stream_free_at_.end());
  const Clock::time_point served_from = std::max(*stream, batch.submitted_at);
  batch.queue_us = std::chrono::duration<double, std::micro>(served_from - batch.submitted_at).count();
  *stream = Clock::now();
}

void BatchAssembler::release(int slot) {
  {
    std::scoped_lock lock(mutex_);
    for (std::optional<Row>& row : batches_[slot].rows) row.reset();
    batches_[slot].state = Batch::State::kFree;
    --busy_;
  }
  changed_.notify_all();
}

void BatchAssembler::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return busy_ == 0; });
}

double BatchAssembler::lease_wait_seconds() const {
  std::scoped_lock lock(mutex_);
  return lease_wait_seconds_;
}

double BatchAssembler::idle_seconds() const {
  std::scoped_lock lock(mutex_);
  return idle_seconds_ + (in_flight_ == 0 ? seconds_between(idle_since_, Clock::now()) : 0);
}

}  // namespace smol
