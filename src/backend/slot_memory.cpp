#include "backend/slot_memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace smol {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned_bytes_of(const TensorSpec& spec) {
  TensorView view;
  view.dtype = spec.dtype;
  view.shape = spec.shape;
  return (view.size_bytes() + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

void SlotMemory::Free::operator()(std::byte* p) const { std::free(p); }

SlotMemory::SlotMemory(std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs, int num_slots, MemoryKind kind)
    : inputs_(std::move(inputs)), outputs_(std::move(outputs)), kind_(kind) {
  for (const TensorSpec& spec : inputs_) outputs_offset_ += aligned_bytes_of(spec);
  slot_bytes_ = outputs_offset_;
  for (const TensorSpec& spec : outputs_) slot_bytes_ += aligned_bytes_of(spec);
  const std::size_t total_bytes = slot_bytes_ * static_cast<std::size_t>(num_slots);
  storage_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, total_bytes)));
  if (!storage_) throw std::bad_alloc();
  std::memset(storage_.get(), 0, total_bytes);
}

std::byte* SlotMemory::slot_data(int slot) const { return storage_.get() + slot_bytes_ * static_cast<std::size_t>(slot); }
std::vector<TensorView> SlotMemory::inputs(int slot) const { return views(inputs_, slot_data(slot)); }
std::vector<TensorView> SlotMemory::outputs(int slot) const { return views(outputs_, slot_data(slot) + outputs_offset_); }

std::vector<TensorView> SlotMemory::views(const std::vector<TensorSpec>& specs, std::byte* data) const {
  std::vector<TensorView> views;
  for (const TensorSpec& spec : specs) {
    TensorView& view = views.emplace_back();
    view.data = data;
    view.dtype = spec.dtype;
    view.shape = spec.shape;
    view.memory = kind_;
    data += aligned_bytes_of(spec);
  }
  return views;
}

std::vector<TensorSpec> with_batch(std::vector<TensorSpec> specs, int batch) {
  for (TensorSpec& spec : specs) spec.shape.at(0) = batch;
  return specs;
}

}  // namespace smol
