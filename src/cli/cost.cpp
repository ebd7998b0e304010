#include <memory>

#include "cli/command.h"

namespace smol::cli {
namespace {

struct CostArguments {
  std::string plans, prices, instance;
  std::int64_t num_items = 0;
};

/// One cell of the table plans x instances.
struct PricedPlan {
  const Plan* plan = nullptr;
  const Instance* instance = nullptr;
  bool can_run = true;
  PlanCost cost;

  [[nodiscard]] bool known() const { return can_run && cost.items_per_s > 0; }
  [[nodiscard]] double hours(std::int64_t num_items) const {
    return static_cast<double>(num_items) / cost.items_per_s / 3600;
  }
  [[nodiscard]] double price(std::int64_t num_items) const {
    return cost.price_per_million * static_cast<double>(num_items) / 1e6;
  }
};

std::vector<PricedPlan> price_all(const PlanSet& plans, const std::vector<Instance>& instances) {
  std::vector<PricedPlan> priced;
  for (const Plan& plan : plans.plans) {
    for (const Instance& instance : instances) {
      priced.push_back(
          {&plan, &instance, can_run_on(plan, instance), cost_of(plan, instance, plans.cores, plans.overlap_exponent)});
    }
  }
  return priced;
}

std::string remark_on(const PricedPlan& priced, int cores) {
  if (!priced.can_run) return "needs an accelerator";
  if (!priced.known()) return "no rate is known";
  if (!priced.cost.extrapolated)
    return priced.plan->measured && priced.plan->measured->throughput.value > 0 ? "" : "predicted";
  return cores > 0 ? fmt::format("extrapolated from {}", counted(cores, "vCPU"))
                   : std::string("as measured: with how many vCPUs is not known");
}

Json answer_of(const std::vector<PricedPlan>& priced, const PlanSet& plans, const Prices& prices,
               const CostArguments& arguments) {
  Json json{{"currency", prices.currency},  {"date", prices.date},   {"source", prices.source},
            {"machine", plans.machine},     {"cores", plans.cores},  {"chosen", plans.chosen},
            {"items", arguments.num_items}, {"costs", Json::array()}};
  for (const PricedPlan& entry : priced) {
    const auto known = [&](double value) { return entry.known() ? Json(value) : Json(nullptr); };
    Json cell{{"plan", entry.plan->id},
              {"instance", entry.instance->name},
              {"simulated", entry.plan->simulated},
              {"needs_accelerator", !entry.can_run},
              {"extrapolated", entry.known() && entry.cost.extrapolated},
              {"items_per_s", known(entry.cost.items_per_s)},
              {"price_per_million", known(entry.cost.price_per_million)},
              {"kwh_per_million", entry.cost.kwh_per_million > 0 ? known(entry.cost.kwh_per_million) : Json(nullptr)}};
    if (arguments.num_items > 0) {
      cell["hours"] = known(entry.hours(arguments.num_items));
      cell["price"] = known(entry.price(arguments.num_items));
    }
    json["costs"].push_back(std::move(cell));
  }
  return json;
}

void print_table(const std::vector<PricedPlan>& priced, const PlanSet& plans, const Prices& prices,
                 const CostArguments& arguments) {
  std::vector<std::vector<std::string>> rows{
      {"", "plan", "instance", "items/s", prices.currency + " a million", "kWh a million"}};
  if (arguments.num_items > 0) {
    rows.front().push_back("hours");
    rows.front().push_back(fmt::format("{} for {}", prices.currency, counted(arguments.num_items, "item")));
  }
  for (const PricedPlan& entry : priced) {
    const auto known = [&](double value) { return entry.known() ? fmt::format("{:.4g}", value) : std::string("-"); };
    std::vector<std::string> row{entry.plan->id == plans.chosen ? "*" : " ",
                                 entry.plan->id + (entry.plan->simulated ? " (simulated)" : ""),
                                 entry.instance->name,
                                 entry.known() ? fmt::format("{:.1f}", entry.cost.items_per_s) : "-",
                                 known(entry.cost.price_per_million),
                                 entry.cost.kwh_per_million > 0 ? known(entry.cost.kwh_per_million) : "-"};
    if (arguments.num_items > 0) {
      row.push_back(known(entry.hours(arguments.num_items)));
      row.push_back(known(entry.price(arguments.num_items)));
    }
    row.push_back(remark_on(entry, plans.cores));
    rows.push_back(std::move(row));
  }
  fmt::print("{}Rates are those of {}{}; other processors have others.\n", format_table(rows),
             plans.machine.empty() ? "a machine that is not known" : plans.machine,
             plans.cores > 0 ? fmt::format(" ({})", counted(plans.cores, "vCPU")) : "");
  if (!prices.source.empty() || !prices.date.empty())
    fmt::print("Prices: {}{}{}.\n", prices.source, prices.source.empty() || prices.date.empty() ? "" : ", ", prices.date);
}

Status run(const CostArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  SMOL_ASSIGN_OR_RETURN(const PlanSet plans, load_plans(arguments.plans, runtime.user_operators));
  SMOL_ASSIGN_OR_RETURN(const Prices prices, load_prices(arguments.prices));
  std::vector<Instance> instances = prices.instances;
  if (!arguments.instance.empty()) {
    const Result<Instance> found = prices.find(arguments.instance);
    if (!found.ok()) return as_usage(found.error());
    instances = {*found};
  }
  const std::vector<PricedPlan> priced = price_all(plans, instances);
  if (context.json) {
    context.answer(answer_of(priced, plans, prices, arguments));
  } else {
    print_table(priced, plans, prices, arguments);
  }
  return {};
}

}  // namespace

void add_cost(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<CostArguments>();
  CLI::App* command =
      program.add_subcommand("cost", "What the plans of a file cost in money and energy, machine by machine");
  command->add_option("PLANS", arguments->plans, "Plan file made by `smol plan`; its frontier is reckoned")->required();
  command->add_option("--prices", arguments->prices, "What machines cost (docs/howto/reckon-costs.md)")->required();
  command->add_option("--instance", arguments->instance, "Only this machine of the price file");
  command->add_option("--items", arguments->num_items, "Also hours and price of so many items")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 52));
  command->footer(
      "Examples:\n  smol cost plans.yaml --prices prices.yaml\n  smol cost plans.yaml --prices prices.yaml --instance "
      "g4dn.xlarge --items 50000000 --json");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
