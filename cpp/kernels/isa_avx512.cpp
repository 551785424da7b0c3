// Compiled with -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma.
#include "simd/avx512.hpp"

#include "kernels/instantiate.hpp"
#include "kernels/isa_units.hpp"

namespace steepest {
namespace avx512 {

void fill_table(KernelTable<float>& table) { fill_slots<Vec<float>>(table, "avx512"); }
void fill_table(KernelTable<double>& table) { fill_slots<Vec<double>>(table, "avx512"); }

}  // namespace avx512
}  // namespace steepest
