#pragma once
/// The backend interface: things that execute DNNs. Memory is allocated by the backend, never by the engine.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smol/preprocess.h"
#include "smol/result.h"
#include "smol/tensor.h"

namespace smol {

enum class Precision : std::uint8_t { kF32, kBF16, kF16, kAsStored };  ///< kAsStored: quantised models as given
[[nodiscard]] std::string_view name_of(Precision precision);
[[nodiscard]] Result<Precision> parse_precision(std::string_view name);

/// What a backend can do on this machine: asked, never assumed.
struct BackendCapabilities {
  std::vector<Precision> fast_precisions{Precision::kF32};  ///< with hardware support, fastest first
  std::vector<std::string> model_extensions;                ///< ".onnx", ".xml", ".tflite"
  bool separate_memory = false;                             ///< has its own memory: inputs are transferred
  bool shares_host_cores = true;                            ///< inference competes with host workers
  bool compiles_device_operators = false;                   ///< accepts CompileOptions::device_operators
  bool simulated = false;                                   ///< timings are modelled, and labelled so
  int num_devices = 1;
  std::string device_name;  ///< for `smol info`
};

struct CompileOptions {
  std::string model_path;
  Precision precision = Precision::kF32;
  int batch = 1;               ///< wanted batch; the compiled model may answer with a smaller one and `max_batch_reason`
  int streams = 0;             ///< inferences in flight on the device; 0 = backend's choice for throughput
  int threads_per_stream = 0;  ///< 0 = backend's choice
  bool pin_threads = false;    ///< off when the host shares the cores
  bool pinned_memory = true;   ///< false: slots in pageable memory, staged on their way to a device with its own memory
  bool latency_hint = false;   ///< optimise one request instead of throughput
  int device = 0;
  /// Operators compiled in front of the model, in order. The input slot then takes their input:
  /// `host_output` says dtype, layout and colour of what the host writes.
  std::vector<Operator> device_operators;
  std::optional<OutputSpec> host_output;
  std::string config_path;  ///< backend-specific file (a simulated device's description)
};

/// Timing of one inference, microseconds.
struct InferTiming {
  double transfer_us = 0, infer_us = 0;
};

/// Called exactly once per submit, on a thread of the backend; may only enqueue.
using Completion = std::function<void(Result<InferTiming>)>;

/// A compiled model with a ring of slots. A slot is one batch: input and output tensors in memory owned by the instance.
/// Ownership: a free slot belongs to the engine; from submit() until its completion has been called (success, error or
/// cancellation alike) it belongs to the instance; then it is the engine's again. Slots are independent.
/// submit() may be called from any thread; the same slot must not be submitted twice at once.
class ModelInstance {
 public:
  virtual ~ModelInstance() = default;                                       ///< waits for everything in flight
  [[nodiscard]] virtual const std::vector<TensorSpec>& inputs() const = 0;  ///< shapes with the batch in dimension 0
  [[nodiscard]] virtual const std::vector<TensorSpec>& outputs() const = 0;
  [[nodiscard]] virtual int batch() const = 0;                          ///< pictures a slot holds
  [[nodiscard]] virtual std::string_view max_batch_reason() const = 0;  ///< why batch() is below what was asked; else empty
  [[nodiscard]] virtual int num_slots() const = 0;
  /// Where host workers write. Memory kind kHost or kPinned.
  [[nodiscard]] virtual std::vector<TensorView> input_tensors(int slot) = 0;
  /// Readable by the host after completion, until the next submit of this slot.
  [[nodiscard]] virtual std::vector<TensorView> output_tensors(int slot) = 0;
  /// Never blocks. Rows at and past num_valid hold unspecified (readable) data; their outputs are ignored.
  virtual void submit(int slot, int num_valid, Completion completion) = 0;
};

/// A way to execute models. Thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;    ///< "openvino"
  [[nodiscard]] virtual std::string description() const = 0;  ///< library and version
  [[nodiscard]] virtual const BackendCapabilities& capabilities() const = 0;
  /// What the model file says of its inputs and outputs (dynamic dimensions -1) without compiling it.
  [[nodiscard]] virtual Result<std::pair<std::vector<TensorSpec>, std::vector<TensorSpec>>> describe(
      const std::string& model_path) const = 0;
  /// Compiles with slots for `num_slots` batches. Verifies batchability: for batch b the outputs equal b single runs,
  /// else the largest batch that holds (1) is compiled and max_batch_reason() says why.
  [[nodiscard]] virtual Result<std::unique_ptr<ModelInstance>> compile(const CompileOptions& options,
                                                                       int num_slots) const = 0;
};

struct UnavailableBackend {
  std::string name, reason, remedy;
};

class BackendRegistry {
 public:
  /// A second registration of a name is an error.
  Status add(std::unique_ptr<const Backend> backend);
  void add_unavailable(UnavailableBackend entry);
  /// kNotFound or kNotBuilt (with the remedy), listing what there is.
  [[nodiscard]] Result<const Backend*> find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::unique_ptr<const Backend>>& backends() const { return backends_; }
  [[nodiscard]] const std::vector<UnavailableBackend>& unavailable() const { return unavailable_; }

 private:
  std::vector<std::unique_ptr<const Backend>> backends_;
  std::vector<UnavailableBackend> unavailable_;
};

/// All backends of this build; those in plug-ins (OpenVINO) are loaded here (src/backend/built_in_backends.cpp is the
/// table).
[[nodiscard]] BackendRegistry built_in_backends();

/// Entry point of a backend plug-in: `extern "C" smol::Backend* smol_create_backend_v1()`. The caller owns the result.
using CreateBackendFunction = Backend* (*)();
inline constexpr const char* kCreateBackendSymbol = "smol_create_backend_v1";

}  // namespace smol
