#include "planner/profiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/statistics.h"
#include "base/thread_budget.h"
#include "engine/compiled_plan.h"
#include "planner/batch_choice.h"
#include "planner/cost_model.h"

namespace smol {
namespace {

constexpr std::int64_t kFirstItems = 32;  ///< what tells how many a measurement needs

// What the host does: decoding and its steps. What is compiled into the model does not count, but for the tensor's type.
std::string host_text(const Plan& plan) {
  PhysicalPipeline host = plan.pipeline;
  host.device_operators.clear();
  return to_string(host);
}

std::string operators_text(const std::vector<Operator>& operators) {
  PhysicalPipeline only;
  only.device_operators = operators;
  return operators.empty() ? "" : to_string(only);
}

std::string key_of(const Profile::Preprocess& entry) { return entry.rendition + "|" + entry.pipeline; }

std::string key_of(const Profile::Inference& entry) {
  return fmt::format("{}|{}|{}|{}|{}", entry.model_digest, entry.backend, name_of(entry.precision), entry.for_latency,
                     entry.device_operators);
}

double bytes_of(const OutputSpec& output) {
  return static_cast<double>(
      TensorSlot{nullptr, output.dtype, output.layout, output.color, output.width, output.height}.size_bytes());
}

}  // namespace

Profiler::Profiler(const Runtime& runtime, const PlanOptions& options, const std::vector<std::vector<Item>>& items,
                   const Profile& known)
    : runtime_(runtime), options_(options), items_(items) {
  for (const Profile::Preprocess& entry : known.preprocess) known_preprocess_[key_of(entry)] = entry;
  for (const Profile::Inference& entry : known.inference) known_inference_[key_of(entry)] = entry;
}

std::string Profiler::preprocess_key(const Contender& contender) {
  return contender.plan.rendition + "|" + host_text(contender.plan);
}

std::string Profiler::inference_key(const Plan& plan) {
  return fmt::format("{}|{}|{}|{}|{}", plan.model_digest, plan.backend, name_of(plan.precision), plan.shape.latency,
                     operators_text(plan.pipeline.device_operators));
}

Result<CompiledPlan*> Profiler::compiled_for(Plan& plan) {
  const std::string key = inference_key(plan);
  auto found = compiled_.find(key);
  if (found == compiled_.end()) {
    const auto known = known_inference_.find(key);
    if (known != known_inference_.end() && options_.shape.batch <= 1) {
      Plan attempt = plan;
      attempt.shape.batch = known->second.batch;
      SMOL_ASSIGN_OR_RETURN(CompiledPlan compiled, compile(runtime_, attempt));
      found = compiled_.emplace(key, std::move(compiled)).first;
      inference_[key] = known->second;
      from_known_.insert(key);
    } else if (plan.shape.latency) {
      SMOL_ASSIGN_OR_RETURN(CompiledPlan compiled, compile(runtime_, plan));
      found = compiled_.emplace(key, std::move(compiled)).first;
    } else {
      SMOL_ASSIGN_OR_RETURN(BatchChoice best, choose_batch(runtime_, plan, options_.shape.batch, options_.stop));
      found = compiled_.emplace(key, std::move(best.compiled)).first;
    }
  }
  plan.shape = found->second.plan().shape;
  SMOL_RETURN_IF_ERROR(retarget(found->second, plan));
  return &found->second;
}

Status Profiler::sample(Contender& contender, double seconds, bool afresh) {
  SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, compiled_for(contender.plan));
  const std::string host = preprocess_key(contender), model = inference_key(contender.plan);
  if (const auto known = known_preprocess_.find(host); known != known_preprocess_.end() && !preprocess_.contains(host)) {
    preprocess_.emplace(host, known->second);
    from_known_.insert(host);
  }
  const auto wanted = [&](const std::string& key, auto& entries) {
    if (from_known_.contains(key)) {
      if (!afresh) return false;
      from_known_.erase(key);
      entries.at(key).items_per_s.clear();
    }
    return sampled_.insert(key).second;
  };
  if (wanted(model, inference_)) SMOL_RETURN_IF_ERROR(sample_inference(contender.plan, *compiled, seconds));
  if (wanted(host, preprocess_)) SMOL_RETURN_IF_ERROR(sample_preprocess(contender, *compiled, seconds));
  return {};
}

Status Profiler::sample_inference(const Plan& plan, CompiledPlan& compiled, double seconds) {
  Profile::Inference& entry = inference_[inference_key(plan)];
  if (entry.items_per_s.empty()) {
    entry.model = plan.model_name;
    entry.model_digest = plan.model_digest;
    entry.backend = plan.backend;
    entry.precision = plan.precision;
    entry.device_operators = operators_text(plan.pipeline.device_operators);
    entry.batch = plan.shape.batch;
    entry.for_latency = plan.shape.latency;
    SMOL_ASSIGN_OR_RETURN(entry.latency_us, measure_inference_latency(compiled, 3));
  }
  DeviceTimes times;
  SMOL_ASSIGN_OR_RETURN(const double rate, measure_inference(compiled, seconds, &times));
  entry.items_per_s.push_back(rate);
  if (compiled.state().separate_memory) {
    entry.transfer_us = times.transfer_us;
    entry.compute_us = times.infer_us;
  }
  return {};
}

Status Profiler::sample_preprocess(Contender& contender, CompiledPlan& compiled, double seconds) {
  RunOptions options;
  options.limits = options_.limits;
  options.stop = options_.stop;
  const std::vector<Item>& items = items_[contender.rendition];
  const auto measure = [&](std::int64_t count) -> Result<double> {
    const std::unique_ptr<Source> source = repeat_items(items, count);
    SMOL_ASSIGN_OR_RETURN(const RunReport report, measure_preprocessing(runtime_, compiled, *source, options));
    if (report.cancelled) return Error{ErrorCode::kCancelled, "planning was stopped"};
    return report.throughput();
  };
  Profile::Preprocess& entry = preprocess_[preprocess_key(contender)];
  double expected = median(entry.items_per_s);
  if (entry.items_per_s.empty()) {
    entry.rendition = contender.plan.rendition;
    entry.fidelity = contender.plan.fidelity;
    entry.model = contender.plan.model_name;
    entry.pipeline = host_text(contender.plan);
    entry.transfer_bytes = bytes_of(compiled.state().picture);
    SMOL_ASSIGN_OR_RETURN(expected, measure(kFirstItems));  // warms up, too
  }
  SMOL_ASSIGN_OR_RETURN(const double rate, measure(std::max(static_cast<std::int64_t>(expected * seconds), kFirstItems)));
  entry.items_per_s.push_back(rate);
  entry.latency_us = 1e6 * compiled.state().host_workers / median(entry.items_per_s);
  return {};
}

Result<double> Profiler::run_whole(Contender& contender, double seconds) {
  SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, compiled_for(contender.plan));
  double& expected = whole_per_s_[contender.plan.id];
  if (expected <= 0) expected = predict(contender, kDefaultExponent).throughput;
  RunOptions options;
  options.limits = options_.limits;
  options.stop = options_.stop;
  SMOL_ASSIGN_OR_RETURN(const WholeRate rate,
                        measure_whole(runtime_, *compiled, items_[contender.rendition], seconds, expected, options));
  expected = rate.items_per_s;
  return expected;
}

void Profiler::forget_known() {
  known_preprocess_.clear();
  known_inference_.clear();
  for (const std::string& key : from_known_) {
    if (const auto entry = preprocess_.find(key); entry != preprocess_.end()) entry->second.items_per_s.clear();
    if (const auto entry = inference_.find(key); entry != inference_.end()) entry->second.items_per_s.clear();
  }
  from_known_.clear();
}

bool Profiler::was_known(const Contender& contender) const {
  return known_preprocess_.contains(preprocess_key(contender)) && known_inference_.contains(inference_key(contender.plan));
}

bool Profiler::knows(const Contender& contender) const {
  return preprocess_.contains(preprocess_key(contender)) && inference_.contains(inference_key(contender.plan));
}

double Profiler::preprocess_per_s(const Contender& contender) const {
  return median(preprocess_.at(preprocess_key(contender)).items_per_s);
}

double Profiler::infer_per_s(const Plan& plan) const { return median(inference_.at(inference_key(plan)).items_per_s); }

PlanPrediction Profiler::predict(const Contender& contender, double overlap_exponent) const {
  const Profile::Preprocess& host = preprocess_.at(preprocess_key(contender));
  const Profile::Inference& model = inference_.at(inference_key(contender.plan));
  const Result<const Backend*> backend = runtime_.backends.find(contender.plan.backend);
  PlanRates rates;
  rates.shares_host_cores = !backend.ok() || (*backend)->capabilities().shares_host_cores;
  rates.stages = {
      {median(model.items_per_s), median(host.items_per_s), model.transfer_us > 0 ? 1e6 / model.transfer_us : 0, 1}};
  PlanPrediction prediction = smol::predict(rates, overlap_exponent);
  const int workers = contender.plan.shape.host_workers > 0 ? contender.plan.shape.host_workers : available_cores();
  const double waves = std::ceil(static_cast<double>(contender.plan.shape.batch) / workers);
  prediction.latency_us = host.latency_us * waves + model.latency_us;
  return prediction;
}

}  // namespace smol
