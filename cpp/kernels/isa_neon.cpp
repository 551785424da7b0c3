// Compiled for the baseline, on 64-bit ARM only: NEON is part of it.
#include "simd/neon.hpp"

#include "kernels/instantiate.hpp"
#include "kernels/isa_units.hpp"

namespace steepest {
namespace neon {

void fill_table(KernelTable<float>& table) { fill_slots<Vec<float>>(table, "neon"); }
void fill_table(KernelTable<double>& table) { fill_slots<Vec<double>>(table, "neon"); }

}  // namespace neon
}  // namespace steepest
