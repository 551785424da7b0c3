// The update when something must see the whole gradient first: the tiles' gradients are stored, then clipped, then handed to the
// rule piece by piece. Without clipping the engine never comes here: tiles go to the rule while they are hot.
#pragma once

#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/team.hpp"
#include "engine/plan.hpp"
#include "ops/update.hpp"

namespace steepest {

struct Clipping {
    double norm = 0.0;   // > 0: scale the whole gradient down to this Euclidean norm where it is longer
    double value = 0.0;  // > 0: then bound every element to [-value, value]
    bool on() const { return norm > 0.0 || value > 0.0; }
};

template <class T>
class WholeUpdate {
public:
    // `size`: elements of the parameter arena.
    WholeUpdate(const Tensors<T>& tensors, index_t size);

    T* gradients() { return gradients_.data(); }
    // SPMD, after a barrier behind the last gradient: clips and updates. A barrier must follow before parameters are read.
    void run(const Update<T>& update, const Clipping& clipping, const Worker& worker);

private:
    struct Piece {
        const Parameter<T>* parameter;
        index_t begin;
        index_t count;
    };
    double norm(const Worker& worker);

    std::vector<Piece> pieces_;  // cut by shapes alone, so that the sum of squares has the same bits for any team
    std::vector<double> squares_;
    AlignedBuffer<T> gradients_;
};

}  // namespace steepest
