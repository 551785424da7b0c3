#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#include "engine/shared_rows.hpp"
#include "test.hpp"

using namespace steepest;

namespace {

constexpr index_t kRows = 1203, kIn = 300, kOut = 3, kBatch = 16;

OperationSpec operation(const char* kind, int input, std::vector<int> parameters) {
    OperationSpec spec;
    spec.kind = kind;
    spec.layer = kind;
    spec.inputs = {input};
    spec.output = input + 1;
    spec.parameters = std::move(parameters);
    spec.numbers["alpha"] = 0.0;
    spec.words["activation"] = input == 0 ? "relu" : "identity";
    return spec;
}

Program small_network() {
    Program program;
    program.values = {kIn, 12, 12, kOut};
    program.parameters.resize(3);
    const std::vector<std::vector<index_t>> shapes{{kIn, 12}, {12}, {12, kOut}};
    for (std::size_t i = 0; i < 3; ++i) {
        program.parameters[i].name = "p" + std::to_string(i);
        program.parameters[i].shape = shapes[i];
    }
    OperationSpec dropout = operation("dropout", 1, {});
    dropout.numbers["rate"] = 0.25;
    dropout.numbers["stream"] = 0;
    program.operations = {operation("dense", 0, {0, 1}), dropout, operation("dense", 2, {2})};
    program.output = 3;
    return program;
}

struct Samples {
    std::vector<double> x = std::vector<double>(kRows * kIn);
    std::vector<double> targets = std::vector<double>(kRows * kOut);
    std::vector<std::int32_t> labels = std::vector<std::int32_t>(kRows);
    std::vector<double> weights = std::vector<double>(kRows);
    std::vector<std::int64_t> order = std::vector<std::int64_t>(kRows);
    std::vector<double> rates = std::vector<double>(kRows / kBatch + 1, 0.05);

    Samples() {
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(12.9898 * double(i) + double(i % 7));
        for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = std::cos(double(i));
        for (std::size_t r = 0; r < std::size_t(kRows); ++r) {
            labels[r] = std::int32_t(r % kOut);
            weights[r] = 0.5 + double(r % 3);
            order[r] = std::int64_t(r * 10 % kRows);
        }
    }
    DataSet data(bool labelled, bool weighted) const {
        const auto bytes = index_t(sizeof(double));
        DataSet set;
        set.x = {Source::f64, x.data(), kRows, kIn, kIn * bytes, bytes};
        if (labelled)
            set.labels = labels.data();
        else
            set.targets = {Source::f64, targets.data(), kRows, kOut, kOut * bytes, bytes};
        if (weighted) set.weights = weights.data();
        return set;
    }
};

// Networks that differ by their rates, of which the last is too large.
template <class T>
struct Networks {
    std::vector<std::unique_ptr<Network<T>>> networks;
    std::vector<std::unique_ptr<std::mutex>> locks;
    std::vector<std::vector<double>> rates;
    std::vector<SharingSlice<T>> slices;

    Networks(const Samples& rows, LossSpec loss) {
        for (std::size_t i = 0; i < 4; ++i) {
            networks.push_back(std::make_unique<Network<T>>(small_network()));
            locks.push_back(std::make_unique<std::mutex>());
            const auto arena = networks[i]->parameter_arena();
            for (index_t j = 0; j < arena.cols; ++j) arena.data[j] = T(0.3 * std::sin(3.7 * double(j)));
            rates.emplace_back(rows.rates.size(), i == 3 ? 1e30 : 0.01 * double(i + 1));
        }
        for (std::size_t i = 0; i < 4; ++i) {
            SharingSlice<T> slice;
            slice.network = networks[i].get();
            slice.lock = locks[i].get();
            slice.args.order = rows.order.data();
            slice.args.count = kRows;
            slice.args.learning_rates = rates[i].data();
            slice.args.batch_size = kBatch;
            slice.args.loss = loss;
            slice.args.step = 5;
            slice.args.seed = 7;
            slice.args.budget = 1e9;
            slice.args.loss_sum = 0.125;
            slice.args.weight_sum = 2.0;
            slices.push_back(slice);
        }
    }
};

template <class T>
void check_sharing(bool labelled, bool weighted) {
    const Samples rows;
    const DataSet data = rows.data(labelled, weighted);
    const LossSpec loss(labelled ? Loss::softmax_cross_entropy : Loss::mse);
    Networks<T> alone(rows, loss), together(rows, loss);
    std::vector<SharingSlice<T>*> slices;
    for (auto& slice : together.slices) slices.push_back(&slice);
    CHECK(worth_sharing(together.slices[0]));
    train_sharing(slices, data, 1, 1e9, std::atomic<bool>{false});
    for (std::size_t i = 0; i < 4; ++i) {
        testing::set_context("labels", labelled, "weights", weighted, "network", i);
        const auto& slice = alone.slices[i];
        const RunResult expected = slice.network->train(data, slice.optimizer, slice.args);
        const RunResult& result = together.slices[i].result;
        CHECK_EQ(result.steps, expected.steps);
        CHECK_EQ(result.rows, expected.rows);
        CHECK_EQ(result.correct, expected.correct);
        CHECK_EQ(result.finite, i != 3);
        CHECK_EQ(result.bad_operation, expected.bad_operation);
        CHECK(std::memcmp(&result.loss_sum, &expected.loss_sum, sizeof(double)) == 0);
        CHECK(std::memcmp(&result.weight_sum, &expected.weight_sum, sizeof(double)) == 0);
        const auto a = alone.networks[i]->parameter_arena(), b = together.networks[i]->parameter_arena();
        CHECK(std::memcmp(a.data, b.data, std::size_t(a.cols) * sizeof(T)) == 0);
    }
}

}  // namespace

TEST(networks_that_share_rows_have_the_bits_they_have_alone) {
    for (const bool labelled : {true, false})
        for (const bool weighted : {true, false}) {
            check_sharing<float>(labelled, weighted);
            check_sharing<double>(labelled, weighted);
        }
}

TEST(sharing_leaves_when_asked) {
    const Samples rows;
    Networks<float> networks(rows, Loss::mse);
    const DataSet data = rows.data(false, false);
    const std::vector<SharingSlice<float>*> slices{&networks.slices[0], &networks.slices[1]};
    train_sharing(slices, data, 1, 1e9, std::atomic<bool>{true});
    // A block holds 27 of these batches of 19 KB.
    CHECK_EQ(networks.slices[0].result.steps, 27);
    CHECK_EQ(networks.slices[1].result.steps, 27);
}

TEST(only_the_same_rows_are_shared) {
    const Samples rows;
    const DataSet data = rows.data(true, true);
    Networks<float> networks(rows, Loss::softmax_cross_entropy);
    const TrainArgs& args = networks.slices[0].args;
    CHECK(same_rows(data, args, data, networks.slices[1].args));
    TrainArgs later = args;
    later.order += kBatch;
    CHECK(!same_rows(data, args, data, later));
    TrainArgs fewer = args;
    fewer.count -= 1;
    CHECK(!same_rows(data, args, data, fewer));
    TrainArgs larger = args;
    larger.batch_size = 32;
    CHECK(!same_rows(data, args, data, larger));
    CHECK(!same_rows(data, args, rows.data(true, false), args));
    CHECK(!same_rows(data, args, rows.data(false, true), args));
    DataSet strided = data;
    strided.x.row_bytes *= 2;
    CHECK(!same_rows(data, args, strided, args));
}
