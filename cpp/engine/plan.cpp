#include "engine/plan.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "engine/make_operation.hpp"
#include "engine/names.hpp"
#include "ops/sparse_rows.hpp"

namespace steepest {

namespace {

// Rows whose distance is a multiple of a large power of two fall into the same few cache sets: a column of 128 rows 4 KiB apart
// would have 12 lines of the first level to live in. One more line per row spreads them over all sets.
index_t padded_stride(index_t width, index_t lanes, index_t element_bytes) {
    const index_t line = kAlignment / element_bytes;
    const index_t stride = round_up(round_up(width, lanes), line);
    return stride / line % 2 == 0 && stride / line > 2 ? stride + line : stride;
}

std::vector<int> consumers(const Program& program) {
    std::vector<int> count(program.values.size(), 0);
    for (const auto& op : program.operations)
        for (const int v : op.inputs) ++count[std::size_t(v)];
    ++count[std::size_t(program.output)];
    return count;
}

double weights(const Program& program, const OperationSpec& op) {
    if (op.kind != "dense") return 0.0;
    return double(program.values[std::size_t(op.inputs[0])]) * double(program.values[std::size_t(op.output)]);
}

bool is_kind(const OperationSpec& op, std::initializer_list<const char*> kinds) {
    return std::any_of(kinds.begin(), kinds.end(), [&](const char* kind) { return op.kind == kind; });
}

bool applies(const OperationSpec& op, std::initializer_list<Activation> functions) {
    if (!is_kind(op, {"dense", "activation"})) return false;
    const Activation own = activation_by_name(op.word("activation"));
    return std::find(functions.begin(), functions.end(), own) != functions.end();
}

// An operation that may write its input's gradient over its output's.
bool works_in_place(const OperationSpec& op) {
    return is_kind(op, {"activation", "dropout", "batch_norm", "layer_norm", "row_function", "prelu", "noise"});
}

// Whether an operation may write its output over its input, which `producer` made and nobody else reads: neither backward pass may want
// what stood there. Of dropout's output the operation before reads at most the sign: where that is lost, the gradient is 0.
bool writes_over(const OperationSpec& op, const OperationSpec& producer) {
    const bool unread = is_kind(producer, {"batch_norm", "layer_norm", "sum"});
    if (op.kind == "activation")
        return unread && activation_needs(activation_by_name(op.word("activation"))) != ActivationNeeds::input;
    if (op.kind != "dropout") return false;
    return unread || applies(producer, {Activation::identity, Activation::relu, Activation::leaky_relu});
}

// Whether nobody but dense layers reads the network's input, in inference, and enough rows at a time for tiles that read no row beside them.
bool only_products_read_input(const Program& program, const PlanKey& key) {
    if (key.gradients || key.capacity <= kRowChunk || program.output == 0) return false;
    return std::all_of(program.operations.begin(), program.operations.end(), [](const OperationSpec& op) {
        return op.kind == "dense" || std::find(op.inputs.begin(), op.inputs.end(), 0) == op.inputs.end();
    });
}

// Whether a tile may read elements of T from x as it lies: of that type, side by side, aligned, and the rows not in the same few sets of the
// cache (padded_stride).
template <class T>
bool lies_well(const SourceMatrix& x) {
    constexpr index_t page = 4096;
    constexpr auto size = index_t(sizeof(T));
    return x.row_starts == nullptr && x.type == source_of<T>() && x.col_bytes == size && x.row_bytes % size == 0 &&
           x.row_bytes % page != 0 && reinterpret_cast<std::uintptr_t>(x.base) % sizeof(T) == 0;
}

}  // namespace

Layout lay_out(const Program& program, const PlanKey& key, index_t lanes, index_t element_bytes) {
    const std::size_t n = program.values.size();
    Layout layout;
    layout.data.assign(n, -1);
    layout.gradient.assign(n, -1);
    const auto take = [&](std::size_t v) {
        const index_t at = layout.end;
        layout.end += key.capacity * layout.stride[v];
        return at;
    };
    for (std::size_t v = 0; v < n; ++v) layout.stride.push_back(padded_stride(program.values[v], lanes, element_bytes));
    layout.data[0] = take(0);
    const auto readers = consumers(program);
    std::vector<const OperationSpec*> producer(n, nullptr);
    for (const auto& op : program.operations) {
        const auto in = std::size_t(op.inputs[0]);
        // Without a backward pass dropout is the identity, and its output is its input.
        const bool same = (op.kind == "dropout" && !key.gradients) ||
                          (!key.apart && producer[in] != nullptr && readers[in] == 1 && writes_over(op, *producer[in]));
        layout.data[std::size_t(op.output)] = same ? layout.data[in] : take(std::size_t(op.output));
        producer[std::size_t(op.output)] = &op;
    }
    if (!key.gradients) return layout;
    const auto needs = program.needs_gradient(key.input_gradient);
    for (auto op = program.operations.rbegin(); op != program.operations.rend(); ++op) {
        const auto out = std::size_t(op->output);
        if (needs[out] && layout.gradient[out] < 0) layout.gradient[out] = take(out);
        const auto in = std::size_t(op->inputs[0]);
        if (needs[in] && readers[in] == 1 && works_in_place(*op)) layout.gradient[in] = layout.gradient[out];
    }
    if (needs[0] && layout.gradient[0] < 0) layout.gradient[0] = take(0);
    return layout;
}

template <class T>
Plan<T>::Plan(const Program& program, const PlanKey& key, const KernelTable<T>& kernels, const Tensors<T>& tensors,
              Failure& failure)
    : key_(key), kernels_(kernels), output_(program.output), input_as_it_lies_(only_products_read_input(program, key)) {
    const Layout layout = lay_out(program, key, kernels.gemm_nr, index_t(sizeof(T)));
    const auto needs = program.needs_gradient(key.input_gradient);
    index_t end = layout.end;
    std::vector<index_t> workspaces;
    for (const auto& spec : program.operations) {
        operations_.push_back(make_operation(program, spec, kernels, failure, key, needs[std::size_t(spec.inputs[0])]));
        workspaces.push_back(end);
        end += round_up(operations_.back()->workspace(key.capacity, key.workers), kAlignment);
    }
    // The last row's panel may be read one panel beyond its padding.
    arena_ = AlignedBuffer<T>(end + kernels.gemm_nr);
    for (std::size_t v = 0; v < program.values.size(); ++v) {
        MatrixView<T> view{arena_.data() + layout.data[v], key.capacity, program.values[v], layout.stride[v]};
        Value<T> value{view, {}};
        if (layout.gradient[v] >= 0) {
            view.data = arena_.data() + layout.gradient[v];
            value.gradient = view;
        }
        values_.push_back(value);
    }
    double all_weights = 0.0;
    for (const auto& spec : program.operations) all_weights += weights(program, spec);
    // In the order of the backward pass: the first operation to meet a value sets its gradient, the others add to it.
    std::vector<bool> met(program.values.size(), false);
    met[std::size_t(program.output)] = true;
    for (std::size_t i = program.operations.size(); i-- > 0;) {
        const auto& spec = program.operations[i];
        Site<T> site;
        for (const int v : spec.inputs) {
            site.inputs.push_back(&values_[std::size_t(v)]);
            site.add_gradient.push_back(met[std::size_t(v)]);
            met[std::size_t(v)] = true;
        }
        site.reads_input = spec.inputs[0] == 0;
        site.output = &values_[std::size_t(spec.output)];
        for (const int p : spec.parameters) site.parameters.push_back(tensors.parameters[std::size_t(p)]);
        for (const int s : spec.states) site.states.push_back(tensors.states[std::size_t(s)]);
        site.capacity = key.capacity;
        site.workers = key.workers;
        if (all_weights > 0.0) site.part = weights(program, spec) / all_weights;
        operations_[i]->bind(site, arena_.data() + workspaces[i]);
    }
    loss_ = std::make_unique<LossHead<T>>(kernels, &output(), key.capacity, failure);
}

template <class T>
void Plan<T>::refresh(const Worker& worker) {
    for (auto& op : operations_) op->refresh(worker);
}

template <class T>
void Plan<T>::gather(const SourceMatrix& x, const std::int64_t* order, Rows rows) {
    const auto& to = values_[0].data;
    if (x.row_starts != nullptr) return gather_sparse(x, order, rows.count(), to.row(rows.begin), to.stride);
    kernels_.gather(x.type, rows.count(), x.cols, x.base, x.row_bytes, x.col_bytes, order, to.row(rows.begin),
                    to.stride);
}

template <class T>
void Plan<T>::gather_run(const SourceMatrix& x, index_t first, Rows rows) {
    constexpr index_t few = 64;
    std::int64_t order[few];
    for (index_t r = rows.begin; r < rows.end; r += few) {
        const Rows some{r, std::min(r + few, rows.end)};
        for (index_t i = 0; i < some.count(); ++i) order[i] = first + (r - rows.begin) + i;
        gather(x, order, some);
    }
}

template <class T>
void Plan<T>::read_run(const SourceMatrix& x, index_t first, Rows rows, Step<T>* step) {
    if (!input_as_it_lies_ || !lies_well<T>(x)) return gather_run(x, first, rows);
    step->input = reinterpret_cast<const T*>(static_cast<const char*>(x.base) + first * x.row_bytes);
    step->input_stride = x.row_bytes / index_t(sizeof(T));
}

template <class T>
void Plan<T>::forward(const Step<T>& step, Rows rows, const Worker& worker) {
    for (auto& op : operations_) op->forward(step, rows, worker);
}

template <class T>
void Plan<T>::forward_columns(const Step<T>& step, Rows rows, const Worker& worker) {
    for (auto& op : operations_) {
        op->forward_columns(step, rows, worker);
        worker.barrier();
    }
}

template <class T>
void Plan<T>::backward(const Step<T>& step, Rows rows, const Worker& worker) {
    for (auto op = operations_.rbegin(); op != operations_.rend(); ++op) (*op)->backward(step, rows, worker);
}

template <class T>
bool Plan<T>::constrained() const {
    return std::any_of(operations_.begin(), operations_.end(),
                       [](const auto& op) { return op->constraint_tasks() > 0; });
}

template <class T>
void Plan<T>::constrain(const Worker& worker) {
    for (auto& op : operations_) {
        index_t begin = 0;
        index_t end = 0;
        worker.share(op->constraint_tasks(), 1, &begin, &end);
        for (index_t task = begin; task < end; ++task) op->constraint_task(task);
    }
}

template class Plan<float>;
template class Plan<double>;

}  // namespace steepest
