#pragma once
#include <yaml-cpp/yaml.h>

#include <memory>
#include <string>
#include <vector>

#include "smol/model.h"

namespace smol {

/// The `preprocess` section of a card → its logical pipeline. The section is either the short form (resize, crop, pad, mean,
/// scale) or a list `operators` in order. What the input demands and the list leaves out is added: orient in front; colour,
/// conversion and layout at the end. `card` supplies the input's layout, dtype and colour.
[[nodiscard]] Result<LogicalPipeline> read_card_pipeline(
    const YAML::Node& section, const ModelCard& card, const std::vector<std::shared_ptr<const UserOperator>>& user_operators,
    const std::string& where);

/// The inverse: the short form where the pipeline has its shape, else the list.
void write_card_pipeline(YAML::Emitter& out, const LogicalPipeline& pipeline);

}  // namespace smol
