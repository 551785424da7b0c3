// Every kernel of the table, for every instruction set of this machine: it stays inside its matrices and writes all of its outputs.
// Values are the business of the Python tests (tests/test_kernels.py) and of test_gemm.cpp.
#include <limits>
#include <vector>

#include "scratch.hpp"

using namespace steepest;
using testing::for_sizes;
using testing::Scratch;

namespace {

template <class T>
using Table = KernelTable<T>;

constexpr int kActivations = int(Activation::count_);
constexpr int kLosses = int(Loss::count_);
constexpr int kOptimizers = int(Optimizer::count_);

template <class T>
void check_activations() {
    for (int kind = 0; kind < kActivations; ++kind) {
        const std::string name = "activation " + std::to_string(kind);
        for_sizes<T>(name.c_str(), 0, 0,
                     [&](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                         const ActivationArgs<T> args{T(0.01)};
                         const T* x = s.input(rows, cols, cols + pad);
                         T* y = s.output(rows, cols, cols + 2 * pad);
                         table.activation_forward[kind](rows, cols, x, cols + pad, y, cols + 2 * pad, args);
                         T* in_place = s.updated(rows, cols, cols + pad);
                         table.activation_forward[kind](rows, cols, in_place, cols + pad, in_place, cols + pad, args);
                         const T* dy = s.input(rows, cols, cols + 2 * pad);
                         T* dx = s.output(rows, cols, cols);
                         table.activation_backward[kind](rows, cols, x, cols + pad, dy, cols + 2 * pad, dx, cols, args);
                     });
    }
}

template <class T>
void check_elementwise() {
    for_sizes<T>("dropout", 0, 0, [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
        const T* x = s.input(rows, cols, cols + pad);
        T* y = s.output(rows, cols, cols + 2 * pad);
        const index_t words = (cols + 63) / 64;
        std::vector<std::uint64_t> bits(std::size_t(rows * words) + 1, 0xabcdu);
        table.dropout_mask(rows, cols, 3, 1u << 30, MaskKey{1, 2, 3}, bits.data(), words);
        CHECK_EQ(bits.back(), 0xabcdu);
        table.apply_mask(rows, cols, x, cols + pad, bits.data(), words, T(4) / T(3), y, cols + 2 * pad);
    });
    for_sizes<T>("add", 0, 0, [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
        const T* y = s.input(rows, cols, cols + pad);
        T* x = s.updated(rows, cols, cols + 2 * pad);
        table.add(rows, cols, y, cols + pad, x, cols + 2 * pad);
    });
    for_sizes<T>("exp log", 1, 0, [](const Table<T>& table, Scratch<T>& s, index_t, index_t n, index_t) {
        const T* x = s.input(1, n, n);
        table.exp(n, x, s.output(1, n, n));
        table.log(n, x, s.output(1, n, n));
    });
    for_sizes<T>("column_sums", 0, 0,
                 [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                     const T* x = s.input(rows, cols, cols + pad);
                     table.column_sums(rows, cols, x, cols + pad, s.output(1, cols, cols));
                 });
    for_sizes<T>("gaussian_noise", 0, 0,
                 [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                     const T* x = s.input(rows, cols, cols + pad);
                     T* y = s.output(rows, cols, cols + 2 * pad);
                     table.gaussian_noise(rows, cols, 3, x, cols + pad, y, cols + 2 * pad, T(0.5), MaskKey{1, 2, 3});
                 });
    for (const Isa isa : testing::usable_isas())
        for (const auto edge : {testing::Edge::end, testing::Edge::begin}) {
            testing::set_context("random_words", isa_name(isa));
            testing::Guarded memory(64 * sizeof(std::uint32_t));
            kernels<T>(isa).random_words(
                1, 2, MaskKey{1, 2, 3},
                reinterpret_cast<std::uint32_t*>(memory.place(64 * sizeof(std::uint32_t), edge)));
        }
}

template <class T>
void check_row_functions() {
    for (int kind = 0; kind < int(RowFunction::count_); ++kind) {
        const std::string name = "row function " + std::to_string(kind);
        for_sizes<T>(name.c_str(), 0, 1,
                     [&](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                         const T* x = s.input(rows, cols, cols + pad);
                         T* y = s.output(rows, cols, cols + 2 * pad);
                         table.row_forward[kind](rows, cols, x, cols + pad, y, cols + 2 * pad);
                         const T* dy = s.input(rows, cols, cols + 2 * pad);
                         T* dx = s.output(rows, cols, cols);
                         table.row_backward[kind](rows, cols, x, cols + pad, dy, cols + 2 * pad, dx, cols);
                     });
    }
}

template <class T>
void check_layer_norm() {
    for_sizes<T>("layer_norm", 0, 0, [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
        const T* x = s.input(rows, cols, cols + pad);
        const T* gamma = s.input(1, cols, cols);
        const T* beta = s.input(1, cols, cols);
        T* y = s.output(rows, cols, cols + 2 * pad);
        T* mean = s.output(1, rows, rows);
        T* inv_std = s.output(1, rows, rows);
        table.layer_norm_forward(rows, cols, x, cols + pad, gamma, beta, T(0.25), y, cols + 2 * pad, mean, inv_std,
                                 pad > 0);
        const T* dy = s.input(rows, cols, cols + 2 * pad);
        T* sum_dy = s.output(1, cols, cols);
        T* sum_dy_xhat = s.output(1, cols, cols);
        table.layer_norm_sums(rows, cols, x, cols + pad, dy, cols + 2 * pad, mean, inv_std, sum_dy, sum_dy_xhat);
        T* dx = s.output(rows, cols, cols);
        table.layer_norm_backward(rows, cols, x, cols + pad, dy, cols + 2 * pad, mean, inv_std, gamma, dx, cols,
                                  rows > 0 ? s.output(1, cols, cols) : nullptr,
                                  rows > 0 ? s.output(1, cols, cols) : nullptr, true);
    });
}

template <class T>
void check_prelu() {
    for_sizes<T>("prelu", 0, 0, [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
        const T* x = s.input(rows, cols, cols + pad);
        const T* slope = s.input(1, cols, cols);
        table.prelu_forward(rows, cols, x, cols + pad, slope, s.output(rows, cols, cols + 2 * pad), cols + 2 * pad);
        const T* dy = s.input(rows, cols, cols + 2 * pad);
        table.prelu_backward(rows, cols, x, cols + pad, slope, dy, cols + 2 * pad, s.output(rows, cols, cols), cols,
                             s.output(1, cols, cols), true);
        table.prelu_backward(rows, cols, x, cols + pad, slope, dy, cols + 2 * pad, nullptr, 0, s.output(1, cols, cols),
                             true);
    });
}

template <class T>
void check_maxout() {
    for (const index_t pieces : {1, 2, 3, 5}) {
        const std::string name = "maxout of " + std::to_string(pieces);
        for_sizes<T>(name.c_str(), 0, 0,
                     [&](const Table<T>& table, Scratch<T>& s, index_t rows, index_t units, index_t pad) {
                         const index_t cols = units * pieces;
                         const T* z = s.input(rows, cols, cols + pad);
                         auto* which = s.template other<std::uint16_t>(rows * units);
                         for (index_t i = 0; i < rows * units; ++i) which[i] = 9999;
                         T* y = s.output(rows, units, units + pad);
                         table.maxout_forward(rows, units, pieces, z, cols + pad, y, units + pad, which, units);
                         for (index_t i = 0; i < rows * units; ++i) CHECK(which[i] < pieces);
                         const T* dy = s.input(rows, units, units + pad);
                         T* dz = s.output(rows, cols, cols + 2 * pad);
                         table.maxout_backward(rows, units, pieces, which, units, dy, units + pad, dz, cols + 2 * pad);
                     });
    }
}

template <class T>
void check_batch_norm() {
    for_sizes<T>("column_moments", 1, 0,
                 [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                     const T* x = s.input(rows, cols, cols + pad);
                     T* mean = s.output(1, cols, cols);
                     table.column_moments(rows, cols, x, cols + pad, mean, s.output(1, cols, cols), pad > 0);
                 });
    for_sizes<T>("combine_moments", 1, 0,
                 [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                     const index_t chunks = ceil_div(rows, 4);
                     const T* mean = s.input(chunks, cols, cols + pad);
                     const T* m2 = s.input(chunks, cols, cols + pad);
                     T* out_mean = s.output(1, cols, cols);
                     table.combine_moments(0, rows, 4, cols, mean, m2, cols + pad, out_mean, s.output(1, cols, cols));
                 });
    for_sizes<T>("normalize", 0, 0, [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
        const T* x = s.input(rows, cols, cols + pad);
        const T* mean = s.input(1, cols, cols);
        const T* inv_std = s.input(1, cols, cols);
        const T* gamma = s.input(1, cols, cols);
        const T* beta = s.input(1, cols, cols);
        T* y = s.output(rows, cols, cols + 2 * pad);
        table.normalize(rows, cols, x, cols + pad, mean, inv_std, gamma, beta, y, cols + 2 * pad, pad > 0);
    });
    for_sizes<T>("batch_norm backward", 0, 0,
                 [](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                     const T* x = s.input(rows, cols, cols + pad);
                     const T* dy = s.input(rows, cols, cols + 2 * pad);
                     const T* mean = s.input(1, cols, cols);
                     const T* inv_std = s.input(1, cols, cols);
                     T* sum_dy = s.output(1, cols, cols);
                     T* sum_dy_xhat = s.output(1, cols, cols);
                     table.batch_norm_sums(rows, cols, x, cols + pad, dy, cols + 2 * pad, mean, inv_std, sum_dy,
                                           sum_dy_xhat, pad > 0);
                     const T* gamma = s.input(1, cols, cols);
                     T* dx = s.output(rows, cols, cols);
                     table.batch_norm_backward(rows, cols, x, cols + pad, dy, cols + 2 * pad, mean, inv_std, gamma,
                                               sum_dy, sum_dy_xhat, dx, cols, pad > 0);
                 });
}

template <class T>
void check_losses() {
    for (int kind = 0; kind < kLosses; ++kind) {
        // 0: class labels, 1: targets, 2: targets and weights, 3: without a gradient
        const bool labelled = Loss(kind) == Loss::softmax_cross_entropy || Loss(kind) == Loss::hinge;
        for (int form = labelled ? 0 : 1; form < 4; ++form) {
            const std::string name = "loss " + std::to_string(kind) + " form " + std::to_string(form);
            for_sizes<T>(name.c_str(), 0, 1,
                         [&](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                             LossRows<T> args{};
                             args.rows = rows;
                             args.cols = cols;
                             args.output = s.input(rows, cols, cols + pad);
                             args.ldo = cols + pad;
                             if (form == 0) {
                                 auto* labels = s.template other<std::int32_t>(rows);
                                 for (index_t r = 0; r < rows; ++r) labels[r] = std::int32_t(r % cols);
                                 args.labels = labels;
                             } else {
                                 args.targets = s.input(rows, cols, cols + 2 * pad);
                                 args.ldt = cols + 2 * pad;
                             }
                             if (form == 2) args.weights = s.input(1, rows, rows);
                             args.scale = T(0.5);
                             args.alpha = T(0.75);
                             args.smoothing = T(form % 2) / T(4);
                             if (form != 3) args.gradient = s.output(rows, cols, cols + pad);
                             args.ldg = cols + pad;
                             args.row_loss = s.output(1, rows, rows);
                             table.loss[kind](args);
                             CHECK(args.correct >= 0 && args.correct <= rows);
                         });
        }
    }
}

template <class T>
void check_updates() {
    // The state arrays a rule has; the others are null.
    const auto has_first = [](Optimizer rule) {
        return rule != Optimizer::sgd && rule != Optimizer::rmsprop && rule != Optimizer::adagrad;
    };
    const auto has_second = [](Optimizer rule) {
        return rule != Optimizer::sgd && rule != Optimizer::momentum && rule != Optimizer::nesterov;
    };
    for (int kind = 0; kind < kOptimizers; ++kind) {
        const std::string name = "update " + std::to_string(kind);
        for_sizes<T>(
            name.c_str(), 0, 0, [&](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
                const UpdateArgs<T> args{T(0.01), T(0.9), T(0.99), T(1e-6), T(0.01), T(0.001), T(2), T(3), T(4)};
                T* w = s.updated(rows, cols, cols + pad);
                const T* g = s.input(rows, cols, cols + 2 * pad);
                T* s1 = has_first(Optimizer(kind)) ? s.updated(rows, cols, cols + pad) : nullptr;
                T* s2 = has_second(Optimizer(kind)) ? s.updated(rows, cols, cols + pad) : nullptr;
                table.update[kind](rows, cols, w, cols + pad, g, cols + 2 * pad, s1, s2, args);
            });
    }
}

template <class T, class U>
void check_gather(Source type) {
    for_sizes<T>("gather", 0, 0, [&](const Table<T>& table, Scratch<T>& s, index_t rows, index_t cols, index_t pad) {
        // Rows and columns in reverse order: as a view of a NumPy array may ask for.
        const index_t ld = cols + pad;
        const index_t size = rows > 0 && cols > 0 ? (rows - 1) * ld + cols : 0;
        U* source = s.template other<U>(size);
        for (index_t i = 0; i < size; ++i) source[i] = U(i % 2);
        auto* order = s.template other<std::int64_t>(rows);
        for (index_t r = 0; r < rows; ++r) order[r] = rows - 1 - r;
        T* out = s.output(rows, cols, cols + 2 * pad);
        const index_t bytes = index_t(sizeof(U));
        table.gather(type, rows, cols, source, ld * bytes, bytes, order, out, cols + 2 * pad);
        if (size == 0) return;
        CHECK_EQ(out[0], T(source[(rows - 1) * ld]));
        T* reversed = s.output(rows, cols, cols);
        table.gather(type, rows, cols, source + cols - 1, ld * bytes, -bytes, order, reversed, cols);
        CHECK_EQ(reversed[0], T(source[(rows - 1) * ld + cols - 1]));
    });
}

template <class T>
void check_gathers() {
    check_gather<T, float>(Source::f32);
    check_gather<T, double>(Source::f64);
    check_gather<T, std::uint8_t>(Source::u8);
    check_gather<T, std::int8_t>(Source::i8);
    check_gather<T, std::int16_t>(Source::i16);
    check_gather<T, std::int32_t>(Source::i32);
    check_gather<T, std::int64_t>(Source::i64);
    check_gather<T, std::uint16_t>(Source::u16);
    check_gather<T, std::uint32_t>(Source::u32);
    check_gather<T, std::uint64_t>(Source::u64);
    check_gather<T, bool>(Source::boolean);
}

template <class T>
void check_no_hole() {
    for (const Isa isa : testing::usable_isas()) {
        testing::set_context(testing::type_name<T>(), isa_name(isa));
        const Table<T>& t = kernels<T>(isa);
        CHECK(t.lanes >= 1 && t.gemm_mr >= 1 && t.gemm_nr >= 1);
        CHECK(t.gemm_panel && t.pack_panels && t.pack_panels_transposed && t.dropout_mask && t.apply_mask && t.add);
        CHECK(t.column_moments && t.combine_moments && t.normalize && t.batch_norm_sums && t.batch_norm_backward);
        CHECK(t.column_sums && t.gather && t.exp && t.log && t.fma_peak);
        CHECK(t.gaussian_noise && t.random_words && t.prelu_forward && t.prelu_backward);
        CHECK(t.maxout_forward && t.maxout_backward);
        CHECK(t.layer_norm_forward && t.layer_norm_backward && t.layer_norm_sums);
        for (const auto kernel : t.row_forward) CHECK(kernel);
        for (const auto kernel : t.row_backward) CHECK(kernel);
        for (const auto kernel : t.activation_forward) CHECK(kernel);
        for (const auto kernel : t.activation_backward) CHECK(kernel);
        for (const auto kernel : t.loss) CHECK(kernel);
        for (const auto kernel : t.update) CHECK(kernel);
    }
}

}  // namespace

#define TEST_BOTH(name)         \
    TEST(name) {                \
        check_##name<float>();  \
        check_##name<double>(); \
    }

TEST_BOTH(no_hole)
TEST_BOTH(activations)
TEST_BOTH(elementwise)
TEST_BOTH(row_functions)
TEST_BOTH(batch_norm)
TEST_BOTH(layer_norm)
TEST_BOTH(prelu)
TEST_BOTH(maxout)
TEST_BOTH(losses)
TEST_BOTH(updates)
TEST_BOTH(gathers)

// The detector itself: a matrix kernel that strays is caught. (Straying over the page would end the process, so only the rest.)
TEST(scratch_detects_strays) {
    Scratch<float> scratch;
    const auto caught = [&](auto stray) {
        scratch.start(testing::Edge::end);
        stray();
        const int before = testing::failed_checks();
        std::ostringstream silenced;
        std::streambuf* const shown = std::cerr.rdbuf(silenced.rdbuf());
        scratch.check();
        std::cerr.rdbuf(shown);
        const bool found = testing::failed_checks() == before + 1;
        testing::failed_checks() = before;
        return found;
    };
    CHECK(caught([&] { const_cast<float*>(scratch.input(2, 3, 5))[1] = 9.0f; }));
    CHECK(caught([&] { scratch.updated(2, 3, 5)[3] = 9.0f; }));
    CHECK(caught([&] { scratch.output(2, 3, 5); }));
}
