#include "smol/prices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text_file.h"
#include "base/yaml_fields.h"
#include "planner/cost_model.h"

namespace smol {
namespace {

Result<Instance> parse_instance(const YAML::Node& node, std::size_t index) {
  Instance instance;
  YamlFields fields(node, fmt::format("price file, instances[{}]", index));
  fields.require("name", instance.name);
  fields.require("vcpus", instance.vcpus);
  fields.read("accelerator", instance.accelerator);
  fields.require("price_per_hour", instance.price_per_hour);
  fields.read("watts", instance.watts);
  const auto bad = [](double value) { return !(value >= 0) || !std::isfinite(value); };
  if (fields.ok() && (instance.vcpus < 1 || bad(instance.price_per_hour) || bad(instance.watts)))
    fields.fail(node, "'vcpus' must be 1 or more, 'price_per_hour' and 'watts' not negative");
  SMOL_RETURN_IF_ERROR(fields.finish());
  return instance;
}

bool uses_device(const Plan& plan) { return plan.predicted && !plan.predicted->shares_host_cores; }

}  // namespace

Result<Prices> parse_prices(std::string_view yaml) {
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(yaml, "price file"));
  Prices prices;
  YamlFields fields(root, "price file");
  int format = 0;
  fields.require("format", format);
  fields.read("currency", prices.currency);
  fields.read("date", prices.date);
  fields.read("source", prices.source);
  const YAML::Node instances = fields.child("instances");
  if (fields.ok() && format != 1) fields.fail(root, fmt::format("'format' must be 1: {}", format));
  if (fields.ok() && (!instances.IsDefined() || !instances.IsSequence() || instances.size() == 0))
    fields.fail(root, "'instances' must list at least one machine");
  SMOL_RETURN_IF_ERROR(fields.finish());
  for (const auto& node : instances) {
    SMOL_ASSIGN_OR_RETURN(Instance instance, parse_instance(node, prices.instances.size()));
    prices.instances.push_back(std::move(instance));
  }
  return prices;
}

Result<Prices> load_prices(const std::string& path) {
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  Result<Prices> prices = parse_prices(text);
  if (prices.ok()) return prices;
  Error error = prices.error();
  error.message += ": " + path;
  return error;
}

Result<Instance> Prices::find(const std::string& name) const {
  if (name.empty()) return instances.front();
  std::string known;
  for (const Instance& instance : instances) {
    if (instance.name == name) return instance;
    known += (known.empty() ? "" : ", ") + instance.name;
  }
  return Error{ErrorCode::kNotFound, fmt::format("the price file has no instance '{}'; it has: {}", name, known)};
}

PlanCost cost_of(const Plan& plan, const Instance& instance, int cores, double overlap_exponent) {
  PlanCost cost;
  cost.extrapolated = cores != instance.vcpus;
  cost.items_per_s = plan.throughput();
  const double scale = cores > 0 ? static_cast<double>(instance.vcpus) / cores : 1;
  if (!uses_device(plan)) {
    cost.items_per_s *= scale;
  } else if (cost.extrapolated && plan.predicted->preprocess > 0) {
    PlanRates rates;
    rates.shares_host_cores = false;
    rates.stages = {{plan.predicted->dnn_only, plan.predicted->preprocess * scale, 0, 1}};
    const double unlinked = predict(rates, overlap_exponent).throughput;
    const bool link_is_full = plan.predicted->bottleneck == "link";
    cost.items_per_s = link_is_full ? std::min(unlinked, plan.predicted->throughput) : unlinked;
  }
  if (cost.items_per_s <= 0) return cost;
  const double hours_per_million = 1e6 / cost.items_per_s / 3600;
  cost.price_per_million = instance.price_per_hour * hours_per_million;
  cost.kwh_per_million = instance.watts / 1000 * hours_per_million;
  return cost;
}

bool can_run_on(const Plan& plan, const Instance& instance) { return !uses_device(plan) || !instance.accelerator.empty(); }

}  // namespace smol
