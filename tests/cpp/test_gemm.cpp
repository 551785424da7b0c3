// The matrix product on small integers, where every sum is exact: results are compared with ==, whatever the order of the sums.
#include "scratch.hpp"

using namespace steepest;
using testing::Edge;
using testing::Scratch;

namespace {

template <class T>
void fill_integers(T* data, index_t rows, index_t cols, index_t ld, index_t salt) {
    for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < cols; ++j) data[i * ld + j] = T((i * 5 + j * 3 + salt) % 7 - 3);
}

enum class Start { zero, bias, accumulate };

template <class T>
struct Case {
    index_t m, n, k;
    bool transposed;
    Start start;
    Epilogue epilogue;
};

template <class T>
T finish(T sum, Epilogue epilogue) {
    if (epilogue == Epilogue::none || sum >= T(0)) return sum;
    return epilogue == Epilogue::relu ? T(0) : sum * T(0.25);
}

template <class T>
void check_panel(const KernelTable<T>& table, Scratch<T>& s, const Case<T>& c, Edge edge) {
    s.start(edge);
    const index_t nr = table.gemm_nr;
    const index_t a_rows = c.transposed ? c.k : c.m;
    const index_t a_cols = c.transposed ? c.m : c.k;
    const index_t lda = a_cols + 1;
    const index_t ldc = c.n + 2;
    T* a = s.updated(a_rows, a_cols, lda);
    T* b = s.updated(c.k, nr, nr);
    T* bias = s.updated(1, c.n, c.n);
    T* out = c.start == Start::accumulate ? s.updated(c.m, c.n, ldc) : s.output(c.m, c.n, ldc);
    fill_integers(a, a_rows, a_cols, lda, 1);
    fill_integers(b, c.k, nr, nr, 2);
    fill_integers(bias, 1, c.n, c.n, 3);
    if (c.start == Start::accumulate) fill_integers(out, c.m, c.n, ldc, 4);

    GemmPanel<T> g{};
    g.m = c.m;
    g.n = c.n;
    g.k = c.k;
    g.a = a;
    g.a_row = c.transposed ? 1 : lda;
    g.a_k = c.transposed ? lda : 1;
    g.b = b;
    g.b_k = nr;
    g.c = out;
    g.ldc = ldc;
    g.bias = c.start == Start::bias ? bias : nullptr;
    g.accumulate = c.start == Start::accumulate;
    g.epilogue = c.epilogue;
    g.slope = T(0.25);
    table.gemm_panel(g);
    s.check();

    for (index_t i = 0; i < c.m; ++i) {
        for (index_t j = 0; j < c.n; ++j) {
            T sum = c.start == Start::zero ? T(0) : c.start == Start::bias ? bias[j] : T((i * 5 + j * 3 + 4) % 7 - 3);
            for (index_t p = 0; p < c.k; ++p) sum += a[i * g.a_row + p * g.a_k] * b[p * nr + j];
            CHECK_EQ(out[i * ldc + j], finish(sum, c.epilogue));
        }
    }
}

template <class T>
void check_panels() {
    Scratch<T> scratch;
    constexpr Start starts[] = {Start::zero, Start::bias, Start::accumulate};
    constexpr Epilogue epilogues[] = {Epilogue::none, Epilogue::relu, Epilogue::leaky_relu};
    for (const Isa isa : testing::usable_isas()) {
        const KernelTable<T>& table = kernels<T>(isa);
        const index_t lanes = table.lanes;
        const index_t nr = table.gemm_nr;
        int turn = 0;
        for (index_t m = 0; m <= 2 * table.gemm_mr + 1; ++m) {
            for (const index_t n : {index_t(1), lanes - 1, lanes, lanes + 1, nr - 1, nr}) {
                if (n < 1 || n > nr) continue;
                for (const index_t k : {0, 1, 3, 4, 5, 9, 32}) {
                    for (const Start start : starts) {
                        for (const bool transposed : {false, true}) {
                            const Epilogue epilogue = epilogues[turn % 3];
                            const Edge edge = turn / 3 % 2 == 0 ? Edge::end : Edge::begin;
                            // 7 is prime to the other loops' lengths, so every pair comes up.
                            turn += 7;
                            testing::set_context("gemm_panel", testing::type_name<T>(), table.isa, "m", m, "n", n, "k",
                                                 k, "start", int(start), "transposed", transposed, "epilogue",
                                                 int(epilogue));
                            check_panel<T>(table, scratch, {m, n, k, transposed, start, epilogue}, edge);
                        }
                    }
                }
            }
        }
    }
}

template <class T>
void check_packing() {
    testing::for_sizes<T>("pack_panels", 0, 0,
                          [](const KernelTable<T>& table, Scratch<T>& s, index_t k, index_t n, index_t pad) {
                              const index_t nr = table.gemm_nr;
                              const index_t size = ceil_div(n, nr) * nr * k;
                              const T* b = s.input(k, n, n + pad);
                              T* packed = s.output(1, size, size);
                              table.pack_panels(k, n, b, n + pad, packed);
                              const T* w = s.input(n, k, k + pad);
                              T* turned = s.output(1, size, size);
                              table.pack_panels_transposed(k, n, w, k + pad, turned);
                              for (index_t i = 0; i < size; ++i) {
                                  const index_t j = i / (k * nr) * nr + i % nr;
                                  const index_t p = i / nr % k;
                                  CHECK_EQ(packed[i], j < n ? b[p * (n + pad) + j] : T(0));
                                  CHECK_EQ(turned[i], j < n ? w[j * (k + pad) + p] : T(0));
                              }
                          });
}

}  // namespace

TEST(gemm_panel_is_exact_on_integers) {
    check_panels<float>();
    check_panels<double>();
}

TEST(packing_puts_every_element_in_its_place) {
    check_packing<float>();
    check_packing<double>();
}
