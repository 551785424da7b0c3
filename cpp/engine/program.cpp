#include "engine/program.hpp"

#include "core/check.hpp"

namespace steepest {

namespace {

bool index_ok(int i, std::size_t n) { return i >= 0 && std::size_t(i) < n; }

void check_operation(const Program& program, const OperationSpec& op, const std::vector<bool>& written) {
    require(!op.inputs.empty(), "program: operation '", op.kind, "' of layer '", op.layer, "' has no inputs");
    for (const int v : op.inputs)
        require(index_ok(v, program.values.size()) && written[std::size_t(v)], "program: operation '", op.kind,
                "' of layer '", op.layer, "' reads value ", v, " before it is written");
    require(index_ok(op.output, program.values.size()) && !written[std::size_t(op.output)], "program: operation '",
            op.kind, "' of layer '", op.layer, "' writes value ", op.output, ", which is unknown or written already");
    for (const int p : op.parameters)
        require(index_ok(p, program.parameters.size()), "program: unknown parameter number ", p);
    for (const int s : op.states) require(index_ok(s, program.states.size()), "program: unknown state number ", s);
}

}  // namespace

double OperationSpec::number(const std::string& key) const {
    const auto found = numbers.find(key);
    require(found != numbers.end(), "program: operation '", kind, "' of layer '", layer, "' lacks the number '", key,
            "'");
    return found->second;
}

double OperationSpec::number_or(const std::string& key, double otherwise) const {
    const auto found = numbers.find(key);
    return found == numbers.end() ? otherwise : found->second;
}

const std::string& OperationSpec::word(const std::string& key) const {
    const auto found = words.find(key);
    require(found != words.end(), "program: operation '", kind, "' of layer '", layer, "' lacks the word '", key, "'");
    return found->second;
}

void Program::validate() const {
    // So that no product of a width, a height and an element's size can overflow.
    constexpr index_t widest = index_t(1) << 31, most = index_t(1) << 48;
    require(!values.empty(), "program: 'values' is empty; value 0 is the input");
    for (const index_t width : values)
        require(width >= 1 && width <= widest, "program: a value has width ", width, "; 1 to ", widest, " is accepted");
    for (const auto& p : parameters) {
        require(p.shape.size() == 1 || p.shape.size() == 2, "program: parameter '", p.name, "' has ", p.shape.size(),
                " dimensions; 1 or 2 are accepted");
        for (const index_t n : p.shape)
            require(n >= 1 && n <= widest, "program: parameter '", p.name, "' has a dimension of ", n, "; 1 to ",
                    widest, " is accepted");
        require(p.size() <= most, "program: parameter '", p.name, "' has ", p.size(), " elements; at most ", most,
                " are accepted");
        require(p.l1 >= 0.0 && p.l2 >= 0.0, "program: parameter '", p.name, "' has a penalty below zero or NaN");
    }
    for (const auto& s : states)
        require(s.size >= 1 && s.size <= widest, "program: state '", s.name, "' has size ", s.size);
    std::vector<bool> written(values.size(), false);
    written[0] = true;
    std::vector<bool> used(parameters.size(), false);
    for (const auto& op : operations) {
        check_operation(*this, op, written);
        written[std::size_t(op.output)] = true;
        // Each operation would write the whole gradient of a shared parameter, and update it.
        for (const int p : op.parameters) {
            require(!used[std::size_t(p)], "program: parameter '", parameters[std::size_t(p)].name,
                    "' belongs to two operations");
            used[std::size_t(p)] = true;
        }
    }
    require(index_ok(output, values.size()) && written[std::size_t(output)], "program: output value ", output,
            " is never written");
}

std::vector<bool> Program::needs_gradient(bool input_gradient) const {
    std::vector<bool> needs(values.size(), false);
    needs[0] = input_gradient;
    for (const auto& op : operations) {
        bool flows = false;
        for (const int v : op.inputs) flows = flows || needs[std::size_t(v)];
        for (const int p : op.parameters) flows = flows || parameters[std::size_t(p)].trainable;
        needs[std::size_t(op.output)] = flows;
    }
    // The loss hands its gradient over even when nothing upstream learns.
    needs[std::size_t(output)] = true;
    return needs;
}

double Program::flops_per_row(bool training) const {
    double flops = 0.0;
    for (const auto& op : operations) {
        for (const int p : op.parameters) {
            const auto& spec = parameters[std::size_t(p)];
            if (spec.shape.size() != 2) continue;
            // The first layer passes no gradient on to its input.
            const double passes = !training ? 1.0 : op.inputs[0] == 0 ? 2.0 : 3.0;
            flops += passes * 2.0 * double(spec.size());
        }
    }
    return flops;
}

}  // namespace steepest
