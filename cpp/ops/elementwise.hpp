// Operations that treat every element alone: an activation as a layer of its own, and dropout.
#pragma once

#include "core/aligned_buffer.hpp"
#include "ops/operation.hpp"

namespace steepest {

template <class T>
class ActivationOperation : public Operation<T> {
public:
    ActivationOperation(const KernelTable<T>& kernels, Activation activation, T alpha)
        : Operation<T>(kernels), activation_(activation), alpha_(alpha) {}
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;

private:
    Activation activation_;
    T alpha_;
};

// Inverted dropout: y = x * keep / (1 - rate) in training, y = x otherwise. The mask is a function of (seed, step, stream, row, column);
// one bit an element is kept from the forward to the backward pass of a step, because drawing it costs ten times as much as
// applying it.
template <class T>
class Dropout : public Operation<T> {
public:
    Dropout(const KernelTable<T>& kernels, double rate, std::uint32_t stream);
    void bind(const Site<T>& site, T* workspace) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;

private:
    void apply(Rows rows, const MatrixView<T>& from, const MatrixView<T>& to) const;

    index_t words_ = 0;                  // of a row of the mask
    AlignedBuffer<std::uint64_t> mask_;  // (capacity, words_)
    std::uint32_t threshold_;
    T scale_;
    std::uint32_t stream_;
};

// y = x + sigma n in training, n standard normal numbers that are a function of (seed, step, stream, row, column); y = x otherwise.
template <class T>
class GaussianNoise : public Operation<T> {
public:
    GaussianNoise(const KernelTable<T>& kernels, double sigma, std::uint32_t stream)
        : Operation<T>(kernels), sigma_(T(sigma)), stream_(stream) {}
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;

private:
    T sigma_;
    std::uint32_t stream_;
};

}  // namespace steepest
