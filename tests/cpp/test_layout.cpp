// Values that share memory: which ones do, and that no bit of a training depends on it.
#include <cstring>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "engine/network.hpp"
#include "engine/plan.hpp"
#include "small_run.hpp"
#include "test.hpp"

using namespace steepest;

namespace {

constexpr index_t kRows = 75, kIn = 7, kHidden = 19;

OperationSpec operation(const char* kind, int input, std::vector<int> parameters = {}) {
    OperationSpec spec;
    spec.kind = spec.layer = kind;
    spec.inputs = {input};
    spec.output = input + 1;
    spec.parameters = std::move(parameters);
    spec.numbers = {{"alpha", 0.01}, {"momentum", 0.1}, {"epsilon", 1e-5}, {"rate", 0.25}, {"stream", double(input)}};
    spec.words["activation"] = "identity";
    return spec;
}

OperationSpec with(const char* activation, OperationSpec spec) {
    spec.words["activation"] = activation;
    return spec;
}

ParameterSpec parameter(std::vector<index_t> shape) {
    ParameterSpec spec;
    spec.name = "p";
    spec.shape = std::move(shape);
    return spec;
}

// dense -> dropout -> dense -> batch norm -> activation -> dropout -> dense
Program program(const char* first, const char* second) {
    Program program;
    program.values = {kIn, kHidden, kHidden, kHidden, kHidden, kHidden, kHidden, 2};
    program.parameters = {parameter({kIn, kHidden}), parameter({kHidden, kHidden}), parameter({kHidden}),
                          parameter({kHidden}), parameter({kHidden, 2})};
    program.states = {{"mean", kHidden}, {"variance", kHidden}};
    OperationSpec norm = operation("batch_norm", 3, {2, 3});
    norm.states = {0, 1};
    program.operations = {
        with(first, operation("dense", 0, {0})),  operation("dropout", 1), operation("dense", 2, {1}), norm,
        with(second, operation("activation", 4)), operation("dropout", 5), operation("dense", 6, {4})};
    program.output = 7;
    return program;
}

// Which values lie where their operation's input lies.
std::vector<bool> shared(const Program& program, bool apart) {
    PlanKey key;
    key.capacity = 32;
    key.gradients = true;
    key.apart = apart;
    const Layout layout = lay_out(program, key, 16, 4);
    std::vector<bool> result;
    for (const auto& op : program.operations)
        result.push_back(layout.data[std::size_t(op.output)] == layout.data[std::size_t(op.inputs[0])]);
    return result;
}

// Parameters after three epochs; a watched network keeps all values apart.
std::vector<float> train(const Program& program, bool watched, int threads) {
    testing::SmallRun run(kRows, kIn);
    run.args.threads = threads;
    run.args.seed = 5;
    Network<float> network(program);
    testing::fill_parameters(network);
    if (watched) network.watch({}).begin_epoch(0, 9, {});
    for (int epoch = 0; epoch < 3; ++epoch, run.args.step += 3)
        CHECK(network.train(run.data, OptimizerState<float>{}, run.args).finite);
    const auto arena = network.parameter_arena();
    return {arena.data, arena.data + arena.cols};
}

}  // namespace

TEST(layout_writes_over_values_that_no_backward_pass_reads) {
    CHECK(shared(program("relu", "relu"), false) == (std::vector<bool>{false, true, false, false, true, true, false}));
    CHECK(shared(program("relu", "relu"), true) == std::vector<bool>(7, false));
    // Their derivatives need the output itself, and the input.
    CHECK(shared(program("tanh", "tanh"), false) ==
          (std::vector<bool>{false, false, false, false, true, false, false}));
    CHECK(shared(program("identity", "gelu"), false) ==
          (std::vector<bool>{false, true, false, false, false, false, false}));
    // Somebody else reads what stood there.
    Program twice = program("relu", "relu");
    twice.values.push_back(kHidden);
    OperationSpec sum = operation("sum", 1);
    sum.inputs = {2, 1};
    sum.output = 8;
    twice.operations.insert(twice.operations.begin() + 2, sum);
    twice.operations[3].inputs = {8};
    CHECK(!shared(twice, false)[1]);
}

TEST(layout_changes_no_bit) {
    for (const char* first : {"relu", "leaky_relu", "identity", "tanh"}) {
        for (const char* second : {"relu", "leaky_relu", "tanh", "gelu"}) {
            testing::set_context(first, second);
            const auto plain = train(program(first, second), false, 1);
            for (const int threads : {1, 3}) {
                const auto watched = train(program(first, second), true, threads);
                CHECK(std::memcmp(plain.data(), watched.data(), plain.size() * sizeof(float)) == 0);
            }
        }
    }
}
