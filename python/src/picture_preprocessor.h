#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "picture.h"
#include "smol/preprocess.h"

namespace smol::python {

/// Turns pictures of any format into the tensors of a graph at one fidelity, or into one by a given physical pipeline. A
/// picture is decoded once for all. How is chosen at the first picture of each format and kept. Thread-safe: every call in
/// progress has its own decoder and memory.
class PicturePreprocessor {
 public:
  /// `outputs`: what verify() says of the graph's.
  PicturePreprocessor(PreprocessGraph graph, std::string fidelity, std::vector<OutputSpec> outputs,
                      PreprocessOptions options);
  PicturePreprocessor(PhysicalPipeline physical, OutputSpec output, PreprocessOptions options);

  [[nodiscard]] const PreprocessGraph& graph() const { return graph_; }
  [[nodiscard]] const OutputSpec& output(std::size_t index = 0) const { return outputs_[index]; }
  [[nodiscard]] TensorSlot slot(void* data, std::size_t index = 0) const;
  /// A slot for each output. `stop` ends the work between rows.
  Status run(const PictureInput& picture, std::span<const TensorSlot> slots, const std::stop_token& stop);

 private:
  /// What one call in progress needs.
  struct Instance {
    const Codec* codec = nullptr;  // null: decoded pictures
    std::unique_ptr<Decoder> decoder;
    std::vector<std::unique_ptr<Preprocessor>> preprocessors;  ///< one an output
  };

  Status run_encoded(ByteView bytes, std::span<const TensorSlot> slots, const PreprocessOptions& options);
  Result<std::unique_ptr<Instance>> take(const Codec* codec, ByteView bytes);
  void give_back(std::unique_ptr<Instance> instance);
  Result<std::vector<PhysicalPipeline>> choose(const Codec* codec, const ImageHeader& typical) const;

  const PreprocessGraph graph_;
  const std::optional<PhysicalPipeline> physical_;
  const std::string fidelity_;
  const std::vector<OutputSpec> outputs_;
  const PreprocessOptions options_;
  std::mutex mutex_;
  std::map<const Codec*, std::vector<PhysicalPipeline>> chosen_;
  std::vector<std::unique_ptr<Instance>> idle_;
};

}  // namespace smol::python
