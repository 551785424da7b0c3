// From an operation's description to the object that runs it: the one list of kinds.
#pragma once

#include <memory>

#include "engine/program.hpp"
#include "ops/operation.hpp"

namespace steepest {

// `gradients`: the plan runs backward too; `input_gradient`: the operation's input wants its gradient.
template <class T>
std::unique_ptr<Operation<T>> make_operation(const Program& program, const OperationSpec& spec,
                                             const KernelTable<T>& kernels, bool gradients, bool input_gradient);

// The activation of that name; throws std::invalid_argument that lists the known ones.
Activation activation_by_name(const std::string& name);

// Throws std::invalid_argument where an operation's tensors do not fit its values.
void check_operations(const Program& program);

}  // namespace steepest
