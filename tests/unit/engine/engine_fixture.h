#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "smol/session.h"
#include "temporary_folder.h"

namespace smol {

/// A folder with a reference model, plans for it and small pictures in memory.
class EngineFixture {
 public:
  EngineFixture();

  /// A plan of the reference model; `extra` lines go into the model file ("delay_us: 1000").
  [[nodiscard]] Plan make_plan(const std::string& name, const std::string& extra = {}) const;
  /// Compiles, or throws Exception.
  [[nodiscard]] CompiledPlan compile_plan(const Plan& plan, const RunOptions& options = {}) const;

  /// A JPEG of smooth colours; the same seed gives the same bytes.
  [[nodiscard]] static std::shared_ptr<const std::vector<std::uint8_t>> make_jpeg(int seed, int width = 64, int height = 48);
  /// `count` items with JPEG bytes; ids "0", "1", ...
  [[nodiscard]] static std::vector<Item> make_items(int count);

  testing::TemporaryFolder folder;
  Runtime runtime;
};

}  // namespace smol
