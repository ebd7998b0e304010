#include <algorithm>

#include "base/statistics.h"
#include "planner/cost_model.h"
#include "planner/frontier.h"
#include "planner/planning.h"

namespace smol {
namespace {

// The host's part of a model's plan: one made for this model, or for all.
bool suits(const Profile::Preprocess& host, const Profile::Inference& model) {
  return host.model.empty() || host.model == model.model;
}

std::optional<PlanMeasurement> accuracy_for(const Profile& profile, const Plan& plan) {
  for (const Profile::Accuracy& entry : profile.accuracy) {
    if (entry.model != plan.model_name || entry.rendition != plan.rendition || entry.fidelity != plan.fidelity ||
        entry.precision != plan.precision) {
      continue;
    }
    PlanMeasurement measured;
    measured.accuracy = entry.value;
    measured.agreement = entry.agreement;
    measured.num_items = entry.num_items;
    return measured;
  }
  return std::nullopt;
}

Plan make_plan(const Profile& profile, const Profile::Preprocess& host, const Profile::Inference& model, double exponent) {
  Plan plan;
  plan.model_name = model.model;
  plan.model_digest = model.model_digest;
  plan.backend = model.backend;
  plan.precision = model.precision;
  plan.rendition = host.rendition;
  plan.fidelity = host.fidelity;
  plan.shape.batch = model.batch;
  plan.simulated = profile.simulated;
  plan.id = model.model + "/" + host.rendition + "/" + host.fidelity;
  if (model.precision == Precision::kBF16 || model.precision == Precision::kF16)
    plan.id += "/" + std::string(name_of(model.precision));
  PlanRates rates;
  rates.shares_host_cores = profile.shares_host_cores;
  rates.stages = {
      {median(model.items_per_s), median(host.items_per_s), model.transfer_us > 0 ? 1e6 / model.transfer_us : 0, 1}};
  plan.predicted = predict(rates, exponent);
  plan.measured = accuracy_for(profile, plan);
  return plan;
}

}  // namespace

Result<PlanSet> plan_from_profile(const Profile& profile, const PlanOptions& options) {
  const double exponent = profile.overlap_exponents.empty() ? kDefaultExponent : median(profile.overlap_exponents);
  std::vector<Plan> plans;
  SelectionFacts facts;
  facts.cores = profile.cores;
  facts.overlap_exponent = exponent;
  for (const Profile::Preprocess& host : profile.preprocess) {
    for (const Profile::Inference& model : profile.inference) {
      if (suits(host, model)) plans.push_back(make_plan(profile, host, model, exponent));
    }
    const double rate = median(host.items_per_s);
    if (rate > facts.ceiling_per_s) {
      facts.ceiling_per_s = rate;
      facts.ceiling_name = host.rendition + ", " + host.fidelity;
    }
  }
  if (plans.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a profile to plan with needs rates of preprocessing and of inference that suit each other; it "
                             "has {} and {}",
                             profile.preprocess.size(), profile.inference.size())};
  }
  // Where accuracies are given, a plan without one cannot be compared, though it may be exact.
  const bool any = !profile.accuracy.empty();
  std::vector<Plan> choosable;
  for (const Plan& plan : plans) {
    if (any ? plan.measured.has_value() : plan.rendition == profile.reference_rendition) choosable.push_back(plan);
  }
  const Selection selection = select(choosable, options, facts);
  FrontierSplit split = split_frontier(std::move(choosable), profile.reference_rendition);
  for (Plan& plan : plans) {
    const auto known = [&](const std::vector<Plan>& list) {
      return std::any_of(list.begin(), list.end(), [&](const Plan& other) { return other.id == plan.id; });
    };
    if (!known(split.frontier) && !known(split.dominated)) split.dominated.push_back(std::move(plan));
  }
  if (split.frontier.empty())
    return Error{ErrorCode::kInvalidArgument, "the profile has no accuracy that belongs to one of its plans"};
  PlanSet set;
  set.machine = profile.machine;
  set.cores = profile.cores;
  set.smol_version = profile.smol_version;
  set.date = profile.date;
  set.dataset = profile.dataset;
  set.reference_rendition = profile.reference_rendition;
  set.calibration = profile.source;
  set.accuracy_kind = any ? "the profile's" : "none";
  set.chosen = selection.chosen;
  set.decision = selection.decision;
  set.overlap_exponent = profile.shares_host_cores ? exponent : 0;
  set.plans = std::move(split.frontier);
  set.dominated = std::move(split.dominated);
  return set;
}

}  // namespace smol
