// smol/plan.h: plans and plan files.
#include "smol/session.h"

#include "binding.h"
#include "planner/report/report.h"
#include "smol/profile.h"

namespace smol::python {

namespace {

using Triple = std::tuple<double, double, double>;

Triple triple(const Estimate& estimate) { return {estimate.value, estimate.low, estimate.high}; }

Plan reshaped(const Plan& plan, int batch, int host_workers, int streams, std::optional<bool> latency) {
  Plan changed = plan;
  if (batch > 0) changed.shape.batch = batch;
  if (host_workers > 0) changed.shape.host_workers = host_workers;
  if (streams > 0) changed.shape.streams = streams;
  if (!latency) return changed;
  changed.shape.latency = *latency;
  if (*latency && batch == 0) changed.shape.batch = 1;
  if (*latency && streams == 0) changed.shape.streams = 0;
  return changed;
}

// `profile`: path of one.
std::string report_on(const PlanSet& plans, const std::optional<std::string>& profile) {
  ReportInput input;
  input.plans = plans;
  if (profile) input.profile = unwrap(load_profile(*profile));
  return report_html(input);
}

void bind_one_plan(nb::module_& module) {
  nb::class_<Plan>(module, "Plan", "One way to run one model over one rendition.")
      .def_ro("id", &Plan::id)
      .def_ro("model", &Plan::model)
      .def_ro("model_name", &Plan::model_name)
      .def_ro("backend", &Plan::backend)
      .def_prop_ro("precision", [](const Plan& plan) { return name_of(plan.precision); })
      .def_ro("rendition", &Plan::rendition)
      .def_ro("fidelity", &Plan::fidelity)
      .def_prop_ro("label", [](const Plan& plan) { return name_of(plan.pipeline.label); })
      .def_prop_ro("pipeline", [](const Plan& plan) { return to_string(plan.pipeline); })
      .def_prop_ro("semantic_hash", &Plan::semantic_hash)
      .def_prop_ro("throughput",
                   [](const Plan& plan) -> std::optional<Triple> {
                     if (!plan.measured || plan.measured->throughput.value <= 0) return std::nullopt;
                     return triple(plan.measured->throughput);
                   })
      .def_prop_ro("accuracy",
                   [](const Plan& plan) -> std::optional<Triple> {
                     if (!plan.measured || !plan.measured->accuracy) return std::nullopt;
                     return triple(*plan.measured->accuracy);
                   })
      .def_prop_ro("held_out_accuracy",
                   [](const Plan& plan) -> std::optional<Triple> {
                     if (!plan.measured || !plan.measured->held_out_accuracy) return std::nullopt;
                     return triple(*plan.measured->held_out_accuracy);
                   })
      .def_prop_ro("predicted_throughput",
                   [](const Plan& plan) -> std::optional<double> {
                     if (!plan.predicted) return std::nullopt;
                     return plan.predicted->throughput;
                   })
      .def_ro("simulated", &Plan::simulated)
      .def_prop_ro("accuracy_is_agreement", [](const Plan& plan) { return plan.measured && plan.measured->agreement; })
      .def_prop_ro("batch", [](const Plan& plan) { return plan.shape.batch; })
      .def_prop_ro("host_workers", [](const Plan& plan) { return plan.shape.host_workers; })
      .def_prop_ro("streams", [](const Plan& plan) { return plan.shape.streams; })
      .def_prop_ro("hint", [](const Plan& plan) { return plan.shape.latency ? "latency" : "throughput"; })
      .def("reshaped", &reshaped, "batch"_a, "host_workers"_a, "streams"_a, "latency"_a.none() = nb::none(),
           "A copy that uses the machine otherwise; 0 and None keep what it has.");
}

void bind_plan_set(nb::module_& module) {
  nb::class_<PlanSet>(module, "PlanSet", "A plan file.")
      .def_ro("machine", &PlanSet::machine)
      .def_ro("smol_version", &PlanSet::smol_version)
      .def_ro("date", &PlanSet::date)
      .def_ro("dataset", &PlanSet::dataset)
      .def_ro("calibration", &PlanSet::calibration)
      .def_ro("accuracy_kind", &PlanSet::accuracy_kind)
      .def_ro("held_out", &PlanSet::held_out)
      .def_ro("chosen", &PlanSet::chosen)
      .def_prop_ro("constraint", [](const PlanSet& plans) { return plans.decision.constraint; })
      .def_prop_ro("constraint_met", [](const PlanSet& plans) { return plans.decision.met; })
      .def_prop_ro("reason", [](const PlanSet& plans) { return plans.decision.reason; })
      .def_ro("planning_seconds", &PlanSet::planning_seconds)
      .def("findings", [](const PlanSet& plans) { return findings(plans); })
      .def_ro("plans", &PlanSet::plans, nb::rv_policy::copy)
      .def_ro("dominated", &PlanSet::dominated, nb::rv_policy::copy)
      .def(
          "find", [](const PlanSet& plans, const std::string& id) { return *unwrap(plans.find(id)); }, "id"_a)
      .def("report", &report_on, "profile"_a.none())
      .def("to_yaml", [](const PlanSet& plans) { return to_yaml(plans); })
      .def(
          "save", [](const PlanSet& plans, const std::string& path) { unwrap(save_plans(plans, path)); }, "path"_a);
}

void bind_profile(nb::module_& module) {
  nb::class_<Profile>(module, "Profile", "A profile file.")
      .def_ro("machine", &Profile::machine)
      .def_ro("cores", &Profile::cores)
      .def_ro("date", &Profile::date)
      .def_ro("overlap_exponents", &Profile::overlap_exponents)
      .def("to_yaml", [](const Profile& profile) { return to_yaml(profile); })
      .def(
          "save", [](const Profile& profile, const std::string& path) { unwrap(save_profile(profile, path)); }, "path"_a);
  module.def(
      "load_profile", [](const std::string& path) { return unwrap(load_profile(path)); }, "path"_a);
  module.def(
      "parse_profile", [](const std::string& yaml) { return unwrap(parse_profile(yaml)); }, "yaml"_a);
}

}  // namespace

void bind_plan(nb::module_& module) {
  bind_one_plan(module);
  bind_profile(module);
  bind_plan_set(module);
  module.def(
      "load_plans",
      [](const std::string& path, const UserOperators& user_operators) { return unwrap(load_plans(path, user_operators)); },
      "path"_a, "user_operators"_a);
  module.def(
      "parse_plans",
      [](const std::string& yaml, const UserOperators& user_operators) { return unwrap(parse_plans(yaml, user_operators)); },
      "yaml"_a, "user_operators"_a);
}

}  // namespace smol::python
