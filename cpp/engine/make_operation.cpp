#include "engine/make_operation.hpp"

#include "core/check.hpp"
#include "ops/batch_norm.hpp"
#include "ops/dense.hpp"
#include "ops/elementwise.hpp"

namespace steepest {

namespace {

index_t width_in(const Program& program, const OperationSpec& spec) {
    return program.values[std::size_t(spec.inputs[0])];
}
index_t width_out(const Program& program, const OperationSpec& spec) {
    return program.values[std::size_t(spec.output)];
}

void check_counts(const OperationSpec& spec, std::size_t fewest, std::size_t most, std::size_t states) {
    require(spec.inputs.size() == 1, "program: '", spec.kind, "' of layer '", spec.layer, "' takes 1 input, got ",
            spec.inputs.size());
    require(spec.parameters.size() >= fewest && spec.parameters.size() <= most && spec.states.size() == states,
            "program: '", spec.kind, "' of layer '", spec.layer, "' got ", spec.parameters.size(), " parameters and ",
            spec.states.size(), " states");
}

void check_sizes(const Program& program, const OperationSpec& spec) {
    const index_t in = width_in(program, spec);
    const index_t out = width_out(program, spec);
    const auto fits = [&](int p, index_t rows, index_t cols) {
        const auto& parameter = program.parameters[std::size_t(p)];
        require(parameter.rows() == rows && parameter.cols() == cols, "program: parameter '", parameter.name,
                "' has shape (", parameter.rows(), ", ", parameter.cols(), "), layer '", spec.layer, "' needs (", rows,
                ", ", cols, ")");
    };
    if (spec.kind == "dense") {
        fits(spec.parameters[0], in, out);
        if (spec.parameters.size() > 1) fits(spec.parameters[1], 1, out);
        return;
    }
    require(in == out, "program: '", spec.kind, "' of layer '", spec.layer, "' maps width ", in, " to ", out,
            "; both must be equal");
    for (const int p : spec.parameters) fits(p, 1, in);
    for (const int s : spec.states)
        require(program.states[std::size_t(s)].size == in, "program: state '", program.states[std::size_t(s)].name,
                "' has size ", program.states[std::size_t(s)].size, ", layer '", spec.layer, "' needs ", in);
}

}  // namespace

Activation activation_by_name(const std::string& name) {
    for (int i = 0; i < int(Activation::count_); ++i)
        if (name == activation_name(Activation(i))) return Activation(i);
    std::string known;
    for (int i = 0; i < int(Activation::count_); ++i)
        known += std::string(i > 0 ? ", " : "") + activation_name(Activation(i));
    fail("activation: '", name, "' is unknown; accepted: ", known);
}

void check_operations(const Program& program) {
    for (const auto& spec : program.operations) {
        if (spec.kind == "dense") {
            check_counts(spec, 1, 2, 0);
            const Activation f = activation_by_name(spec.word("activation"));
            require(activation_needs(f) != ActivationNeeds::input, "program: dense layer '", spec.layer,
                    "' cannot fuse '", spec.word("activation"), "', whose derivative needs its input");
        } else if (spec.kind == "activation") {
            check_counts(spec, 0, 0, 0);
            activation_by_name(spec.word("activation"));
        } else if (spec.kind == "batch_norm") {
            check_counts(spec, 2, 2, 2);
            require(spec.number("epsilon") > 0.0, "program: epsilon of '", spec.layer, "' must be positive");
            spec.number("momentum");
        } else if (spec.kind == "dropout") {
            check_counts(spec, 0, 0, 0);
            const double rate = spec.number("rate");
            require(rate >= 0.0 && rate < 1.0, "program: rate of '", spec.layer, "' is ", rate, "; [0, 1) is accepted");
            require(spec.number("stream") >= 0.0, "program: stream of '", spec.layer, "' is negative");
        } else {
            fail("program: unknown operation kind '", spec.kind, "'; accepted: dense, activation, batch_norm, dropout");
        }
        check_sizes(program, spec);
    }
}

template <class T>
std::unique_ptr<Operation<T>> make_operation(const Program& program, const OperationSpec& spec,
                                             const KernelTable<T>& kernels, bool gradients, bool input_gradient) {
    if (spec.kind == "dense") {
        const Activation f = activation_by_name(spec.word("activation"));
        auto dense = std::make_unique<Dense<T>>(kernels, f, T(spec.number("alpha")));
        dense->describe(width_in(program, spec), width_out(program, spec), gradients && input_gradient);
        return dense;
    }
    if (spec.kind == "activation")
        return std::make_unique<ActivationOperation<T>>(kernels, activation_by_name(spec.word("activation")),
                                                        T(spec.number("alpha")));
    if (spec.kind == "batch_norm")
        return std::make_unique<BatchNorm<T>>(kernels, width_in(program, spec), spec.number("momentum"),
                                              spec.number("epsilon"));
    return std::make_unique<Dropout<T>>(kernels, spec.number("rate"), std::uint32_t(spec.number("stream")));
}

template std::unique_ptr<Operation<float>> make_operation(const Program&, const OperationSpec&,
                                                          const KernelTable<float>&, bool, bool);
template std::unique_ptr<Operation<double>> make_operation(const Program&, const OperationSpec&,
                                                           const KernelTable<double>&, bool, bool);

}  // namespace steepest
