// One lane, compiled for the baseline: always present, the reference.
#include "simd/scalar.hpp"

#include "kernels/instantiate.hpp"
#include "kernels/isa_units.hpp"

namespace steepest {
namespace scalar {

void fill_table(KernelTable<float>& table) { fill_slots<Vec<float>>(table, "scalar"); }
void fill_table(KernelTable<double>& table) { fill_slots<Vec<double>>(table, "scalar"); }

}  // namespace scalar
}  // namespace steepest
