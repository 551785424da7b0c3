// What a plan is made for.
#pragma once

#include "core/types.hpp"

namespace steepest {

struct PlanKey {
    index_t capacity = 0;
    int workers = 1;
    bool gradients = false;       // room for the backward pass
    bool input_gradient = false;  // of the loss by the input, too
    bool by_columns = false;      // all workers take the same rows, each some of the columns
    bool apart = false;           // every value in memory of its own, for those who look at all of them afterwards
    bool operator==(const PlanKey& o) const {
        return capacity == o.capacity && workers == o.workers && gradients == o.gradients &&
               input_gradient == o.input_gradient && by_columns == o.by_columns && apart == o.apart;
    }
};

}  // namespace steepest
