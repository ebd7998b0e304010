#include <atomic>

#include "codec/jpeg_kernels.h"
#include "codec/video/frame_kernels.h"
#include "preprocess/kernels.h"
#include "smol/preprocess.h"

namespace smol {
namespace {

/// What set_simd_target chose; null = the best. The one switch of the room, kept atomic so that a late call is no race.
std::atomic<const KernelTable*>& chosen_kernels() {
  static std::atomic<const KernelTable*> chosen{nullptr};
  return chosen;
}

}  // namespace

const KernelTable& active_kernels() {
  const KernelTable* chosen = chosen_kernels().load(std::memory_order_relaxed);
  if (chosen != nullptr) return *chosen;
  return simd_kernels().empty() ? scalar_kernels() : *simd_kernels().front();
}

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  for (const KernelTable* table : simd_kernels()) names.emplace_back(table->name);
  names.emplace_back(scalar_kernels().name);
  return names;
}

Status set_simd_target(std::string_view name) {
  const KernelTable* chosen = name == scalar_kernels().name ? &scalar_kernels() : nullptr;
  std::string allowed{scalar_kernels().name};
  for (const KernelTable* table : simd_kernels()) {
    if (table->name == name) chosen = table;
    allowed += ", " + std::string(table->name);
  }
  if (chosen == nullptr && !name.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "SIMD target must be one of " + allowed + " on this machine: " + std::string(name)};
  }
  chosen_kernels().store(chosen, std::memory_order_relaxed);
  choose_jpeg_kernels(name);
  choose_frame_kernels(name);
  return {};
}

}  // namespace smol
