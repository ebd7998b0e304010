#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <openvino/openvino.hpp>
#include <tuple>

#include "backend/model_file.h"
#include "backend/openvino/batch_check.h"
#include "backend/openvino/device_prefix.h"
#include "backend/openvino/openvino_errors.h"
#include "backend/openvino/openvino_graph.h"
#include "backend/openvino/openvino_instance.h"
#include "base/thread_budget.h"
#include "smol/backend.h"

namespace smol {
namespace {

constexpr const char* kDevice = "CPU";
using Specs = std::pair<std::vector<TensorSpec>, std::vector<TensorSpec>>;

/// What the CPU executes with hardware support, fastest first.
std::vector<Precision> fast_precisions(const ov::Core& core) {
  const auto features = core.get_property(kDevice, ov::device::capabilities);
  const auto has = [&](const char* feature) {
    return std::find(features.begin(), features.end(), feature) != features.end();
  };
  std::vector<Precision> precisions;
  if (has(ov::device::capability::BF16)) precisions.push_back(Precision::kBF16);
  if (has(ov::device::capability::FP16)) precisions.push_back(Precision::kF16);
  precisions.push_back(Precision::kF32);
  return precisions;
}

ov::element::Type inference_type_of(Precision precision) {
  switch (precision) {
    case Precision::kBF16:
      return ov::element::bf16;
    case Precision::kF16:
      return ov::element::f16;
    default:
      return ov::element::f32;  // as stored: the file's quantised layers run as such, the rest in f32
  }
}

/// Threads and streams as asked; where nothing is asked, OpenVINO's choice within the cores this process may use.
ov::AnyMap properties_of(const CompileOptions& options, int num_slots) {
  const int cores = available_cores();
  ov::AnyMap properties{
      ov::hint::inference_precision(inference_type_of(options.precision)),
      // With pinning, every one-thread instance lands on the first core, and host workers compete for it.
      ov::hint::enable_cpu_pinning(options.pin_threads),
      ov::hint::performance_mode(options.latency_hint ? ov::hint::PerformanceMode::LATENCY
                                                      : ov::hint::PerformanceMode::THROUGHPUT),
      ov::hint::num_requests(static_cast<std::uint32_t>(num_slots)),
  };
  int streams = options.streams, threads = cores;
  if (options.threads_per_stream > 0) {
    if (streams == 0) streams = options.latency_hint ? 1 : std::max(1, cores / options.threads_per_stream);
    threads = streams * options.threads_per_stream;
  }
  if (streams > 0) properties.insert(ov::num_streams(ov::streams::Num(streams)));
  properties.insert(ov::inference_num_threads(threads));
  return properties;
}

class OpenVinoBackend final : public Backend {
 public:
  OpenVinoBackend() {
    capabilities_.fast_precisions = fast_precisions(core_);
    capabilities_.model_extensions = {".onnx", ".xml", ".tflite"};
    capabilities_.compiles_device_operators = true;
    capabilities_.device_name = core_.get_property(kDevice, ov::device::full_name);
  }

  std::string_view name() const override { return "openvino"; }
  std::string description() const override {
    return fmt::format("OpenVINO {} (Apache-2.0, no GPL)", ov::get_openvino_version().buildNumber);
  }
  const BackendCapabilities& capabilities() const override { return capabilities_; }

  Result<Specs> describe(const std::string& model_path) const override {
    return without_exceptions("model cannot be read: " + model_path, ErrorCode::kCorrupt, [&]() -> Result<Specs> {
      SMOL_ASSIGN_OR_RETURN(const std::shared_ptr<ov::Model> model, read(model_path));
      Specs specs;
      SMOL_ASSIGN_OR_RETURN(specs.first, specs_of(std::as_const(*model).inputs()));
      SMOL_ASSIGN_OR_RETURN(specs.second, specs_of(std::as_const(*model).outputs()));
      return specs;
    });
  }

  Result<std::unique_ptr<ModelInstance>> compile(const CompileOptions& options, int num_slots) const override {
    SMOL_RETURN_IF_ERROR(check(options, num_slots));
    std::shared_ptr<ov::Model> model;
    SMOL_RETURN_IF_ERROR(
        without_exceptions("model cannot be read: " + options.model_path, ErrorCode::kCorrupt, [&]() -> Status {
          SMOL_ASSIGN_OR_RETURN(model, read(options.model_path));
          return {};
        }));
    return without_exceptions("model cannot be compiled: " + options.model_path, ErrorCode::kUnsupported,
                              [&] { return compile_model(model, options, num_slots); });
  }

 private:
  using VerdictKey = std::tuple<std::string, int, Precision, int, int>;

  [[nodiscard]] Status check(const CompileOptions& options, int num_slots) const {
    if (options.batch < 1 || num_slots < 1 || options.streams < 0 || options.threads_per_stream < 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("batch and slots must be at least 1, streams and threads not negative: {}, {}, {}, {}",
                               options.batch, num_slots, options.streams, options.threads_per_stream)};
    }
    if (options.device != 0) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("openvino has one device, 0: {}", options.device)};
    }
    const auto& fast = capabilities_.fast_precisions;
    if (options.precision != Precision::kAsStored && std::find(fast.begin(), fast.end(), options.precision) == fast.end()) {
      std::vector<std::string_view> names{name_of(Precision::kAsStored)};
      for (Precision precision : fast) names.push_back(name_of(precision));
      return Error{ErrorCode::kUnsupported, fmt::format("this CPU has no hardware for the precision; it has {}: {}",
                                                        fmt::join(names, ", "), name_of(options.precision))};
    }
    return {};
  }

  [[nodiscard]] Result<std::shared_ptr<ov::Model>> read(const std::string& path) const {
    const auto& known = capabilities_.model_extensions;
    if (std::find(known.begin(), known.end(), extension_of(path)) == known.end()) {
      return Error{ErrorCode::kUnsupported, fmt::format("openvino reads {}: {}", fmt::join(known, ", "), path)};
    }
    if (std::error_code error; !std::filesystem::is_regular_file(path, error)) {
      return Error{ErrorCode::kNotFound, "no such model file: " + path};
    }
    std::shared_ptr<ov::Model> model = core_.read_model(path);
    if (model->inputs().empty() || model->outputs().empty()) {
      return Error{ErrorCode::kUnsupported, "model has no inputs or no outputs: " + path};
    }
    return model;
  }

  Result<std::unique_ptr<ModelInstance>> compile_model(const std::shared_ptr<ov::Model>& model,
                                                       const CompileOptions& options, int num_slots) const {
    const ov::AnyMap properties = properties_of(options, num_slots);
    SMOL_ASSIGN_OR_RETURN(const BatchVerdict verdict, batch_verdict(model, options, properties));
    if (verdict.free_reshapes) free_constant_reshapes(*model);
    if (verdict.batch != batch_in_file(*model) || model->is_dynamic()) set_batch(*model, verdict.batch, options.host_output);
    for (const ov::Output<ov::Node>& input : model->inputs()) {
      if (input.get_partial_shape().is_static()) continue;
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the file leaves the input's size open; give host_output (the card's input size): {}",
                               input.get_partial_shape().to_string())};
    }
    SMOL_RETURN_IF_ERROR(prepend_device_operators(*model, options));
    return create_openvino_instance(core_.compile_model(model, kDevice, properties), verdict.batch, verdict.reason,
                                    num_slots);
  }

  /// Remembered by content, so that each model, batch and precision is verified once. Concurrent callers wait for each
  /// other.
  Result<BatchVerdict> batch_verdict(const std::shared_ptr<ov::Model>& model, const CompileOptions& options,
                                     const ov::AnyMap& properties) const {
    SMOL_ASSIGN_OR_RETURN(const std::string digest, digest_of_model(options.model_path));
    const OutputSpec size = options.host_output.value_or(OutputSpec{});
    const VerdictKey key{digest, options.batch, options.precision, size.width, size.height};
    const std::lock_guard lock(mutex_);
    if (const auto found = verdicts_.find(key); found != verdicts_.end()) return found->second;
    return verdicts_[key] = verify_batch(core_, model, options, properties);
  }

  mutable ov::Core core_;
  BackendCapabilities capabilities_;
  mutable std::mutex mutex_;
  mutable std::map<VerdictKey, BatchVerdict> verdicts_;
};

}  // namespace
}  // namespace smol

/// Null when OpenVINO has no CPU device here.
extern "C" smol::Backend* smol_create_backend_v1() {
  try {
    return new smol::OpenVinoBackend();
  } catch (const std::exception&) {
    return nullptr;
  }
}
