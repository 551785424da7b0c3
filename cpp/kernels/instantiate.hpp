// Fills a kernel table with the templates of this room over one vector type. Included by the isa_*.cpp units only.
#pragma once

#include "kernels/gemm.hpp"
#include "kernels/pack.hpp"
#include "kernels/table.hpp"

namespace steepest {
namespace {

// Overwrites every slot that has a template; a table that starts as a copy of the scalar one is never left with a hole.
template <class V>
void fill_slots(KernelTable<typename V::value_type>& t, const char* isa) {
    t.isa = isa;
    t.lanes = V::lanes;
    t.gemm_mr = GemmShape<V>::mr;
    t.gemm_nr = GemmShape<V>::nr;
    t.gemm_panel = gemm_panel<V>;
    t.pack_panels = pack_panels<V>;
    t.pack_panels_transposed = pack_panels_transposed<V>;
}

}  // namespace
}  // namespace steepest
