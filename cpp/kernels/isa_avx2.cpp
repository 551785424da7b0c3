// Compiled with -mavx2 -mfma.
#include "simd/avx2.hpp"

#include "kernels/instantiate.hpp"
#include "kernels/isa_units.hpp"

namespace steepest {
namespace avx2 {

void fill_table(KernelTable<float>& table) { fill_slots<Vec<float>>(table, "avx2"); }
void fill_table(KernelTable<double>& table) { fill_slots<Vec<double>>(table, "avx2"); }

}  // namespace avx2
}  // namespace steepest
