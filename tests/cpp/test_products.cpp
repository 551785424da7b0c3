// The blocked products of ops/matrix.hpp on small integers, where every sum is exact. The sizes reach past every block: more rows than a
// height, more of k than a depth, more columns than stay in the second-level cache.
#include "ops/matrix.hpp"
#include "scratch.hpp"

using namespace steepest;
using testing::Edge;
using testing::Scratch;

namespace {

struct Size {
    index_t m, n, k;
};

constexpr Size kSizes[] = {{1, 1, 1},    {3, 5, 2},    {14, 33, 31},  {15, 32, 32}, {17, 47, 65},
                           {400, 5, 20}, {2, 70, 400}, {5, 540, 33},  {64, 64, 8},  {33, 31, 290},
                           {2, 7, 385},  {7, 1, 770},  {260, 17, 40}, {8, 16, 383}, {9, 48, 384}};

int element(index_t i, index_t j, int salt) { return int((i * 5 + j * 3 + salt) % 7) - 3; }

template <class T>
T* integers(Scratch<T>& s, index_t rows, index_t cols, index_t ld, int salt) {
    T* data = s.updated(rows, cols, ld);
    for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < cols; ++j) data[i * ld + j] = T(element(i, j, salt));
    return data;
}

// sum over p of left(i, p) right(p, j)
template <class Left, class Right>
double sum_of(index_t k, Left left, Right right) {
    double sum = 0.0;
    for (index_t p = 0; p < k; ++p) sum += double(left(p)) * double(right(p));
    return sum;
}

// C = [C] + A B or A W^T, B packed.
template <class T>
void check_rows(const KernelTable<T>& table, Scratch<T>& s, const Size& z, bool by_transpose, bool accumulate) {
    const index_t rows = by_transpose ? z.n : z.k;
    const index_t cols = by_transpose ? z.k : z.n;
    const index_t nr = table.gemm_nr;
    const T* a = integers(s, z.m, z.k, z.k + 1, 1);
    const T* w = integers(s, rows, cols, cols, 2);
    T* packed = s.updated(1, round_up(cols, nr) * rows, round_up(cols, nr) * rows);
    table.pack_panels(rows, cols, w, cols, packed);
    T* c = accumulate ? integers(s, z.m, z.n, z.n + 2, 4) : s.output(z.m, z.n, z.n + 2);
    RowProduct<T> product{};
    product.m = z.m;
    product.n = z.n;
    product.k = z.k;
    product.a = a;
    product.lda = z.k + 1;
    product.b = packed;
    product.panel_stride = nr * rows;
    product.b_k = nr;
    product.c = c;
    product.ldc = z.n + 2;
    product.accumulate = accumulate;
    by_transpose ? multiply_rows_by_transpose(table, product) : multiply_rows(table, product);
    s.check();
    for (index_t i = 0; i < z.m; ++i)
        for (index_t j = 0; j < z.n; ++j) {
            const double sum = sum_of(
                z.k, [&](index_t p) { return element(i, p, 1); },
                [&](index_t p) { return by_transpose ? element(j, p, 2) : element(p, j, 2); });
            CHECK_EQ(double(c[i * (z.n + 2) + j]), sum + (accumulate ? element(i, j, 4) : 0));
        }
}

// G = A^T B, B read where it lies: a vector past its columns has to be readable.
template <class T>
void check_transposed(const KernelTable<T>& table, Scratch<T>& s, const Size& z) {
    const index_t nr = table.gemm_nr;
    const index_t width = round_up(z.n, nr);
    const T* a = integers(s, z.k, z.m, z.m + 1, 1);
    const T* b = integers(s, z.k, width, width, 2);
    T* g = s.output(z.m, z.n, z.n + 2);
    multiply_transposed(table, z.m, z.n, z.k, a, z.m + 1, Panels<T>{b, nr, width}, g, z.n + 2);
    s.check();
    for (index_t i = 0; i < z.m; ++i)
        for (index_t j = 0; j < z.n; ++j)
            CHECK_EQ(
                double(g[i * (z.n + 2) + j]),
                sum_of(z.k, [&](index_t p) { return element(p, i, 1); }, [&](index_t p) { return element(p, j, 2); }));
}

// y = f(x B + bias), B where it lies.
template <class T>
void check_one_row(const KernelTable<T>& table, Scratch<T>& s, index_t n, index_t k, bool biased, Epilogue epilogue) {
    const T* x = integers(s, 1, k, k, 1);
    const T* b = integers(s, k, n, n + 3, 2);
    const T* bias = biased ? integers(s, 1, n, n, 3) : nullptr;
    T* y = s.output(1, n, n);
    RowProduct<T> product{};
    product.m = 1;
    product.n = n;
    product.k = k;
    product.a = x;
    product.b = b;
    product.b_k = n + 3;
    product.c = y;
    product.bias = bias;
    product.epilogue = epilogue;
    product.slope = T(0.25);
    multiply_one_row(table, product);
    s.check();
    for (index_t j = 0; j < n; ++j) {
        double sum =
            sum_of(k, [&](index_t p) { return element(0, p, 1); }, [&](index_t p) { return element(p, j, 2); });
        if (biased) sum += element(0, j, 3);
        if (sum < 0.0 && epilogue != Epilogue::none) sum *= epilogue == Epilogue::relu ? 0.0 : 0.25;
        CHECK_EQ(double(y[j]), sum);
    }
}

template <class T>
void check_rows_one_by_one() {
    Scratch<T> scratch;
    constexpr Epilogue epilogues[] = {Epilogue::none, Epilogue::relu, Epilogue::leaky_relu};
    int turn = 0;
    for (const Isa isa : testing::usable_isas()) {
        const KernelTable<T>& table = kernels<T>(isa);
        for (const index_t n : {1, 3, 8, 15, 16, 17, 33, 50, 64, 65, 127, 128, 129, 144, 200, 261}) {
            for (const index_t k : {0, 1, 3, 4, 7, 32}) {
                for (const bool biased : {false, true}) {
                    const Epilogue epilogue = epilogues[turn++ % 3];
                    testing::set_context("one row", testing::type_name<T>(), table.isa, "n", n, "k", k, "biased",
                                         biased, "epilogue", int(epilogue));
                    scratch.start(turn / 3 % 2 == 0 ? Edge::end : Edge::begin);
                    check_one_row(table, scratch, n, k, biased, epilogue);
                }
            }
        }
    }
}

template <class T>
void check_products() {
    Scratch<T> scratch;
    for (const Isa isa : testing::usable_isas()) {
        const KernelTable<T>& table = kernels<T>(isa);
        for (const Size& size : kSizes) {
            testing::set_context("products", testing::type_name<T>(), table.isa, "m", size.m, "n", size.n, "k", size.k);
            for (const Edge edge : {Edge::end, Edge::begin}) {
                for (const bool by_transpose : {false, true}) {
                    for (const bool accumulate : {false, true}) {
                        scratch.start(edge);
                        check_rows(table, scratch, size, by_transpose, accumulate);
                    }
                }
                scratch.start(edge);
                check_transposed(table, scratch, size);
            }
        }
    }
}

}  // namespace

TEST(blocked_products_are_exact_on_integers) {
    check_products<float>();
    check_products<double>();
}

TEST(one_row_times_a_matrix_is_exact_on_integers) {
    check_rows_one_by_one<float>();
    check_rows_one_by_one<double>();
}
