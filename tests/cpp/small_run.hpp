// What a small training of the tests starts from: numbers that look like noise and are the same everywhere.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/network.hpp"

namespace testing {

using steepest::index_t;

// A hash in place of random numbers: in (-1, 1), different for every i.
inline double noise(index_t i) { return std::sin(12.9898 * double(i) + 78.233 * double(i % 7)); }

template <class T>
void fill_parameters(steepest::Network<T>& network) {
    for (const auto& p : network.tensors().parameters)
        for (index_t i = 0; i < p.rows * p.cols; ++i) p.data[i] = T(0.4 * noise(i + p.offset));
}

// Rows, two targets each, and an epoch over them in batches of 32, squared error. Its arrays stay where it is.
class SmallRun {
public:
    SmallRun(index_t rows, index_t cols)
        : x_(std::size_t(rows * cols)), y_(std::size_t(rows * 2)), order_(std::size_t(rows)), rates_(3, 0.05) {
        for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = float(noise(index_t(i)));
        for (std::size_t i = 0; i < y_.size(); ++i) y_[i] = float(noise(3 * index_t(i) + 1));
        for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = std::int64_t(i);
        const index_t bytes = sizeof(float);
        data.x = {steepest::Source::f32, x_.data(), rows, cols, cols * bytes, bytes};
        data.targets = {steepest::Source::f32, y_.data(), rows, 2, 2 * bytes, bytes};
        args.order = order_.data();
        args.count = rows;
        args.learning_rates = rates_.data();
        args.batch_size = 32;
        args.loss = steepest::LossSpec(steepest::Loss::mse);
        args.budget = 60.0;
    }
    SmallRun(const SmallRun&) = delete;
    SmallRun& operator=(const SmallRun&) = delete;

private:
    std::vector<float> x_, y_;
    std::vector<std::int64_t> order_;
    std::vector<double> rates_;

public:
    steepest::DataSet data;
    steepest::TrainArgs args;
};

}  // namespace testing
