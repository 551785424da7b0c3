// From an operation's description to the object that runs it: the one list of kinds.
#pragma once

#include <memory>

#include "engine/plan_key.hpp"
#include "engine/program.hpp"
#include "ops/operation.hpp"

namespace steepest {

// `input_gradient`: the operation's first input wants its gradient.
template <class T>
std::unique_ptr<Operation<T>> make_operation(const Program& program, const OperationSpec& spec,
                                             const KernelTable<T>& kernels, Failure& failure, const PlanKey& key,
                                             bool input_gradient);

// Throws std::invalid_argument where a kind is unknown, lacks a number, or where its tensors do not fit its values.
void check_operations(const Program& program);

}  // namespace steepest
