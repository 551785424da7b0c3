// The monitor over a small network: it changes no bit of the training, its records have the same bits for any team, and they are what
// arrays copied from outside give.
#include <cmath>
#include <cstring>

#include "allocations.hpp"
#include "engine/network.hpp"
#include "small_run.hpp"
#include "test.hpp"

using namespace steepest;

namespace {

constexpr index_t kRows = 90;  // batches of 32: the last one is short
constexpr index_t kIn = 5;
constexpr index_t kHidden = 70;  // more than one piece of columns

ParameterSpec parameter(std::vector<index_t> shape) {
    ParameterSpec spec;
    spec.name = "p";
    spec.shape = std::move(shape);
    spec.l1 = 1e-4;
    spec.l2 = 1e-3;
    return spec;
}

OperationSpec dense(const char* activation, int input, std::vector<int> parameters) {
    OperationSpec spec;
    spec.kind = "dense";
    spec.layer = activation;
    spec.inputs = {input};
    spec.output = input + 1;
    spec.parameters = std::move(parameters);
    spec.numbers["alpha"] = 0.0;
    spec.words["activation"] = activation;
    return spec;
}

Program program() {
    Program program;
    program.values = {kIn, kHidden, 2};
    program.parameters = {parameter({kIn, kHidden}), parameter({kHidden}), parameter({kHidden, 2}), parameter({2})};
    program.operations = {dense("relu", 0, {0, 1}), dense("identity", 1, {2, 3})};
    program.output = 2;
    return program;
}

struct Outcome {
    std::vector<float> parameters;
    EpochRecord record;
    RunResult run;
    long allocations;  // within the slice
};

// One epoch; `look`: which steps the monitor looks at, null without a monitor.
Outcome train(int threads, const std::vector<std::uint64_t>* look, double clip = 0.0, const double* leap = nullptr) {
    testing::SmallRun run(kRows, kIn);
    run.args.threads = threads;
    Network<float> network(program());
    testing::fill_parameters(network);
    // A unit that is dead whatever the row.
    network.tensors().parameters[1].data[3] = -100.0F;
    OptimizerState<float> optimizer;
    optimizer.clipping.norm = clip;
    if (look != nullptr) {
        WatchedLayer hidden;
        hidden.value = 1;
        hidden.dies = true;
        hidden.parameters = {0};
        WatchedLayer last;
        last.value = 2;
        last.ends = true;
        last.low = -0.1;
        last.high = 0.1;
        last.parameters = {2};
        network.watch({hidden, last}).begin_epoch(0, 3, *look);
        if (leap != nullptr) {
            network.monitor()->spikes().set_halting(true);
            network.monitor()->spikes().set_state({100.0, *leap, *leap, 0.0, *leap, 0.0, *leap, 0.0});
        }
    }
    Outcome outcome;
    const long before = testing::allocations();
    outcome.run = network.train(run.data, optimizer, run.args);
    outcome.allocations = testing::allocations() - before;
    const auto arena = network.parameter_arena();
    outcome.parameters.assign(arena.data, arena.data + arena.cols);
    if (look != nullptr) outcome.record = network.monitor()->read();
    return outcome;
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace

TEST(monitor_changes_nothing_and_does_not_depend_on_the_team) {
    const std::vector<std::uint64_t> steps{0, 2};
    for (const double clip : {0.0, 0.01}) {
        const Outcome alone = train(1, nullptr, clip);
        const Outcome watched = train(1, &steps, clip);
        CHECK(same(alone.parameters, watched.parameters));
        CHECK_EQ(watched.record.samples, 2);
        for (const int threads : {2, 3}) {
            testing::set_context("threads", threads, "clip", clip);
            const Outcome team = train(threads, &steps, clip);
            CHECK(same(alone.parameters, team.parameters));
            CHECK(same(watched.record.layers, team.record.layers));
            CHECK(same(watched.record.first, team.record.first));
            CHECK_EQ(watched.record.noise_trace, team.record.noise_trace);
            CHECK_EQ(watched.record.gradient_square, team.record.gradient_square);
            CHECK_EQ(watched.record.descent, team.record.descent);
        }
    }
}

TEST(monitor_allocates_nothing_within_a_slice) {
    const std::vector<std::uint64_t> steps{0, 2};
    const Outcome alone = train(1, nullptr);
    const Outcome watched = train(1, &steps);
    CHECK_EQ(watched.record.samples, 2);
    CHECK_EQ(watched.allocations, alone.allocations);
    CHECK_EQ(testing::allocations() > 0, testing::kAllocationsAreCounted);
}

TEST(monitor_records_losses_and_dead_units) {
    const std::vector<std::uint64_t> steps{1};
    const Outcome watched = train(1, &steps);
    double count = 0.0;
    double sum = 0.0;
    for (const auto& part : watched.record.losses) {
        count += part.count;
        sum += part.sum * (part.count > 0.0 ? 1.0 : 0.0);
    }
    CHECK_EQ(count, 3.0);
    CHECK(sum > 0.0);
    const LayerRecord& hidden = watched.record.layers[0];
    CHECK(hidden.dead >= 1.0 / double(kHidden));
    CHECK(hidden.dead < 1.0);
    CHECK(std::isnan(hidden.saturated));
    CHECK(hidden.update_ratio > 0.0);
    CHECK(std::isnan(watched.record.layers[1].dead));
    CHECK(watched.record.layers[1].saturated > 0.0);
    // Plain descent by 0.05 along gradient and penalty, which is small: <w - w', g> is nearly 0.05 |g|^2.
    double squares = 0.0;
    for (const auto& layer : watched.record.layers) squares += layer.gradient_norm * layer.gradient_norm;
    CHECK(std::abs(watched.record.descent / (0.05 * squares) - 1.0) < 0.1);
}

TEST(monitor_halts_before_a_leap) {
    const std::vector<std::uint64_t> none;
    const double usual = 1e-6;  // the loss will be far above
    const Outcome halted = train(2, &none, 0.0, &usual);
    CHECK(halted.run.leaps);
    CHECK(halted.run.finite);
    CHECK_EQ(halted.run.steps, 0);
    CHECK(same(halted.parameters, train(2, &none, 0.0, &usual).parameters));
    CHECK(!train(2, &none).run.leaps);
}

TEST(monitor_spikes_are_events) {
    SpikeDetector detector;
    for (std::uint64_t step = 0; step < 200; ++step) detector.note(step, 1.0 + 0.1 * testing::noise(index_t(step)));
    CHECK(detector.events().empty());
    // One odd batch moves the fast mean to 2.0: not above twice the slow one by six deviations.
    detector.note(200, 9.0);
    const std::size_t odd = detector.events().size();
    for (std::uint64_t step = 201; step < 220; ++step) detector.note(step, 9.0);
    CHECK(odd <= 1);
    CHECK_EQ(detector.events().size(), std::size_t(1));
    CHECK(detector.events()[0].step <= 202);
    CHECK(detector.events()[0].peak > 4.0);
}
