// The end of the forward pass: the rows' targets, their losses, and the gradient of the mean loss by the network's output.
#pragma once

#include <memory>

#include "core/aligned_buffer.hpp"
#include "ops/data.hpp"
#include "ops/host.hpp"
#include "ops/operation.hpp"

namespace steepest {

struct LossSpec {
    LossSpec(Loss loss = Loss::softmax_cross_entropy) : kind(loss) {}

    Loss kind;
    double alpha = 0.0;  // see LossRows
    double smoothing = 0.0;
    double factor = 1.0;             // multiplies the loss and its gradient
    std::shared_ptr<HostLoss> host;  // not null: kind is not read
};

template <class T>
class LossHead {
public:
    LossHead(const KernelTable<T>& kernels, Value<T>* output, index_t capacity, Failure& failure);

    // Chooses the loss of the coming steps, and makes room for its targets.
    void prepare(const LossSpec& spec, const DataSet& data);
    // Weight of the batch whose rows are order[0 .. count): the mean loss divides by it. The same sum for every worker.
    static double batch_weight(const DataSet& data, const std::int64_t* order, index_t count);
    // Fetches the targets of `rows`; row rows.begin + i of the batch is row order[i] of the data.
    void gather(const DataSet& data, const std::int64_t* order, Rows rows);
    // SPMD: the losses of `rows`, and if asked the gradient of scale x sum(weight x row loss) by the output.
    void run(const Step<T>& step, Rows rows, double scale, bool gradient, const Worker& worker);

    // Sums over the chunks of rows [begin, end), in order; begin is a multiple of kRowChunk.
    double loss_sum(Rows rows) const;
    index_t correct(Rows rows) const;

private:
    void run_kernel(Rows rows, double scale, bool gradient);
    void run_host(const Step<T>& step, Rows rows, double scale, bool gradient, const Worker& worker);
    void call_host(Rows rows, bool gradient);
    void add_up(Rows chunk);

    const KernelTable<T>& kernels_;
    Value<T>* output_;
    Failure& failure_;
    LossSpec spec_;
    bool labelled_ = true;
    bool weighted_ = false;
    index_t capacity_;
    index_t target_stride_;
    AlignedBuffer<T> row_loss_;
    AlignedBuffer<double> weights_;
    AlignedBuffer<T> targets_;  // (capacity, target_stride_), only for losses with targets
    AlignedBuffer<std::int32_t> labels_;
    AlignedBuffer<double> chunk_loss_;
    AlignedBuffer<index_t> chunk_correct_;
};

}  // namespace steepest
