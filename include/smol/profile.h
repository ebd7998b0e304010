#pragma once
/// Profiles: what the stages of plans cost on one machine for one dataset, as text that parses back.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smol/backend.h"
#include "smol/plan.h"
#include "smol/result.h"

namespace smol {

/// A profile file. Rates are items a second with all of the machine's threads, raw samples in the order they were taken.
/// It is measured by plan(), or written by hand for a machine that is elsewhere; then names stand for files that are not
/// here.
struct Profile {
  static constexpr int kFormat = 1;

  /// Reading, decoding and preprocessing on the host.
  struct Preprocess {
    std::string rendition;
    std::string fidelity = "exact";
    std::string model;     ///< whose input it makes; empty: that of every model
    std::string pipeline;  ///< the host's steps as text, with decoding; empty: not known
    std::vector<double> items_per_s;
    double latency_us = 0;      ///< one item on one worker; 0 = not measured
    double transfer_bytes = 0;  ///< of the DNN's input as the host writes it, an item
    /// Of the DNN's input from that of the exact pipeline, in steps of 1/255 of the picture's range; absent when exact.
    std::optional<double> max_difference, mean_difference;
    friend bool operator==(const Preprocess&, const Preprocess&) = default;
  };
  /// Inference with all slots in flight.
  struct Inference {
    std::string model;         ///< its name
    std::string model_digest;  ///< empty: not known
    std::string backend = "openvino";
    Precision precision = Precision::kF32;
    std::string device_operators;  ///< compiled in front of the model, as text; empty: none
    int batch = 1;
    bool for_latency = false;  ///< each inference on all cores, one at a time
    std::vector<double> items_per_s;
    double latency_us = 0;   ///< one batch, nothing else in flight; 0 = not measured
    double transfer_us = 0;  ///< an item's share of the link to a device with its own memory; 0 = none
    double compute_us = 0;   ///< an item's share of such a device; 0 = not known
    friend bool operator==(const Inference&, const Inference&) = default;
  };
  struct Accuracy {
    std::string model, rendition, fidelity = "exact";
    Precision precision = Precision::kF32;
    Estimate value;
    bool agreement = false;  ///< with the reference plan, not with labels
    std::int64_t num_items = 0;
    friend bool operator==(const Accuracy&, const Accuracy&) = default;
  };
  /// Where the time of one item goes (the paper's Figure 1): each preprocessing step on its own over whole pictures on one
  /// thread, the fused pipeline on one thread, inference with all cores; microseconds.
  struct Breakdown {
    std::string rendition, model;
    double read_us = 0, decode_us = 0, resize_crop_us = 0, convert_normalize_us = 0, layout_us = 0;
    double fused_us = 0, infer_us = 0, transfer_us = 0;
    friend bool operator==(const Breakdown&, const Breakdown&) = default;
  };

  std::string machine;                       ///< machine_name() where it was measured
  std::string smol_version;                  ///< that measured it
  std::string date;                          ///< UTC, ISO 8601
  std::string source;                        ///< "measured", or where the figures are from
  std::string dataset;                       ///< path
  std::string reference_rendition = "full";  ///< what "exact" is exact to
  int cores = 0;
  bool shares_host_cores = true;  ///< inference competes with preprocessing for `cores`
  bool simulated = false;
  /// p of the cost model where stages share cores, by measurement; empty: not calibrated.
  std::vector<double> overlap_exponents;
  std::vector<Preprocess> preprocess;
  std::vector<Inference> inference;
  std::vector<Accuracy> accuracy;
  std::vector<Breakdown> breakdown;
  friend bool operator==(const Profile&, const Profile&) = default;
};

[[nodiscard]] std::string to_yaml(const Profile& profile);
/// kInvalidArgument with line and key for unknown fields and values that cannot be; kUnsupported for other formats.
[[nodiscard]] Result<Profile> parse_profile(std::string_view yaml);
[[nodiscard]] Result<Profile> load_profile(const std::string& path);
/// Written to a temporary name, synced, renamed.
[[nodiscard]] Status save_profile(const Profile& profile, const std::string& path);

}  // namespace smol
