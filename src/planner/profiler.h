#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/measure.h"
#include "smol/profile.h"
#include "smol/session.h"

namespace smol {

/// A plan that takes part, with the rendition it reads.
struct Contender {
  Plan plan;
  std::size_t rendition = 0;  ///< index into Dataset::renditions
  bool classifies = false;    ///< its answers are labels, which may be right or wrong
};

/// Measures the stages of plans, each distinct stage once: plans share what they have in common. What `known` holds (a
/// profile given in place of measuring, or a cache) is not measured again. Not thread-safe.
class Profiler {
 public:
  /// `items`: by rendition, those that can be read. `known` must be of this machine, or be meant to stand for it.
  Profiler(const Runtime& runtime, const PlanOptions& options, const std::vector<std::vector<Item>>& items,
           const Profile& known);

  /// The plan's model at the batch it runs best with, shared by the plans that differ only in preprocessing; `plan.shape` is
  /// set. kOutOfMemory, kUnsupported and others from the backend.
  Result<CompiledPlan*> compiled_for(Plan& plan);
  /// From now on every stage may be sampled once more.
  void begin_round() { sampled_.clear(); }
  /// One sample of each stage of `contender`, `seconds` each, unless another contender had it sampled in this round. Stages
  /// that were known from the beginning are left as they are, or (`afresh`) forgotten and measured.
  Status sample(Contender& contender, double seconds, bool afresh);
  /// The contender's plan, from end to end, for about `seconds`: items a second.
  Result<double> run_whole(Contender& contender, double seconds);

  /// Forgets what was known from the beginning: it is measured when it is sampled next.
  void forget_known();
  /// Whether both stages were known from the beginning.
  [[nodiscard]] bool was_known(const Contender& contender) const;

  /// What the cost model says; the stages must be known.
  [[nodiscard]] PlanPrediction predict(const Contender& contender, double overlap_exponent) const;
  [[nodiscard]] double preprocess_per_s(const Contender& contender) const;
  [[nodiscard]] double infer_per_s(const Plan& plan) const;
  /// Whether both stages are known.
  [[nodiscard]] bool knows(const Contender& contender) const;

  /// All that was measured or known and asked for.
  [[nodiscard]] const std::map<std::string, Profile::Preprocess>& preprocess() const { return preprocess_; }
  [[nodiscard]] std::map<std::string, Profile::Preprocess>& preprocess() { return preprocess_; }
  [[nodiscard]] const std::map<std::string, Profile::Inference>& inference() const { return inference_; }
  [[nodiscard]] static std::string preprocess_key(const Contender& contender);
  [[nodiscard]] static std::string inference_key(const Plan& plan);

 private:
  Status sample_preprocess(Contender& contender, CompiledPlan& compiled, double seconds);
  Status sample_inference(const Plan& plan, CompiledPlan& compiled, double seconds);

  const Runtime& runtime_;
  const PlanOptions& options_;
  const std::vector<std::vector<Item>>& items_;
  std::map<std::string, CompiledPlan> compiled_;           ///< by inference_key
  std::map<std::string, Profile::Preprocess> preprocess_;  ///< by preprocess_key
  std::map<std::string, Profile::Inference> inference_;    ///< by inference_key
  std::map<std::string, Profile::Preprocess> known_preprocess_;
  std::map<std::string, Profile::Inference> known_inference_;
  std::set<std::string> sampled_, from_known_;  ///< keys of both kinds
  std::map<std::string, double> whole_per_s_;   ///< by plan id: how many items a measurement needs
};

}  // namespace smol
