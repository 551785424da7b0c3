// Slices of several networks over the same rows in the same order: the rows are gathered and converted once, a block of steps at a
// time, and every network trains on the block before the next one is gathered. The numbers it reads are the same, so are its bits.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <vector>

#include "engine/network.hpp"

namespace steepest {

// A network's slice, as one of a group.
template <class T>
struct SharingSlice {
    Network<T>* network = nullptr;
    std::mutex* lock = nullptr;  // held while the network runs
    OptimizerState<T> optimizer;
    TrainArgs args;
    RunResult result;
    std::exception_ptr error;
};

// Whether two slices visit the same rows in the same batches.
bool same_rows(const DataSet& data, const TrainArgs& args, const DataSet& other_data, const TrainArgs& other_args);

// Whether fetching the rows is a part of a training step that is worth sharing.
template <class T>
bool worth_sharing(const SharingSlice<T>& slice);

// Trains all slices, which visit the same rows, for about `seconds`; ends soon once `leave` is set.
template <class T>
void train_sharing(const std::vector<SharingSlice<T>*>& slices, const DataSet& data, int threads, double seconds,
                   const std::atomic<bool>& leave);

}  // namespace steepest
