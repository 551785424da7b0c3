#include "engine/make_operation.hpp"

#include "core/check.hpp"
#include "engine/names.hpp"
#include "ops/batch_norm.hpp"
#include "ops/dense.hpp"
#include "ops/elementwise.hpp"
#include "ops/pieces.hpp"
#include "ops/routing.hpp"
#include "ops/rowwise.hpp"

namespace steepest {

namespace {

template <class T>
std::unique_ptr<Operation<T>> make_dense(const OperationSpec& spec, const KernelTable<T>& kernels, index_t in,
                                         index_t out, const PlanKey& key, bool input_gradient) {
    auto dense =
        std::make_unique<Dense<T>>(kernels, activation_by_name(spec.word("activation")), T(spec.number("alpha")));
    dense->describe(in, out, key.gradients && input_gradient, !key.gradients && key.capacity <= kRowChunk);
    return dense;
}

template <class T>
std::unique_ptr<Operation<T>> make_select(const OperationSpec& spec, const KernelTable<T>& kernels) {
    std::vector<index_t> columns;
    for (const double c : spec.lists.at("columns")) columns.push_back(index_t(c));
    return std::make_unique<Select<T>>(kernels, std::move(columns));
}

template <class T>
std::unique_ptr<Operation<T>> make_embedding(const KernelTable<T>& kernels, index_t out) {
    auto embedding = std::make_unique<Embedding<T>>(kernels);
    embedding->describe(out);
    return embedding;
}

template <class T>
std::unique_ptr<Operation<T>> make_host(const Program& program, const OperationSpec& spec,
                                        const KernelTable<T>& kernels, Failure& failure) {
    std::vector<index_t> sizes;
    for (const int p : spec.parameters) sizes.push_back(program.parameters[std::size_t(p)].size());
    return std::make_unique<HostOperation<T>>(kernels, spec.host, failure, std::move(sizes));
}

}  // namespace

template <class T>
std::unique_ptr<Operation<T>> make_operation(const Program& program, const OperationSpec& spec,
                                             const KernelTable<T>& kernels, Failure& failure, const PlanKey& key,
                                             bool input_gradient) {
    const auto& kind = spec.kind;
    const index_t in = program.values[std::size_t(spec.inputs[0])];
    const index_t out = program.values[std::size_t(spec.output)];
    const auto stream = [&] { return std::uint32_t(spec.number("stream")); };
    if (kind == "dense") return make_dense(spec, kernels, in, out, key, input_gradient);
    if (kind == "activation")
        return std::make_unique<ActivationOperation<T>>(kernels, activation_by_name(spec.word("activation")),
                                                        T(spec.number("alpha")));
    if (kind == "row_function")
        return std::make_unique<RowFunctionOperation<T>>(kernels, row_function_by_name(spec.word("function")));
    if (kind == "batch_norm")
        return std::make_unique<BatchNorm<T>>(kernels, in, index_t(spec.number_or("channels", double(in))),
                                              spec.number("momentum"), spec.number("epsilon"),
                                              spec.number_or("frozen", 0.0) != 0.0);
    if (kind == "layer_norm") return std::make_unique<LayerNorm<T>>(kernels, in, spec.number("epsilon"));
    if (kind == "prelu") return std::make_unique<PRelu<T>>(kernels, in);
    if (kind == "maxout") return std::make_unique<MaxPieces<T>>(kernels, out, index_t(spec.number("pieces")));
    if (kind == "dropout") return std::make_unique<Dropout<T>>(kernels, spec.number("rate"), stream());
    if (kind == "noise") return std::make_unique<GaussianNoise<T>>(kernels, spec.number("sigma"), stream());
    if (kind == "sum") return std::make_unique<Sum<T>>(kernels);
    if (kind == "concatenate") return std::make_unique<Concatenate<T>>(kernels);
    if (kind == "select") return make_select(spec, kernels);
    if (kind == "embedding") return make_embedding(kernels, out);
    require(kind == "host", "program: unknown operation kind '", kind, "'");
    return make_host(program, spec, kernels, failure);
}

template std::unique_ptr<Operation<float>> make_operation(const Program&, const OperationSpec&,
                                                          const KernelTable<float>&, Failure&, const PlanKey&, bool);
template std::unique_ptr<Operation<double>> make_operation(const Program&, const OperationSpec&,
                                                           const KernelTable<double>&, Failure&, const PlanKey&, bool);

}  // namespace steepest
