#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sstream>

#include "base/text_file.h"
#include "base/yaml_fields.h"
#include "smol/plan.h"

namespace smol {
namespace {

using UserOperators = std::vector<std::shared_ptr<const UserOperator>>;

// Enough digits to read back the same double.
std::string number(double value) { return fmt::format("{}", value); }

void emit_estimate(YAML::Emitter& out, const char* key, const Estimate& estimate) {
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq << number(estimate.value) << number(estimate.low)
      << number(estimate.high) << YAML::EndSeq;
}

void emit_number(YAML::Emitter& out, const char* key, double value) {
  if (value > 0) out << YAML::Key << key << YAML::Value << number(value);
}

void emit_prediction(YAML::Emitter& out, const PlanPrediction& predicted) {
  out << YAML::Key << "predicted" << YAML::Value << YAML::BeginMap;
  emit_number(out, "throughput", predicted.throughput);
  emit_number(out, "minimum", predicted.minimum);
  emit_number(out, "sum", predicted.sum);
  emit_number(out, "dnn_only", predicted.dnn_only);
  emit_number(out, "preprocess", predicted.preprocess);
  if (!predicted.shares_host_cores) out << YAML::Key << "shares_host_cores" << YAML::Value << false;
  emit_number(out, "latency_us", predicted.latency_us);
  out << YAML::Key << "bottleneck" << YAML::Value << YamlText{predicted.bottleneck} << YAML::EndMap;
}

void emit_measurement(YAML::Emitter& out, const PlanMeasurement& measured) {
  out << YAML::Key << "measured" << YAML::Value << YAML::BeginMap;
  emit_estimate(out, "throughput", measured.throughput);
  emit_number(out, "preprocess_throughput", measured.preprocess_throughput);
  emit_number(out, "infer_throughput", measured.infer_throughput);
  emit_number(out, "latency_us", measured.latency_us);
  if (measured.accuracy) emit_estimate(out, "accuracy", *measured.accuracy);
  if (measured.agreement) out << YAML::Key << "agreement" << YAML::Value << true;
  out << YAML::Key << "items" << YAML::Value << measured.num_items;
  if (measured.held_out_accuracy) {
    emit_estimate(out, "held_out_accuracy", *measured.held_out_accuracy);
    out << YAML::Key << "held_out_items" << YAML::Value << measured.num_held_out;
  }
  if (measured.accuracy_change) emit_estimate(out, "accuracy_change", *measured.accuracy_change);
  if (measured.max_difference) out << YAML::Key << "max_difference" << YAML::Value << number(*measured.max_difference);
  if (measured.mean_difference) out << YAML::Key << "mean_difference" << YAML::Value << number(*measured.mean_difference);
  if (!measured.undecided_from.empty())
    out << YAML::Key << "undecided_from" << YAML::Value << YamlText{measured.undecided_from};
  if (measured.held_for_calibration) out << YAML::Key << "held_for_calibration" << YAML::Value << true;
  out << YAML::EndMap;
}

void emit_shape(YAML::Emitter& out, const ExecutionShape& shape) {
  out << YAML::Key << "shape" << YAML::Value << YAML::Flow << YAML::BeginMap;
  out << YAML::Key << "batch" << YAML::Value << shape.batch << YAML::Key << "host_workers" << YAML::Value
      << shape.host_workers;
  out << YAML::Key << "streams" << YAML::Value << shape.streams << YAML::Key << "threads_per_stream" << YAML::Value
      << shape.threads_per_stream;
  out << YAML::Key << "slots" << YAML::Value << shape.slots << YAML::Key << "pin_threads" << YAML::Value
      << shape.pin_threads;
  out << YAML::Key << "io_threads" << YAML::Value << shape.io_threads;
  if (shape.latency) out << YAML::Key << "latency" << YAML::Value << true;
  out << YAML::EndMap;
}

void emit_plan(YAML::Emitter& out, const Plan& plan) {
  out << YAML::BeginMap;
  out << YAML::Key << "id" << YAML::Value << YamlText{plan.id};
  out << YAML::Key << "model" << YAML::Value << YamlText{plan.model};
  out << YAML::Key << "model_name" << YAML::Value << YamlText{plan.model_name};
  out << YAML::Key << "model_digest" << YAML::Value << YamlText{plan.model_digest};
  out << YAML::Key << "backend" << YAML::Value << YamlText{plan.backend};
  out << YAML::Key << "precision" << YAML::Value << std::string(name_of(plan.precision));
  out << YAML::Key << "rendition" << YAML::Value << YamlText{plan.rendition};
  out << YAML::Key << "fidelity" << YAML::Value << YamlText{plan.fidelity};
  if (!plan.model.empty()) out << YAML::Key << "pipeline" << YAML::Value << YAML::Literal << to_string(plan.pipeline);
  emit_shape(out, plan.shape);
  if (plan.simulated) out << YAML::Key << "simulated" << YAML::Value << true;
  if (plan.predicted) emit_prediction(out, *plan.predicted);
  if (plan.measured) emit_measurement(out, *plan.measured);
  out << YAML::EndMap;
}

void emit_decision(YAML::Emitter& out, const Decision& decision) {
  if (decision == Decision{}) return;
  out << YAML::Key << "decision" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "constraint" << YAML::Value << YamlText{decision.constraint};
  out << YAML::Key << "met" << YAML::Value << decision.met;
  out << YAML::Key << "reason" << YAML::Value << YamlText{decision.reason};
  const auto emit = [&out](const char* key, const std::optional<double>& value) {
    if (value) out << YAML::Key << key << YAML::Value << number(*value);
  };
  emit("min_accuracy", decision.min_accuracy);
  emit("min_throughput", decision.min_throughput);
  emit("max_latency_ms", decision.max_latency_ms);
  emit("max_cost", decision.max_cost);
  out << YAML::EndMap;
}

void emit_plans(YAML::Emitter& out, const char* key, const std::vector<Plan>& plans) {
  out << YAML::Key << key << YAML::Value << YAML::BeginSeq;
  for (const Plan& plan : plans) emit_plan(out, plan);
  out << YAML::EndSeq;
}

Result<Estimate> parse_estimate(const YAML::Node& node) {
  std::vector<double> values;
  try {
    values = node.as<std::vector<double>>();
  } catch (const YAML::Exception&) {
  }
  if (values.size() != 3) return Error{ErrorCode::kInvalidArgument, "an estimate is [value, low, high]"};
  return Estimate{values[0], values[1], values[2]};
}

/// All three numbers must lie between `least` and `most`, in order.
std::optional<Estimate> read_estimate(YamlFields& fields, const char* key, double least, double most) {
  if (!fields.has(key)) return std::nullopt;
  Result<Estimate> estimate = parse_estimate(fields.child(key));
  constexpr double kRounding = 1e-9;
  const bool in_order = estimate.ok() && least - kRounding <= estimate->low &&
                        estimate->low <= estimate->value + kRounding && estimate->value <= estimate->high + kRounding &&
                        estimate->high <= most + kRounding;
  if (in_order) return *estimate;
  if (estimate.ok()) {
    estimate = Error{ErrorCode::kInvalidArgument,
                     fmt::format("must be [value, low, high] with {} <= low <= value <= high <= {}: [{}, {}, {}]", least,
                                 most, estimate->value, estimate->low, estimate->high)};
  }
  fields.fail(fields.child(key), estimate.error().message);
  return std::nullopt;
}

std::optional<double> read_optional(YamlFields& fields, const char* key) {
  if (!fields.has(key)) return std::nullopt;
  double value = 0;
  fields.read(key, value);
  return value;
}

Result<PlanPrediction> parse_prediction(const YAML::Node& node, const std::string& where) {
  PlanPrediction predicted;
  YamlFields fields(node, where + ", predicted");
  fields.read("throughput", predicted.throughput);
  fields.read("minimum", predicted.minimum);
  fields.read("sum", predicted.sum);
  fields.read("dnn_only", predicted.dnn_only);
  fields.read("preprocess", predicted.preprocess);
  fields.read("shares_host_cores", predicted.shares_host_cores);
  fields.read("latency_us", predicted.latency_us);
  fields.read("bottleneck", predicted.bottleneck);
  SMOL_RETURN_IF_ERROR(fields.finish());
  return predicted;
}

Result<PlanMeasurement> parse_measurement(const YAML::Node& node, const std::string& where) {
  PlanMeasurement measured;
  YamlFields fields(node, where + ", measured");
  measured.throughput = read_estimate(fields, "throughput", 0, std::numeric_limits<double>::max()).value_or(Estimate{});
  measured.accuracy = read_estimate(fields, "accuracy", 0, 1);
  measured.held_out_accuracy = read_estimate(fields, "held_out_accuracy", 0, 1);
  measured.accuracy_change = read_estimate(fields, "accuracy_change", -2, 2);
  measured.max_difference = read_optional(fields, "max_difference");
  measured.mean_difference = read_optional(fields, "mean_difference");
  fields.read("held_out_items", measured.num_held_out);
  fields.read("undecided_from", measured.undecided_from);
  fields.read("held_for_calibration", measured.held_for_calibration);
  fields.read("latency_us", measured.latency_us);
  fields.read("preprocess_throughput", measured.preprocess_throughput);
  fields.read("infer_throughput", measured.infer_throughput);
  fields.read("agreement", measured.agreement);
  fields.read("items", measured.num_items);
  SMOL_RETURN_IF_ERROR(fields.finish());
  return measured;
}

Result<ExecutionShape> parse_shape(const YAML::Node& node, const std::string& where) {
  ExecutionShape shape;
  YamlFields fields(node, where + ", shape");
  fields.read("batch", shape.batch);
  fields.read("host_workers", shape.host_workers);
  fields.read("streams", shape.streams);
  fields.read("threads_per_stream", shape.threads_per_stream);
  fields.read("slots", shape.slots);
  fields.read("pin_threads", shape.pin_threads);
  fields.read("io_threads", shape.io_threads);
  fields.read("latency", shape.latency);
  SMOL_RETURN_IF_ERROR(fields.finish());
  return shape;
}

Result<Plan> parse_plan(const YAML::Node& node, const std::string& where, const UserOperators& user_operators) {
  Plan plan;
  YamlFields fields(node, where);
  std::string pipeline;
  fields.require("id", plan.id);
  fields.read("model", plan.model);
  fields.read("model_name", plan.model_name);
  fields.read("model_digest", plan.model_digest);
  fields.read("backend", plan.backend);
  fields.read_word("precision", plan.precision, parse_precision);
  fields.read("rendition", plan.rendition);
  fields.read("fidelity", plan.fidelity);
  fields.read("pipeline", pipeline);
  fields.read("simulated", plan.simulated);
  if (fields.has("shape")) {
    SMOL_ASSIGN_OR_RETURN(plan.shape, parse_shape(fields.child("shape"), where));
  }
  if (fields.has("predicted")) {
    SMOL_ASSIGN_OR_RETURN(plan.predicted, parse_prediction(fields.child("predicted"), where));
  }
  if (fields.has("measured")) {
    SMOL_ASSIGN_OR_RETURN(plan.measured, parse_measurement(fields.child("measured"), where));
  }
  // A plan from a profile alone has no model file and no pipeline; one that can run has both.
  if (fields.ok() && pipeline.empty() != plan.model.empty()) fields.fail(node, "missing key 'pipeline'");
  SMOL_RETURN_IF_ERROR(fields.finish());
  if (pipeline.empty()) return plan;
  SMOL_ASSIGN_OR_RETURN(plan.pipeline, parse_physical_pipeline(pipeline, user_operators));
  return plan;
}

Result<Decision> parse_decision(const YAML::Node& node) {
  Decision decision;
  YamlFields fields(node, "plan file, decision");
  fields.read("constraint", decision.constraint);
  fields.read("met", decision.met);
  fields.read("reason", decision.reason);
  decision.min_accuracy = read_optional(fields, "min_accuracy");
  decision.min_throughput = read_optional(fields, "min_throughput");
  decision.max_latency_ms = read_optional(fields, "max_latency_ms");
  decision.max_cost = read_optional(fields, "max_cost");
  SMOL_RETURN_IF_ERROR(fields.finish());
  return decision;
}

Status parse_plan_list(const YAML::Node& node, const std::string& name, const UserOperators& user_operators,
                       std::vector<Plan>& plans) {
  if (!node.IsDefined() || node.IsNull()) return {};
  if (!node.IsSequence()) return Error{ErrorCode::kInvalidArgument, "`" + name + "` must be a list of plans"};
  for (const auto& entry : node) {
    SMOL_ASSIGN_OR_RETURN(Plan plan, parse_plan(entry, fmt::format("{}[{}]", name, plans.size()), user_operators));
    plans.push_back(std::move(plan));
  }
  return {};
}

}  // namespace

std::string to_yaml(const PlanSet& plans) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "format" << YAML::Value << PlanSet::kFormat;
  out << YAML::Key << "machine" << YAML::Value << YamlText{plans.machine};
  if (plans.cores > 0) out << YAML::Key << "cores" << YAML::Value << plans.cores;
  out << YAML::Key << "smol_version" << YAML::Value << YamlText{plans.smol_version};
  out << YAML::Key << "date" << YAML::Value << YamlText{plans.date} << YAML::Key << "dataset" << YAML::Value
      << YamlText{plans.dataset};
  if (!plans.reference_rendition.empty())
    out << YAML::Key << "reference_rendition" << YAML::Value << YamlText{plans.reference_rendition};
  out << YAML::Key << "calibration" << YAML::Value << YamlText{plans.calibration};
  out << YAML::Key << "accuracy_kind" << YAML::Value << YamlText{plans.accuracy_kind};
  if (!plans.held_out.empty()) out << YAML::Key << "held_out" << YAML::Value << YamlText{plans.held_out};
  out << YAML::Key << "chosen" << YAML::Value << YamlText{plans.chosen};
  emit_decision(out, plans.decision);
  emit_number(out, "planning_seconds", plans.planning_seconds);
  emit_number(out, "overlap_exponent", plans.overlap_exponent);
  emit_plans(out, "plans", plans.plans);
  emit_plans(out, "dominated", plans.dominated);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

Result<PlanSet> parse_plans(std::string_view yaml, const UserOperators& user_operators) {
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(yaml, "plan file"));
  PlanSet plans;
  YamlFields fields(root, "plan file");
  int format = 0;
  fields.require("format", format);
  if (fields.ok() && (format < 1 || format > PlanSet::kFormat)) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("this version reads plan files of formats 1 to {}; plan again: format {}", PlanSet::kFormat, format)};
  }
  fields.read("machine", plans.machine);
  fields.read("cores", plans.cores);
  fields.read("smol_version", plans.smol_version);
  fields.read("date", plans.date);
  fields.read("dataset", plans.dataset);
  fields.read("reference_rendition", plans.reference_rendition);
  fields.read("calibration", plans.calibration);
  fields.read("accuracy_kind", plans.accuracy_kind);
  fields.read("held_out", plans.held_out);
  fields.read("chosen", plans.chosen);
  fields.read("planning_seconds", plans.planning_seconds);
  fields.read("overlap_exponent", plans.overlap_exponent);
  if (fields.has("decision")) {
    SMOL_ASSIGN_OR_RETURN(plans.decision, parse_decision(fields.child("decision")));
  }
  const YAML::Node frontier = fields.child("plans"), dominated = fields.child("dominated");
  SMOL_RETURN_IF_ERROR(fields.finish());
  SMOL_RETURN_IF_ERROR(parse_plan_list(frontier, "plans", user_operators, plans.plans));
  SMOL_RETURN_IF_ERROR(parse_plan_list(dominated, "dominated", user_operators, plans.dominated));
  if (plans.plans.empty()) return Error{ErrorCode::kInvalidArgument, "a plan file needs at least one entry in `plans`"};
  return plans;
}

Result<PlanSet> load_plans(const std::string& path, const UserOperators& user_operators) {
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  Result<PlanSet> plans = parse_plans(text, user_operators);
  if (!plans.ok()) {
    Error error = plans.error();
    error.message += ": " + path;
    return error;
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  for (std::vector<Plan>* list : {&plans->plans, &plans->dominated}) {
    for (Plan& plan : *list) {
      if (!plan.model.empty() && !std::filesystem::path(plan.model).is_absolute())
        plan.model = (folder / plan.model).lexically_normal().string();
    }
  }
  if (!plans->dataset.empty() && !std::filesystem::path(plans->dataset).is_absolute())
    plans->dataset = (folder / plans->dataset).lexically_normal().string();
  return plans;
}

Status save_plans(const PlanSet& plans, const std::string& path) {
  PlanSet relative = plans;
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::absolute(path, ignored).parent_path();
  const auto beside_plans = [&](const std::string& name) {
    return std::filesystem::absolute(name, ignored).lexically_normal().lexically_proximate(folder).string();
  };
  for (std::vector<Plan>* list : {&relative.plans, &relative.dominated}) {
    for (Plan& plan : *list) {
      if (!plan.model.empty()) plan.model = beside_plans(plan.model);
    }
  }
  if (!plans.dataset.empty()) relative.dataset = beside_plans(plans.dataset);
  return write_text_file(path, to_yaml(relative));
}

}  // namespace smol
