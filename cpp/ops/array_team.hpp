// How the array functions use the team: as many workers as the work is worth, denormals kept.
#pragma once

#include <algorithm>

#include "core/aligned_buffer.hpp"
#include "core/float_mode.hpp"
#include "core/team.hpp"
#include "kernels/table.hpp"
#include "ops/operation.hpp"

namespace steepest {

// A worker more costs a fork, a join and cold caches: 1 to 3 us where the team is awake, some fifty where it must be woken, and milliseconds
// where another process has its core. 2^17 float32 elements are 5 us of the cheapest kernel.
constexpr double kElementsPerWorker = 131072.0;
// An element that takes an exponential or the like, in those of the cheapest kernel. Measured: with two workers 64 KiB of tanh take 5.1 us in
// place of 2.8, 256 KiB of it gain.
constexpr double kCostly = 4.0;
// An element of a normalisation, whose arrays are read twice.
constexpr double kNorm = 4.0;
// An element of T in float32's.
template <class T>
constexpr double kElement = double(sizeof(T)) / 4.0;

template <class T>
double elements(const MatrixView<T>& m) {
    return double(m.rows) * double(m.cols);
}

// Bytes read and written by all workers together. Less than kStreamBytes in simd/loop.hpp for each of two: what is read ahead of a sum over
// rows, and what is read twice, gains earlier.
constexpr double kBeyondCaches = 24.0 * 1048576.0;

// Whether an output, one of so many matrices, will have left the last cache before anyone reads it: it then goes past the caches, and the
// kernel asks for its inputs ahead.
template <class T>
bool beyond_caches(const MatrixView<T>& m, int matrices) {
    return elements(m) * double(matrices) * double(sizeof(T)) >= kBeyondCaches;
}

inline int useful_workers(double elements, int threads) {
    return std::max(1, std::min(threads, int(std::min(elements / kElementsPerWorker, 1e6))));
}

template <class F>
void run_kernels(double elements, int threads, const F& work) {
    run_team(useful_workers(elements, threads), [&](const Worker& worker) {
        KeepDenormals keep;
        work(worker);
    });
}

// work(begin, end) on each worker's share of [0, n) in units of `unit`.
template <class F>
void share_work(double elements, int threads, index_t n, index_t unit, const F& work) {
    run_kernels(elements, threads, [&](const Worker& worker) {
        index_t begin = 0;
        index_t end = 0;
        worker.share(n, unit, &begin, &end);
        if (begin < end) work(begin, end);
    });
}

// For element-wise work: a matrix without gaps is one long row that may be cut anywhere (in units of a page), others are cut by rows.
// work(first row, rows, first column, columns). cost: of an element, in those of kElementsPerWorker.
template <class F>
void share_elements(index_t rows, index_t cols, bool contiguous, double cost, int threads, const F& work) {
    const double elements = double(rows) * double(cols) * cost;
    if (contiguous || rows == 1)
        share_work(elements, threads, rows * cols, 1024,
                   [&](index_t begin, index_t end) { work(0, 1, begin, end - begin); });
    else
        share_work(elements, threads, rows, 1, [&](index_t begin, index_t end) { work(begin, end - begin, 0, cols); });
}

// Chunks of rows leave one set of partial results each, whose number and order say the bits of a sum over rows, whoever adds them up. Kept
// for a few chunks at a time: for all of a large matrix they would be an eighth of it, in memory fresh from the system.
template <class T>
class Partials {
public:
    // `kinds` vectors of `cols` a chunk.
    Partials(index_t rows, index_t cols, int kinds, int threads)
        : rows_(rows),
          cols_(cols),
          stride_(round_up(cols, kLine)),
          group_(std::min(std::max<index_t>(1, ceil_div(rows, kRowChunk)),
                          std::max<index_t>(2 * threads, kGroupElements / std::max<index_t>(1, cols * kRowChunk)))),
          slots_((group_ * kRowChunk < rows ? 2 : 1) * (group_ + 1)),
          data_(slots_ * kinds * stride_) {}
    index_t stride() const { return stride_; }
    T* at(int kind, index_t slot) { return data_.data() + (kind * slots_ + slot) * stride_; }

    // On every worker: work(first row, rows, slot) for this one's chunks of a group, whose slots follow on each other; then
    // join(first row, end row, first slot, begin, end) for this one's columns; and on to the next group, in increasing order. The slot
    // before the first is free. Two sets of slots take turns, so that one barrier a group is enough.
    template <class F, class G>
    void run(const Worker& worker, const F& work, const G& join) const {
        index_t slot = 1, first = 0;
        do {
            const index_t last = std::min(rows_, first + group_ * kRowChunk);
            index_t begin = 0, end = 0;
            worker.share(last - first, kRowChunk, &begin, &end);
            for (index_t r = begin; r < end; r += kRowChunk)
                work(first + r, std::min(kRowChunk, end - r), slot + r / kRowChunk);
            worker.barrier();
            worker.share(cols_, kLine, &begin, &end);
            if (begin < end) join(first, last, slot, begin, end);
            slot = slot == 1 ? group_ + 2 : 1;
            first = last;
        } while (first < rows_);
    }

    // The same groups once more, the last first, for its end is still in the caches: work(first row, rows) for this worker's rows of each.
    template <class F>
    void backwards(const Worker& worker, const F& work) const {
        for (index_t g = ceil_div(rows_, group_ * kRowChunk); g-- > 0;) {
            const index_t first = g * group_ * kRowChunk;
            index_t begin = 0, end = 0;
            worker.share(std::min(rows_ - first, group_ * kRowChunk), kRowChunk, &begin, &end);
            if (begin < end) work(first + begin, end - begin);
        }
    }

private:
    static constexpr index_t kLine = kAlignment / index_t(sizeof(T));
    static constexpr index_t kGroupElements = index_t(1) << 19;
    index_t rows_, cols_, stride_, group_, slots_;
    AlignedBuffer<T> data_;
};

// sum (columns begin to end) = the sums of the kind's slots in increasing order, and of those of the groups before.
template <class T>
void add_partials(const KernelTable<T>& k, Partials<T>& partials, int kind, index_t first, index_t last, index_t slot,
                  index_t begin, index_t end, T* sum) {
    const index_t count = ceil_div(last - first, kRowChunk);
    if (first > 0) std::copy(sum + begin, sum + end, partials.at(kind, slot - 1) + begin);
    const index_t from = first > 0 ? slot - 1 : slot;
    k.column_sums(count + slot - from, end - begin, partials.at(kind, from) + begin, partials.stride(), sum + begin);
}

}  // namespace steepest
