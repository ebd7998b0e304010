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

/// A list of operators as a card writes them.
[[nodiscard]] Result<std::vector<Operator>> read_operator_list(
    const YAML::Node& list, const std::vector<std::shared_ptr<const UserOperator>>& user_operators,
    const std::string& where);
/// Adds what the card's input demands and the operators leave out.
void complete_operators(std::vector<Operator>& operators, const ModelCard& card);

/// The inverse: the short form where the pipeline has its shape, else the list.
void write_card_pipeline(YAML::Emitter& out, const LogicalPipeline& pipeline);

}  // namespace smol
