// Names of the kernels' kinds as programs and Python spell them. Each function throws std::invalid_argument that lists the known names.
#pragma once

#include <string>

#include "kernels/table.hpp"

namespace steepest {

Activation activation_by_name(const std::string& name);
RowFunction row_function_by_name(const std::string& name);
Loss loss_by_name(const std::string& name);
Optimizer optimizer_by_name(const std::string& name);

// Whether y may be class labels, one per row.
bool takes_labels(Loss loss);

}  // namespace steepest
