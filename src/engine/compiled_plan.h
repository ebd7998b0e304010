#pragma once
#include <memory>

#include "smol/session.h"

namespace smol {

/// What compile() makes: everything a run of one plan needs except threads.
struct CompiledPlan::State {
  Plan plan;
  ModelCard card;
  OutputSpec picture;  ///< what host workers write into a slot
  std::unique_ptr<ModelInstance> instance;
  std::unique_ptr<const TaskHead> head;
  std::string versions;                 ///< of all that decodes or infers: rows made with others are others
  FailOn fail_on = FailOn::kTruncated;  ///< of the options it was compiled with: rows made with another are others
  std::optional<std::array<std::uint8_t, 3>> background;  ///< likewise
  int host_workers = 1, streams = 1, slots = 1;           ///< resolved: no zeros
  bool shares_host_cores = true;
  bool separate_memory = false;
};

}  // namespace smol
