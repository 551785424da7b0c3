// The program: a flat list of operations over numbered values, as Python lowered it. Plain data; docs/architecture.md describes
// the dictionary it comes from.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/types.hpp"
#include "ops/host.hpp"

namespace steepest {

struct ParameterSpec {
    std::string name;
    std::vector<index_t> shape;
    double l1 = 0.0;          // adds l1 * sign(w) to the gradient and l1 * sum|w| to the loss
    double l2 = 0.0;          // adds l2 * w to the gradient and 0.5 * l2 * sum(w^2) to the loss
    double rate_scale = 1.0;  // multiplies the learning rate
    double max_norm = 0.0;    // bound of a column's Euclidean norm after each update; 0: none
    bool decay = false;       // takes part in decoupled weight decay
    bool trainable = true;

    index_t rows() const { return shape.size() == 2 ? shape[0] : 1; }
    index_t cols() const { return shape.back(); }
    index_t size() const { return rows() * cols(); }
};

struct StateSpec {
    std::string name;
    index_t size = 0;
};

struct OperationSpec {
    std::string kind;
    std::string layer;
    std::vector<int> inputs;
    int output = -1;
    std::vector<int> parameters;
    std::vector<int> states;
    std::map<std::string, double> numbers;
    std::map<std::string, std::string> words;
    std::map<std::string, std::vector<double>> lists;
    std::shared_ptr<HostFunction> host;  // of kind "host"

    double number(const std::string& key) const;
    double number_or(const std::string& key, double otherwise) const;
    const std::string& word(const std::string& key) const;
};

struct Program {
    std::vector<index_t> values;  // width of every value; value 0 is the input
    std::vector<ParameterSpec> parameters;
    std::vector<StateSpec> states;
    std::vector<OperationSpec> operations;
    int output = -1;

    // Throws std::invalid_argument where a number points nowhere, a value is read before it is written or written twice.
    void validate() const;
    // Which values need a gradient: those that some trainable parameter, or the input if asked for, flows into.
    std::vector<bool> needs_gradient(bool input_gradient) const;
    // Multiplications and additions of one row's pass through the matrix products; training counts both gradients.
    double flops_per_row(bool training) const;
};

}  // namespace steepest
