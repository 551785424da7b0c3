// A training seen from inside: statistics of single steps, which the caller chooses by counting, and the loss of every step. It reads
// and copies only, so a training has the same bits with and without it; its own sums are cut by shapes and added up in a fixed order,
// so they have the same bits for any team. Nothing is allocated between begin_epoch() and read().
#pragma once

#include <cstdint>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/team.hpp"
#include "engine/plan.hpp"
#include "engine/spikes.hpp"

namespace steepest {

// What is watched of a layer.
struct WatchedLayer {
    int value = 0;      // its output
    bool dies = false;  // a unit that is zero in every row has no gradient: ReLU
    bool ends = false;  // outputs below `low` or above `high` are saturated
    double low = 0.0;
    double high = 0.0;
    std::vector<int> parameters;  // whose gradient and update are measured
};

// Means over the steps of an epoch that were looked at; NaN where there is nothing to measure.
struct LayerRecord {
    double update_ratio;       // |w' - w| / |w|, Euclidean over the layer's parameters
    double gradient_norm;      // of the data loss
    double gradient_norm_max;  // the largest of the steps
    double weight_norm;        // before the last of the steps
    double mean;               // of all outputs
    double std;
    double unit_std;  // root mean square over the units of their deviation between rows
    double dead;      // share of units that were zero in every row looked at
    double saturated;
};
constexpr int kLayerFields = int(sizeof(LayerRecord) / sizeof(double));

// Losses of the batches of one part of an epoch.
struct LossSegment {
    double count = 0.0;
    double sum = 0.0;
    double squares = 0.0;
    double most = 0.0;
};
constexpr int kLossSegments = 32;

struct EpochRecord {
    index_t samples = 0;  // steps looked at
    // Gradient noise of the dense layers (McCandlish et al. 2018, appendix A.1, batch sizes 1 and B): means of the unbiased estimates
    // of the trace of the rows' gradient covariance and of the squared length of the true gradient.
    double noise_trace = 0.0;
    double gradient_square = 0.0;
    // Mean of <w - w', gradient> over what is measured: what the steps would take off the loss, were it linear and the batch all data.
    double descent = 0.0;
    std::vector<LayerRecord> layers;
    std::vector<LayerRecord> first;  // of the first step alone
    std::vector<LossSegment> losses;
    std::vector<SpikeEvent> spikes;
};

template <class T>
class Monitor {
public:
    Monitor(const Program& program, const Tensors<T>& tensors, std::vector<WatchedLayer> layers);

    // The epoch has `count` steps from number `first`; those in `chosen`, ascending, are looked at.
    void begin_epoch(std::uint64_t first, index_t count, std::vector<std::uint64_t> chosen);
    // Of the steps of the epoch so far.
    EpochRecord read() const;
    SpikeDetector& spikes() { return spikes_; }

    // Inside a slice. Whether the step is one to look at; then the data loss's gradients are to be stored in observed().
    bool due(std::uint64_t step) const;
    T* observed() { return gradients_.data(); }
    // SPMD, behind the barrier after the backward pass and before any parameter changes; ends with a barrier.
    void before_update(Plan<T>& plan, const Step<T>& step, const Worker& worker);
    // SPMD, behind a barrier after the last change of a parameter; a barrier must follow before the next one.
    void after_update(const Worker& worker);
    // Whether to stop before the update, for a loss that leaps; the same answer for every worker.
    bool halts(double loss) const { return spikes_.halting() && spikes_.leaps(loss); }
    // By one worker after the update, while no other asks halts().
    void note(std::uint64_t step, double loss);

private:
    // Rows of a batch that are looked at: a sample is enough for a share, and the last rows of a large batch are like the first.
    static constexpr index_t kRows = 64;
    static constexpr index_t kColumns = 64;
    static constexpr index_t kPiece = 4096;

    struct ColumnPiece {
        int layer;
        index_t begin;
        index_t count;
        double sum, squares, unit_variance, saturated;
    };
    struct ParameterPiece {
        int layer;  // -1: none, the gradient counts for the noise alone
        const Parameter<T>* parameter;
        bool noisy;  // of a dense operation
        index_t begin;
        index_t count;
        double update, weight, gradient, descent;
    };
    // A dense operation: the gradient of row i is the outer product of its input's row and its output's gradient's.
    struct NoiseTerm {
        int input, output;
        bool weight, bias;  // which of the two learn
    };
    struct LayerSums {
        double samples, ratio, gradient, gradient_max, weight, sum, squares, unit_variance, saturated, entries,
            unit_terms;
    };

    void add_parameters(const Program& program, const Tensors<T>& tensors);
    void look_at_columns(const Value<T>& value, index_t rows, ColumnPiece* piece);
    void look_at_rows(Plan<T>& plan, index_t row);
    void look_at_parameters(ParameterPiece* piece) const;
    void add_up();
    void add_noise(double gradient_square);
    void write_records(LayerRecord* records) const;

    std::vector<WatchedLayer> layers_;
    std::vector<index_t> widths_;
    std::vector<ColumnPiece> columns_;
    std::vector<ParameterPiece> pieces_;
    std::vector<NoiseTerm> terms_;
    std::vector<double> row_squares_;       // per row: the squared length of its gradient, times 1 / batch^2
    std::vector<std::vector<char>> alive_;  // per layer and unit, in this epoch
    AlignedBuffer<T> before_, gradients_;   // like the parameter arena
    std::vector<LayerRecord> first_look_;   // one per layer from the start, since it is written within a slice
    std::vector<LayerSums> sums_;           // of the epoch
    std::vector<LossSegment> losses_;
    std::vector<std::uint64_t> chosen_;
    std::uint64_t first_ = 0;
    index_t count_ = 1;
    index_t rows_ = 0;  // of the step that is looked at
    index_t batch_ = 0;
    index_t samples_ = 0;
    double noise_trace_ = 0.0, gradient_square_ = 0.0, descent_ = 0.0;
    SpikeDetector spikes_;
};

}  // namespace steepest
