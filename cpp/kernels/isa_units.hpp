// The entry points of the instruction-set units. Call one only on a machine that has the instructions: even filling in
// pointers may use them.
#pragma once

#include "kernels/table.hpp"

namespace steepest {

namespace scalar {
void fill_table(KernelTable<float>& table);
void fill_table(KernelTable<double>& table);
}  // namespace scalar

namespace avx2 {
void fill_table(KernelTable<float>& table);
void fill_table(KernelTable<double>& table);
}  // namespace avx2

namespace avx512 {
void fill_table(KernelTable<float>& table);
void fill_table(KernelTable<double>& table);
}  // namespace avx512

namespace neon {
void fill_table(KernelTable<float>& table);
void fill_table(KernelTable<double>& table);
}  // namespace neon

}  // namespace steepest
