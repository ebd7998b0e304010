#include "planner/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/statistics.h"

namespace smol {
namespace {

using Plans = std::vector<const Plan*>;

bool has_accuracy(const Plan& plan) { return plan.measured && plan.measured->accuracy; }
double accuracy_of(const Plan& plan) { return has_accuracy(plan) ? plan.measured->accuracy->value : 0; }
double latency_ms(const Plan& plan) {
  if (plan.measured && plan.measured->latency_us > 0) return plan.measured->latency_us / 1000;
  return plan.predicted ? plan.predicted->latency_us / 1000 : 0;
}

std::string accuracy_text(const Plan& plan) {
  if (!has_accuracy(plan)) return "accuracy not measured";
  const Estimate& accuracy = *plan.measured->accuracy;
  return fmt::format("{} {:.1f} % ({:.1f}-{:.1f})", plan.measured->agreement ? "agreement" : "accuracy",
                     100 * accuracy.value, 100 * accuracy.low, 100 * accuracy.high);
}

const Plan* best(const Plans& plans, const std::function<double(const Plan&)>& value) {
  return *std::max_element(plans.begin(), plans.end(), [&](const Plan* a, const Plan* b) { return value(*a) < value(*b); });
}

// The most accurate, of equal ones the fastest.
const Plan* most_accurate(const Plans& plans) {
  return *std::max_element(plans.begin(), plans.end(), [](const Plan* a, const Plan* b) {
    return std::pair(accuracy_of(*a), a->throughput()) < std::pair(accuracy_of(*b), b->throughput());
  });
}

const Plan* fastest(const Plans& plans) {
  return *std::max_element(plans.begin(), plans.end(), [](const Plan* a, const Plan* b) {
    return std::pair(a->throughput(), accuracy_of(*a)) < std::pair(b->throughput(), accuracy_of(*b));
  });
}

std::string words_of(const PlanOptions& options) {
  std::string words;
  const auto add = [&words](std::string text) { words += (words.empty() ? "" : ", ") + text; };
  if (options.min_accuracy) add(fmt::format("accuracy at least {:g}", *options.min_accuracy));
  if (options.min_throughput) add(fmt::format("at least {:g} items/s", *options.min_throughput));
  if (options.max_latency_ms) add(fmt::format("latency at most {:g} ms", *options.max_latency_ms));
  if (options.max_cost) {
    add(fmt::format("at most {:g} a million items on {}", *options.max_cost,
                    options.instance ? options.instance->name : "?"));
  }
  return words;
}

// Filters `plans`, or says why none is left.
std::string keep(Plans& plans, const std::function<bool(const Plan&)>& meets, const std::function<std::string()>& refusal) {
  Plans kept;
  std::copy_if(plans.begin(), plans.end(), std::back_inserter(kept), [&](const Plan* plan) { return meets(*plan); });
  if (kept.empty()) return refusal();
  plans = std::move(kept);
  return "";
}

std::string refuse_throughput(const Plans& plans, double wanted, const SelectionFacts& facts) {
  const Plan& plan = *fastest(plans);
  std::string text = fmt::format("no plan reaches {:g} items/s", wanted);
  if (facts.ceiling_per_s > 0 && facts.ceiling_per_s < wanted) {
    text += fmt::format("; preprocessing alone reaches {:.1f} at most ({}), so no model can, however fast",
                        facts.ceiling_per_s, facts.ceiling_name);
  }
  return text + fmt::format("; the most that can be had is {:.1f} items/s: {}, {}", plan.throughput(), plan.id,
                            accuracy_text(plan));
}

std::string refuse_accuracy(const Plans& plans, double wanted, const SelectionFacts& facts) {
  Plans with;
  std::copy_if(plans.begin(), plans.end(), std::back_inserter(with), [](const Plan* plan) { return has_accuracy(*plan); });
  if (with.empty()) return "no plan's accuracy could be measured, so none can be asked for";
  const Plan& plan = *best(with, [](const Plan& p) { return p.measured->accuracy->value; });
  const Plan& hopeful = *best(with, [](const Plan& p) { return p.measured->accuracy->high; });
  const Plan& sure = *best(with, [](const Plan& p) { return p.measured->accuracy->low; });
  const std::string nearest = fmt::format("; what the data support is {:.3f}: {}, {}, {:.1f} items/s",
                                          sure.measured->accuracy->low, sure.id, accuracy_text(sure), sure.throughput());
  if (hopeful.measured->accuracy->high < wanted) {
    return fmt::format("no plan reaches accuracy {:g}; the most accurate is {}, {}, at {:.1f} items/s{}", wanted, plan.id,
                       accuracy_text(plan), plan.throughput(), nearest);
  }
  const std::int64_t needed = labels_needed(plan.measured->accuracy->value, wanted) - plan.measured->num_items;
  const char* what = facts.agreement ? "items to calibrate on" : "labels";
  if (plan.measured->accuracy->value > wanted && needed > 0) {
    return fmt::format("undecided, needs about {} more {}: {} has {}, and the interval's lower end must reach {:g}{}",
                       needed, what, plan.id, accuracy_text(plan), wanted, nearest);
  }
  return fmt::format("undecided: {} has {}; more {} would tell, more likely that it does not reach {:g}{}", plan.id,
                     accuracy_text(plan), what, wanted, nearest);
}

// All constraints but the accuracy, which is last. Returns why nothing is left, or nothing.
std::string apply_limits(Plans& plans, const PlanOptions& options, const SelectionFacts& facts) {
  if (options.min_throughput) {
    const double wanted = *options.min_throughput;
    std::string refusal = keep(
        plans, [&](const Plan& plan) { return plan.throughput() >= wanted; },
        [&] { return refuse_throughput(plans, wanted, facts); });
    if (!refusal.empty()) return refusal;
  }
  if (options.max_latency_ms) {
    const double wanted = *options.max_latency_ms;
    std::string refusal = keep(
        plans, [&](const Plan& plan) { return latency_ms(plan) > 0 && latency_ms(plan) <= wanted; },
        [&] {
          const Plan& plan = *best(plans, [](const Plan& p) { return latency_ms(p) > 0 ? -latency_ms(p) : -1e300; });
          return fmt::format("no plan answers within {:g} ms; the quickest takes {:.2f} ms: {}, {}", wanted,
                             latency_ms(plan), plan.id, accuracy_text(plan));
        });
    if (!refusal.empty()) return refusal;
  }
  if (options.max_cost && options.instance) {
    const double wanted = *options.max_cost;
    std::string stranded = keep(
        plans, [&](const Plan& plan) { return can_run_on(plan, *options.instance); },
        [&] { return fmt::format("every plan needs an accelerator, and {} has none", options.instance->name); });
    if (!stranded.empty()) return stranded;
    const auto price = [&](const Plan& plan) {
      return cost_of(plan, *options.instance, facts.cores, facts.overlap_exponent).price_per_million;
    };
    std::string refusal = keep(
        plans, [&](const Plan& plan) { return price(plan) <= wanted; },
        [&] {
          const Plan& plan = *best(plans, [&](const Plan& p) { return -price(p); });
          return fmt::format("no plan costs at most {:g} a million items on {}; the cheapest costs {:.4g}: {}, {}", wanted,
                             options.instance->name, price(plan), plan.id, accuracy_text(plan));
        });
    if (!refusal.empty()) return refusal;
  }
  return "";
}

}  // namespace

std::int64_t labels_needed(double estimate, double wanted) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (estimate <= wanted) return 0;
  const auto reaches = [&](std::int64_t n) {
    return wilson_interval(static_cast<std::int64_t>(estimate * static_cast<double>(n)), n).first >= wanted;
  };
  std::int64_t low = 0, high = 1;
  while (!reaches(high)) {
    if (high >= kMost) return 0;
    low = high;
    high *= 2;
  }
  while (high - low > std::max<std::int64_t>(1, high / 100)) {
    const std::int64_t middle = low + (high - low) / 2;
    (reaches(middle) ? high : low) = middle;
  }
  return high;
}

Selection select(const std::vector<Plan>& all, const PlanOptions& options, const SelectionFacts& facts) {
  Selection selection;
  selection.decision.constraint = words_of(options);
  selection.decision.min_accuracy = options.min_accuracy;
  selection.decision.min_throughput = options.min_throughput;
  selection.decision.max_latency_ms = options.max_latency_ms;
  selection.decision.max_cost = options.max_cost;
  Plans plans;
  for (const Plan& plan : all) plans.push_back(&plan);
  const auto refuse = [&selection](std::string why) {
    selection.decision.met = false;
    selection.decision.reason = std::move(why);
    return selection;
  };
  if (plans.empty()) return refuse("there is no plan to choose from");
  if (std::string why = apply_limits(plans, options, facts); !why.empty()) return refuse(std::move(why));
  if (options.min_accuracy) {
    const double wanted = *options.min_accuracy;
    std::string why = keep(
        plans, [&](const Plan& plan) { return has_accuracy(plan) && plan.measured->accuracy->low >= wanted; },
        [&] { return refuse_accuracy(plans, wanted, facts); });
    if (!why.empty()) return refuse(std::move(why));
    selection.chosen = fastest(plans)->id;
    selection.decision.reason = "the fastest of which the data say so: the lower end of its interval reaches it";
  } else if (!selection.decision.constraint.empty()) {
    selection.chosen = most_accurate(plans)->id;
    selection.decision.reason = "the most accurate that meets it";
  } else {
    selection.chosen = fastest(plans)->id;
    selection.decision.reason = "the fastest, as nothing was asked for";
  }
  return selection;
}

}  // namespace smol
