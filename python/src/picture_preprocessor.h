#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "optimizer/rule.h"
#include "picture.h"
#include "smol/preprocess.h"
#include "smol/video.h"

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
  /// The frame that `decoder` shows, of a video that `index` describes.
  Status run_frame(FrameDecoder& decoder, const VideoIndex& index, std::span<const TensorSlot> slots,
                   const std::stop_token& stop);

 private:
  /// What one call in progress needs.
  struct Instance {
    std::string_view format;           ///< what it was made for: a codec's name, or a frame, or a decoded picture
    std::unique_ptr<Decoder> decoder;  ///< none for frames and decoded pictures
    std::vector<std::unique_ptr<Preprocessor>> preprocessors;  ///< one an output
  };

  Status run_encoded(ByteView bytes, std::span<const TensorSlot> slots, const PreprocessOptions& options);
  /// An idle one for the format; the first time `describe` says what is known of it.
  Result<std::unique_ptr<Instance>> take(std::string_view format, const std::function<Result<RuleContext>()>& describe);
  static Status run_instance(Instance& instance, Decoder& decoder, ByteView bytes, std::span<const TensorSlot> slots,
                             const PreprocessOptions& options);
  void give_back(std::unique_ptr<Instance> instance);
  Result<std::vector<PhysicalPipeline>> choose(std::string_view format, const RuleContext& context) const;

  const PreprocessGraph graph_;
  const std::optional<PhysicalPipeline> physical_;
  const std::string fidelity_;
  const std::vector<OutputSpec> outputs_;
  const PreprocessOptions options_;
  std::mutex mutex_;
  std::map<std::string_view, std::vector<PhysicalPipeline>> chosen_;  ///< by format
  std::vector<std::unique_ptr<Instance>> idle_;
};

/// Of a tensor: (channels, height, width) or (height, width, channels).
[[nodiscard]] std::vector<std::size_t> shape_of(const OutputSpec& output);
[[nodiscard]] nb::object to_numpy(ArrayMemory memory, DType dtype, std::vector<std::size_t> shape);

}  // namespace smol::python
