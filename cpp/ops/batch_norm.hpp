// Batch norm over the rows of (N, D), or per channel over N and the places of (N, C, H, W), whose rows hold C runs of H W
// neighbouring columns: y = gamma (x - mean) / sqrt(var + epsilon) + beta, with the batch's mean and biased variance
// in training and the running ones otherwise. Running statistics: (1 - m) running + m batch, the variance unbiased.
//
// Every chunk of rows leaves its partial moments; after one barrier each worker combines all chunks in the same order for itself,
// which costs less than a second barrier. The backward sums go the same way.
#pragma once

#include "ops/operation.hpp"

namespace steepest {

template <class T>
class BatchNorm : public Operation<T> {
public:
    // width = channels x places; places == 1: every column is a channel of its own.
    BatchNorm(const KernelTable<T>& kernels, index_t width, index_t channels, double momentum, double epsilon,
              bool frozen)
        : Operation<T>(kernels),
          width_(width),
          channels_(channels),
          places_(width / channels),
          momentum_(T(momentum)),
          epsilon_(T(epsilon)),
          frozen_(frozen) {}

    index_t workspace(index_t capacity, int workers) const override;
    void bind(const Site<T>& site, T* workspace) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
    index_t parameter_tasks() const override { return 1; }
    // Two short updates cost what they are called with: measured 0.2 us, where 32 x 32 weights and 128 rows take 1.5.
    double task_cost(index_t /*rows*/, index_t /*task*/) const override { return double(128 * width_); }
    void parameter_task(const Step<T>& step, index_t task, const Worker& worker) override;

private:
    // Each worker's own copy of what all of them compute.
    struct Own {
        T* mean;
        T* variance;
        T* inv_std;
        T* sum_dy;
        T* sum_dy_xhat;
        T* mean_dy;
        T* mean_dy_xhat;
        T* gamma;  // and beta: a column's; the parameters themselves where places == 1
        T* beta;
    };
    static constexpr int kOwnVectors = 9;

    index_t stride() const { return round_up(width_, kAlignment / index_t(sizeof(T))); }
    Own own(int worker) const;
    T* partial(int which, index_t chunk) const { return partials_ + (which * chunks_ + chunk) * stride(); }
    void batch_statistics(const Step<T>& step, Rows rows, const Worker& worker, const Own& own);
    void update_running(const Step<T>& step, const Own& own) const;

    // A channel's number <-> its columns.
    void spread(const T* channel, T* column) const;
    void add_up(T* column_sums) const;
    void pool_moments(const Own& own) const;

    index_t width_;
    index_t channels_;
    index_t places_;
    T momentum_;
    T epsilon_;
    bool frozen_;  // normalises with the running statistics in training too, and leaves them alone
    index_t chunks_ = 0;
    T* partials_ = nullptr;  // (4, chunks, stride): means, squares; sums of dy, of dy xhat
    T* owned_ = nullptr;     // (workers, kOwnVectors, stride)
};

}  // namespace steepest
