#pragma once
/// Prices of machines, and what a million items cost on them (paper, sections 7 and 8.5).

#include <string>
#include <string_view>
#include <vector>

#include "smol/plan.h"
#include "smol/result.h"

namespace smol {

/// A machine that can be hired.
struct Instance {
  std::string name;         ///< "g4dn.xlarge"
  int vcpus = 0;            ///< hardware threads
  std::string accelerator;  ///< name of a device, empty: none. Plans for a device cannot run without one
  double price_per_hour = 0;
  double watts = 0;  ///< of the whole machine under load; 0: not known
  friend bool operator==(const Instance&, const Instance&) = default;
};

/// A price file: `format: 1`, `currency: USD`, `date:`, `source:`, `instances: [{name, vcpus, accelerator, price_per_hour,
/// watts}]`. Prices are the user's: they change too often to come with a program.
struct Prices {
  std::string currency = "USD", date, source;
  std::vector<Instance> instances;  ///< at least one

  /// Empty name: the first. kNotFound lists the names.
  [[nodiscard]] Result<Instance> find(const std::string& name) const;
};
[[nodiscard]] Result<Prices> parse_prices(std::string_view yaml);
[[nodiscard]] Result<Prices> load_prices(const std::string& path);

/// What a plan costs on an instance.
struct PlanCost {
  double items_per_s = 0;        ///< there: rates of the host scale with its vcpus
  bool extrapolated = false;     ///< it has not as many vcpus as the plan was measured with
  double price_per_million = 0;  ///< items
  double kwh_per_million = 0;    ///< 0: watts not known
};
/// `cores`: what the plan's rates were measured with; 0: not known. With another number the host's part scales linearly, and
/// what a device and its link do stays as it is.
[[nodiscard]] PlanCost cost_of(const Plan& plan, const Instance& instance, int cores, double overlap_exponent);

/// Plans for a device of its own need an instance with an accelerator; which one is not compared.
[[nodiscard]] bool can_run_on(const Plan& plan, const Instance& instance);

}  // namespace smol
