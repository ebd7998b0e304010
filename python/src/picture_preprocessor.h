#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "picture.h"
#include "smol/preprocess.h"

namespace smol::python {

/// Turns pictures of any format into tensors by one logical pipeline at one fidelity, or by one given physical pipeline. How
/// is chosen at the first picture of each format and kept. Thread-safe: every call in progress has its own decoder and
/// memory.
class PicturePreprocessor {
 public:
  PicturePreprocessor(LogicalPipeline logical, std::string fidelity, OutputSpec output, PreprocessOptions options);
  PicturePreprocessor(PhysicalPipeline physical, OutputSpec output, PreprocessOptions options);

  [[nodiscard]] const OutputSpec& output() const { return output_; }
  [[nodiscard]] TensorSlot slot(void* data) const;
  /// `stop` ends the work between rows.
  Status run(const PictureInput& picture, const TensorSlot& slot, const std::stop_token& stop);

 private:
  /// What one call in progress needs.
  struct Instance {
    const Codec* codec = nullptr;  // null: decoded pictures
    std::unique_ptr<Decoder> decoder;
    std::unique_ptr<Preprocessor> preprocessor;
  };

  Status run_encoded(ByteView bytes, const TensorSlot& slot, const PreprocessOptions& options);
  Result<std::unique_ptr<Instance>> take(const Codec* codec, ByteView bytes);
  void give_back(std::unique_ptr<Instance> instance);
  Result<PhysicalPipeline> choose(const Codec* codec, const ImageHeader& typical) const;

  const LogicalPipeline logical_;
  const std::optional<PhysicalPipeline> physical_;
  const std::string fidelity_;
  const OutputSpec output_;
  const PreprocessOptions options_;
  std::mutex mutex_;
  std::map<const Codec*, PhysicalPipeline> chosen_;
  std::vector<std::unique_ptr<Instance>> idle_;
};

}  // namespace smol::python
