// Networks in C++ alone: what the sanitizers and the guard of exact bits see of engine and operations. Whether the numbers are right is
// the business of the Python tests, which have the reference.
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "engine/network.hpp"
#include "engine/team_choice.hpp"
#include "guarded.hpp"
#include "scratch.hpp"
#include "small_run.hpp"

using namespace steepest;

namespace {

ParameterSpec parameter(const char* name, std::vector<index_t> shape, double l2 = 0.0) {
    ParameterSpec spec;
    spec.name = name;
    spec.shape = std::move(shape);
    spec.l2 = l2;
    spec.decay = spec.shape.size() == 2;
    return spec;
}

OperationSpec operation(const char* kind, int input, int output, std::vector<int> parameters) {
    OperationSpec spec;
    spec.kind = kind;
    spec.layer = kind;
    spec.inputs = {input};
    spec.output = output;
    spec.parameters = std::move(parameters);
    spec.numbers["alpha"] = 0.01;
    return spec;
}

OperationSpec dense(const char* activation, int input, int output, std::vector<int> parameters) {
    OperationSpec spec = operation("dense", input, output, std::move(parameters));
    spec.words["activation"] = activation;
    return spec;
}

// One of each operation; widths that no vector divides.
Program every_operation(index_t width = 19) {
    Program program;
    program.values = {7, width, width, width, width, 5};
    program.parameters = {parameter("w1", {7, width}, 1e-3), parameter("b1", {width}), parameter("gamma", {width}),
                          parameter("beta", {width}), parameter("w2", {width, 5})};
    program.states = {{"mean", width}, {"variance", width}};
    OperationSpec norm = operation("batch_norm", 1, 2, {2, 3});
    norm.states = {0, 1};
    norm.numbers["momentum"] = 0.1;
    norm.numbers["epsilon"] = 1e-5;
    OperationSpec tanh = operation("activation", 2, 3, {});
    tanh.words["activation"] = "tanh";
    OperationSpec dropout = operation("dropout", 3, 4, {});
    dropout.numbers["rate"] = 0.25;
    dropout.numbers["stream"] = 0;
    program.operations = {dense("leaky_relu", 0, 1, {0, 1}), norm, tanh, dropout, dense("identity", 4, 5, {4})};
    program.output = 5;
    return program;
}

using testing::noise;

constexpr index_t kRows = 103;  // batches of 32: the last one is short
constexpr index_t kIn = 7;
constexpr index_t kOut = 5;

template <class T>
struct Problem {
    std::vector<T> x = std::vector<T>(kRows * kIn);
    std::vector<std::int32_t> labels = std::vector<std::int32_t>(kRows);
    std::vector<T> targets = std::vector<T>(kRows * kOut);
    std::vector<double> weights = std::vector<double>(kRows);
    std::vector<std::int64_t> order = std::vector<std::int64_t>(kRows);
    std::vector<double> rates = std::vector<double>(4, 0.05);

    Problem() {
        for (std::size_t r = 0; r < kRows; ++r) {
            for (std::size_t j = 0; j < kIn; ++j) x[r * kIn + j] = T(noise(index_t(r * kIn + j)));
            labels[r] = x[r * kIn] > T(0) ? (x[r * kIn + 1] > T(0) ? 3 : 1) : 0;
            targets[r * kOut + std::size_t(labels[r])] = T(1);
            weights[r] = 0.5 + 0.25 * double(r % 3);
            order[r] = std::int64_t(r * 10 % kRows);
        }
    }

    SourceMatrix matrix(const std::vector<T>& data, index_t cols) const {
        const auto bytes = index_t(sizeof(T));
        return {sizeof(T) == 4 ? Source::f32 : Source::f64, data.data(), kRows, cols, cols * bytes, bytes};
    }

    DataSet data(Loss loss) const {
        DataSet set;
        set.x = matrix(x, kIn);
        set.weights = weights.data();
        if (loss == Loss::softmax_cross_entropy)
            set.labels = labels.data();
        else
            set.targets = matrix(targets, kOut);
        return set;
    }
};

template <class T>
struct Trained {
    std::vector<T> parameters;
    double first_loss = 0.0;
    double last_loss = 0.0;
};

template <class T>
void start(Network<T>& network) {
    testing::fill_parameters(network);
    for (index_t i = 0; i < network.tensors().parameters[2].cols; ++i) {
        network.tensors().parameters[2].data[i] = T(1);
        network.tensors().states[1][i] = T(1);
    }
}

// huber's delta or the quantile
LossSpec specification(Loss loss) {
    LossSpec spec;
    spec.kind = loss;
    spec.alpha = 0.75;
    return spec;
}

template <class T>
Trained<T> train(const Problem<T>& problem, Loss loss, Optimizer rule, int threads, int epochs) {
    Network<T> network(every_operation());
    start(network);
    AlignedBuffer<T> slot1(network.parameter_arena().cols);
    AlignedBuffer<T> slot2(network.parameter_arena().cols);
    OptimizerState<T> optimizer;
    optimizer.kind = rule;
    optimizer.beta1 = rule == Optimizer::rmsprop || rule == Optimizer::adagrad ? 0.0 : 0.9;
    optimizer.beta2 = 0.99;
    optimizer.epsilon = 1e-7;
    optimizer.weight_decay = rule == Optimizer::adamw ? 0.01 : 0.0;
    // As many as the hungriest rule needs; the others leave them alone.
    optimizer.slot1 = slot1.data();
    optimizer.slot2 = slot2.data();

    TrainArgs args;
    args.order = problem.order.data();
    args.count = kRows;
    args.learning_rates = problem.rates.data();
    args.batch_size = 32;
    args.loss = specification(loss);
    args.seed = 3;
    args.threads = threads;
    args.budget = 60.0;
    Trained<T> result;
    for (int epoch = 0; epoch < epochs; ++epoch) {
        const RunResult run = network.train(problem.data(loss), optimizer, args);
        CHECK_EQ(run.steps, 4);
        CHECK_EQ(run.rows, kRows);
        CHECK(run.finite);
        result.last_loss = run.loss_sum / run.weight_sum;
        if (epoch == 0) result.first_loss = result.last_loss;
        args.step += std::uint64_t(run.steps);
        optimizer.updates += run.steps;
    }
    const auto arena = network.parameter_arena();
    result.parameters.assign(arena.data, arena.data + arena.cols);
    return result;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
void check_threads() {
    const Problem<T> problem;
    for (const Isa isa : testing::usable_isas()) {
        force_isa(isa_name(isa));
        const Trained<T> alone = train(problem, Loss::softmax_cross_entropy, Optimizer::adam, 1, 3);
        for (const int threads : {2, 3, 7}) {
            testing::set_context(testing::type_name<T>(), isa_name(isa), "threads", threads);
            const Trained<T> together = train(problem, Loss::softmax_cross_entropy, Optimizer::adam, threads, 3);
            CHECK(same_bits(alone.parameters, together.parameters));
            CHECK_EQ(alone.last_loss, together.last_loss);
        }
    }
    force_isa(isa_name(select_isa(available_isas())));
}

template <class T>
void check_rules() {
    const Problem<T> problem;
    for (int loss = 0; loss < int(Loss::count_); ++loss) {
        for (int rule = 0; rule < int(Optimizer::count_); ++rule) {
            testing::set_context(testing::type_name<T>(), "loss", loss, "optimizer", rule);
            const Trained<T> result = train(problem, Loss(loss), Optimizer(rule), 2, 15);
            CHECK(result.last_loss < result.first_loss);
        }
    }
}

template <class T>
void check_inference() {
    const Problem<T> problem;
    Network<T> network(every_operation());
    start(network);
    const DataSet data = problem.data(Loss::softmax_cross_entropy);
    std::vector<T> whole(kRows * kOut);
    network.predict(data.x, {whole.data(), kRows, kOut, kOut}, kRows, 1);
    const RunResult expected = network.evaluate(data, specification(Loss::softmax_cross_entropy), kRows, 1);
    for (const int threads : {1, 2, 3}) {
        for (const index_t block : {1, 16, 50}) {
            testing::set_context(testing::type_name<T>(), "threads", threads, "block", block);
            std::vector<T> parts(kRows * kOut);
            network.predict(data.x, {parts.data(), kRows, kOut, kOut}, block, threads);
            CHECK(same_bits(whole, parts));
            const RunResult run = network.evaluate(data, specification(Loss::softmax_cross_entropy), block, threads);
            CHECK_EQ(run.correct, expected.correct);
            CHECK_EQ(run.rows, kRows);
        }
    }
}

// Weights so large that several workers take the same few rows, each some of the columns.
template <class T>
void check_few_rows() {
    const Problem<T> problem;
    Network<T> network(every_operation(90011));
    start(network);
    DataSet data = problem.data(Loss::softmax_cross_entropy);
    for (const index_t rows : {1, 3, 5, 16}) {
        data.x.rows = rows;
        std::vector<T> alone(std::size_t(rows * kOut));
        network.predict(data.x, {alone.data(), rows, kOut, kOut}, kRows, 1);
        const RunResult expected = network.evaluate(data, specification(Loss::softmax_cross_entropy), kRows, 1);
        for (const int threads : {2, 3}) {
            testing::set_context(testing::type_name<T>(), "threads", threads, "rows", rows);
            std::vector<T> together(alone.size());
            network.predict(data.x, {together.data(), rows, kOut, kOut}, kRows, threads);
            CHECK(same_bits(alone, together));
            const RunResult run = network.evaluate(data, specification(Loss::softmax_cross_entropy), kRows, threads);
            CHECK_EQ(run.loss_sum, expected.loss_sum);
            CHECK_EQ(run.rows, rows);
        }
    }
}

// Rows at a distance of `stride` elements, whose last byte meets a page that may not be touched or whose first does. `odd`: not aligned.
template <class T>
struct PlacedRows {
    testing::Guarded memory;
    SourceMatrix x;

    PlacedRows(const std::vector<T>& values, index_t stride, bool odd, testing::Edge edge)
        : memory(std::size_t(kRows * std::abs(stride)) * sizeof(T) + 1) {
        const std::size_t bytes = std::size_t((kRows - 1) * std::abs(stride) + kIn) * sizeof(T) + (odd ? 1 : 0);
        char* first = memory.place(bytes, edge) + (odd && edge == testing::Edge::begin ? 1 : 0);
        if (stride < 0) first -= (kRows - 1) * stride * index_t(sizeof(T));
        x = {source_of<T>(), first, kRows, kIn, stride * index_t(sizeof(T)), index_t(sizeof(T))};
        for (index_t r = 0; r < kRows; ++r)
            std::memcpy(first + r * x.row_bytes, values.data() + r * kIn, kIn * sizeof(T));
    }
};

// Prediction reads rows where they lie, or gathers them where that would not do: the same bits, and no byte beside them.
template <class T>
void check_rows_of_the_caller() {
    using Other = std::conditional_t<sizeof(T) == sizeof(float), double, float>;  // is always gathered
    std::vector<Other> converted(kRows * kIn);
    std::vector<T> values(kRows * kIn);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = T(converted[i] = Other(float(noise(index_t(i)))));
    constexpr auto width = index_t(sizeof(Other));
    const SourceMatrix other{source_of<Other>(), converted.data(), kRows, kIn, kIn * width, width};
    Network<T> network(every_operation());
    start(network);
    std::vector<T> gathered(kRows * kOut);
    network.predict(other, {gathered.data(), kRows, kOut, kOut}, kRows, 1);
    for (const index_t stride : {kIn, kIn + 3, index_t(4096 / sizeof(T)), -kIn}) {
        for (const bool odd : {false, true}) {
            for (const auto edge : {testing::Edge::begin, testing::Edge::end}) {
                const PlacedRows<T> placed(values, stride, odd, edge);
                for (const int threads : {1, 2}) {
                    testing::set_context(testing::type_name<T>(), "stride", stride, "threads", threads);
                    std::vector<T> y(kRows * kOut);
                    network.predict(placed.x, {y.data(), kRows, kOut, kOut}, 50, threads);
                    CHECK(same_bits(gathered, y));
                }
            }
        }
    }
}

template <class T>
void check_input_gradient() {
    const Problem<T> problem;
    Network<T> network(every_operation());
    start(network);
    AlignedBuffer<T> gradients(network.parameter_arena().cols);
    std::vector<T> dx(kRows * kIn, std::numeric_limits<T>::quiet_NaN());
    const double loss = network.loss_and_gradients(problem.data(Loss::mse), specification(Loss::mse), true, 5, 3, 2,
                                                   gradients.data(), {dx.data(), kRows, kIn, kIn});
    CHECK(std::isfinite(loss));
    for (const T value : dx) CHECK(std::isfinite(value));
    // Every parameter has a share in the loss.
    for (const auto& p : network.tensors().parameters) {
        T largest = T(0);
        for (index_t i = 0; i < p.rows * p.cols; ++i)
            largest = std::max(largest, std::abs(gradients.data()[p.offset + i]));
        CHECK(largest > T(0));
    }
}

}  // namespace

#define TEST_BOTH(name)         \
    TEST(engine_##name) {       \
        check_##name<float>();  \
        check_##name<double>(); \
    }

TEST_BOTH(threads)
TEST_BOTH(rules)
TEST_BOTH(inference)
TEST_BOTH(few_rows)
TEST_BOTH(rows_of_the_caller)
TEST_BOTH(input_gradient)

TEST(engine_refuses_programs_that_do_not_fit) {
    Program wide = every_operation();
    wide.values[1] = 20;
    CHECK_THROWS(Network<float>{wide}, std::invalid_argument);
    Program unknown = every_operation();
    unknown.operations[2].kind = "fourier";
    CHECK_THROWS(Network<float>{unknown}, std::invalid_argument);
    Program dangling = every_operation();
    dangling.operations[0].parameters[0] = 99;
    CHECK_THROWS(Network<float>{dangling}, std::invalid_argument);
}

TEST(team_choice_is_not_changed_by_one_bad_stretch) {
    TeamChoice choice;
    const auto stretch = [&](double team_rate) {
        const auto next = choice.next();
        choice.note(next.team, next.team ? team_rate : 1.0);
        return next;
    };
    for (int i = 0; i < 80; ++i) stretch(2.0);
    while (!stretch(0.1).team) continue;
    int whole_stretches_alone = 0;
    for (int i = 0; i < 80; ++i) {
        const auto next = stretch(2.0);
        whole_stretches_alone += !next.team && next.seconds == 0.0 ? 1 : 0;
    }
    CHECK(whole_stretches_alone == 0);
}

TEST(team_choice_learns_from_warm_probes_and_looks_again) {
    // The machine: the team's first stretch is slow, later it is twice as fast as one worker; after 40 stretches it loses a core.
    TeamChoice choice;
    int teams = 0;
    int stretches = 0;
    const auto stretch = [&](double team_rate) {
        const auto next = choice.next();
        choice.note(next.team, next.team ? team_rate : 1.0);
        teams += next.team ? 1 : 0;
        stretches += 1;
    };
    stretch(0.1);
    for (int i = 1; i < 4; ++i) stretch(2.0);
    for (int i = 0; i < 40; ++i) stretch(2.0);
    CHECK(teams >= 34);
    // The one that is slow, the one that confirms it, and probes 2, 4, 8 and 16 stretches apart.
    teams = 0;
    for (int i = 0; i < 40; ++i) stretch(0.2);
    CHECK(teams <= 6);
    // And it comes back once the core does.
    teams = 0;
    for (int i = 0; i < 100; ++i) stretch(2.0);
    CHECK(teams >= 60);
}
