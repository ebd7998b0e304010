#pragma once
/// Plans as plain data: what to run and how; they print to text and parse back.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smol/backend.h"
#include "smol/model.h"
#include "smol/preprocess.h"
#include "smol/result.h"

namespace smol {

/// How much of the machine a plan uses. Never changes answers.
struct ExecutionShape {
  int batch = 1;
  int host_workers = 0;        ///< decode + preprocess threads; 0 = available cores
  int streams = 0;             ///< inferences in flight; 0 = available cores
  int threads_per_stream = 1;  ///< 0 = the backend's choice
  int slots = 0;  ///< batch buffers; 0 = 2 * streams + 1 (over-allocated so that workers never wait for inference)
  bool pin_threads = false;
  int io_threads = 0;    ///< 0 = workers read for themselves
  bool latency = false;  ///< each inference on all cores, one at a time, for the shortest answer; else for throughput
  friend bool operator==(const ExecutionShape&, const ExecutionShape&) = default;
};

/// A value with its two-sided 95 % interval.
struct Estimate {
  double value = 0, low = 0, high = 0;
  friend bool operator==(const Estimate&, const Estimate&) = default;
};

/// What cost models say of a plan before it runs, items a second (src/planner/cost_model.h). Never changes answers.
struct PlanPrediction {
  double throughput = 0;          ///< ours: the resources that stages share, with their overlap on this machine
  double minimum = 0;             ///< the slower of preprocessing and inference (SMOL paper, equation 4)
  double sum = 0;                 ///< one after the other (Tahoma; equation 3)
  double dnn_only = 0;            ///< inference alone (BlazeIt, NoScope; equation 2)
  double preprocess = 0;          ///< preprocessing alone, what the others are made of beside dnn_only; 0 = none
  double latency_us = 0;          ///< from a picture's first byte to its answer, the machine being idle; 0 = not known
  bool shares_host_cores = true;  ///< inference and preprocessing compete for the same cores
  std::string bottleneck;         ///< the greatest demand: "host cores: preprocessing", "host cores", "device", "link", ...
  friend bool operator==(const PlanPrediction&, const PlanPrediction&) = default;
};

/// What measuring a plan gave. Never changes answers.
struct PlanMeasurement {
  Estimate throughput;               ///< items a second, end to end, all cores; 0 = not run end to end
  double preprocess_throughput = 0;  ///< items a second of reading, decoding, preprocessing alone; 0 = not measured
  double infer_throughput = 0;       ///< items a second of inference alone
  std::optional<Estimate> accuracy;  ///< absent when nothing could be compared
  bool agreement = false;            ///< accuracy is agreement with the reference plan, not with labels
  std::int64_t num_items = 0;        ///< calibration items behind the accuracy
  /// Accuracy on items that had no part in the choice; absent when there are none, or the plan was not chosen.
  std::optional<Estimate> held_out_accuracy;
  std::int64_t num_held_out = 0;
  /// Accuracy minus that of the same model's exact plan on the first rendition, on the same items (paired).
  std::optional<Estimate> accuracy_change;
  /// Of the DNN's input from the exact one, in steps of 1/255 of the picture's range; absent for exact plans.
  std::optional<double> max_difference, mean_difference;
  /// The next faster plan of the frontier, if the data do not say that this one is more accurate; else empty.
  std::string undecided_from;
  bool held_for_calibration = false;  ///< its throughput set the overlap of the cost model: it does not score it
  double latency_us = 0;  ///< from a picture's first byte to its answer, the machine being idle; 0 = not measured
  friend bool operator==(const PlanMeasurement&, const PlanMeasurement&) = default;
};

/// One way to run one model over one rendition.
struct Plan {
  std::string id;     ///< unique in its file: "efficientnet_lite0/full/exact"
  std::string model;  ///< path of the card or model file, relative to the plan file where possible
  std::string model_name;
  std::string model_digest;  ///< meaning_digest() of the card; a changed card or model voids the plan
  std::string backend = "openvino";
  Precision precision = Precision::kF32;
  std::string rendition = "full";
  std::string fidelity = "exact";  ///< short name of the decoding fidelity: exact, scale2, ...
  PhysicalPipeline pipeline;
  ExecutionShape shape;
  std::optional<PlanPrediction> predicted;
  std::optional<PlanMeasurement> measured;
  bool simulated = false;  ///< its device does not exist: figures are modelled
  friend bool operator==(const Plan&, const Plan&) = default;

  /// Items a second: measured end to end, else predicted, else 0.
  [[nodiscard]] double throughput() const;

  /// Names everything that can change an answer (digests, rendition, physical label, precision, backend), never costs,
  /// threads or batch. The resume and cache key. Exact pipelines of one card share it whatever their physical form.
  [[nodiscard]] std::string semantic_hash() const;
};

/// What became of a constraint.
struct Decision {
  std::string constraint;  ///< in words: "accuracy at least 0.9"; empty: none was given
  bool met = true;         ///< false: no plan is known to meet it, and none is chosen
  std::string reason;      ///< why the chosen plan, or what is missing: "undecided, needs about 250 more labels"
  /// The numbers behind `constraint`, as in PlanOptions; absent: not asked for.
  std::optional<double> min_accuracy, min_throughput, max_latency_ms, max_cost;
  friend bool operator==(const Decision&, const Decision&) = default;
};

/// A plan file.
struct PlanSet {
  static constexpr int kFormat = 2;  ///< files of format 1 are read, too
  std::string machine;               ///< where it was measured: machine_name()
  int cores = 0;                     ///< hardware threads behind the rates; 0 = not known
  std::string smol_version;
  std::string date;                 ///< UTC, ISO 8601
  std::string dataset;              ///< path, relative to the plan file where possible
  std::string reference_rendition;  ///< the first: what "exact" is exact to
  std::string calibration;          ///< in words: "60 of 400 items, evenly spaced"
  std::string accuracy_kind;        ///< "labels", "agreement with <plan>", "none"
  std::string held_out;             ///< in words: the items of held_out_accuracy; empty: none
  std::string chosen;               ///< id of the plan that `run` takes without --plan; empty: no plan meets the constraint
  Decision decision;
  double planning_seconds = 0;
  double overlap_exponent = 0;  ///< p of the cost model behind the predictions; 0 = none
  std::vector<Plan> plans;      ///< the frontier, fastest first
  std::vector<Plan> dominated;  ///< another plan is at least as good in both, or accuracy was not comparable
  friend bool operator==(const PlanSet&, const PlanSet&) = default;

  /// kNotFound lists the ids there are. Empty id: the chosen plan; kInvalidArgument with the reason when none was.
  [[nodiscard]] Result<const Plan*> find(std::string_view id) const;
};

[[nodiscard]] std::string to_yaml(const PlanSet& plans);
/// Unknown fields are errors, other format numbers are refused with what this version reads.
/// `user_operators` resolves user(name) steps.
[[nodiscard]] Result<PlanSet> parse_plans(std::string_view yaml,
                                          const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});
/// Also resolves the paths of models and dataset against the file's folder.
[[nodiscard]] Result<PlanSet> load_plans(const std::string& path,
                                         const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});
/// Written to a temporary name, synced, renamed.
[[nodiscard]] Status save_plans(const PlanSet& plans, const std::string& path);

/// Digest of all of a card that can change an answer: the model file's digest, preprocessing, output decoding. Not names,
/// paths, label texts or licence.
[[nodiscard]] std::string meaning_digest(const ModelCard& card);

/// Checks a plan against its card: digests, what the pipeline writes against what the model takes, ranges of the shape.
[[nodiscard]] Status verify(const Plan& plan, const ModelCard& card);

}  // namespace smol
