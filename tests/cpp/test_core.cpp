#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/check.hpp"
#include "core/float_mode.hpp"
#include "core/team.hpp"
#include "core/types.hpp"
#include "test.hpp"

using namespace steepest;

TEST(aligned_buffer_is_aligned_and_zeroed) {
    for (const index_t count : {1, 7, 64, 1000, 1 << 20}) {
        testing::set_context("count", count);
        AlignedBuffer<float> buffer(count);
        CHECK_EQ(buffer.size(), count);
        CHECK_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % std::uintptr_t(kAlignment), 0u);
        bool zero = true;
        for (index_t i = 0; i < count; ++i) zero = zero && buffer.data()[i] == 0.0f;
        CHECK(zero);
    }
    CHECK(AlignedBuffer<double>(0).data() == nullptr);
}

TEST(aligned_buffer_moves_its_memory) {
    AlignedBuffer<double> first(10);
    first.data()[9] = 3.0;
    double* const memory = first.data();
    AlignedBuffer<double> second(std::move(first));
    CHECK(second.data() == memory);
    AlignedBuffer<double> third(5);
    third = std::move(second);
    CHECK(third.data() == memory);
    CHECK_EQ(third.size(), 10);
    CHECK_EQ(third.data()[9], 3.0);
}

TEST(matrix_view_slices_rows) {
    std::vector<int> data(5 * 4);
    for (int i = 0; i < 20; ++i) data[std::size_t(i)] = i;
    const MatrixView<int> view{data.data(), 5, 3, 4};
    const MatrixView<int> part = view.slice(2, 5);
    CHECK_EQ(part.rows, 3);
    CHECK_EQ(part.cols, 3);
    CHECK_EQ(part.row(1)[2], 14);
}

TEST(rounding_to_units) {
    CHECK_EQ(ceil_div(0, 16), 0);
    CHECK_EQ(ceil_div(1, 16), 1);
    CHECK_EQ(ceil_div(16, 16), 1);
    CHECK_EQ(round_up(17, 16), 32);
}

TEST(require_throws_with_all_parts) {
    require(true, "not thrown");
    try {
        require(false, "rows = ", 3, " is not ", 2.5);
        CHECK(false);
    } catch (const std::invalid_argument& error) {
        CHECK_EQ(std::string(error.what()), std::string("rows = 3 is not 2.5"));
    }
}

TEST(share_covers_everything_once) {
    for (int count = 1; count <= 7; ++count) {
        for (const index_t n : {0, 1, 15, 16, 17, 100, 1000}) {
            for (const index_t unit : {1, 16}) {
                testing::set_context("count", count, "n", n, "unit", unit);
                index_t next = 0;
                for (int id = 0; id < count; ++id) {
                    index_t begin = -1;
                    index_t end = -1;
                    Worker{id, count, nullptr}.share(n, unit, &begin, &end);
                    CHECK_EQ(begin, next);
                    CHECK(end >= begin);
                    CHECK(begin == n || begin % unit == 0);
                    next = end;
                }
                CHECK_EQ(next, n);
            }
        }
    }
}

// More workers than cores on purpose: the barrier has to yield. Between two barriers every worker must see what all others wrote.
TEST(barrier_orders_phases) {
    constexpr int rounds = 500;
    for (const int threads : {1, 2, 3, 5}) {
        testing::set_context("threads", threads);
        std::vector<int> written(8, 0);
        std::atomic<int> errors{0};
        std::atomic<int> came{0};
        run_team(threads, [&](const Worker& worker) {
            came.fetch_add(1);
            for (int round = 1; round <= rounds; ++round) {
                written[std::size_t(worker.id)] = round;
                worker.barrier();
                for (int other = 0; other < worker.count; ++other)
                    if (written[std::size_t(other)] != round) errors.fetch_add(1);
                worker.barrier();
            }
        });
        CHECK_EQ(errors.load(), 0);
        CHECK(came.load() >= 1 && came.load() <= threads);
    }
}

TEST(team_rethrows_what_a_worker_threw) {
    for (const int threads : {1, 3}) {
        testing::set_context("threads", threads);
        CHECK_THROWS(run_team(threads,
                              [](const Worker& worker) {
                                  if (worker.id == worker.count - 1) throw std::domain_error("from a worker");
                              }),
                     std::domain_error);
        std::atomic<int> came{0};
        run_team(threads, [&](const Worker&) { came.fetch_add(1); });
        CHECK(came.load() >= 1);
    }
}

TEST(team_inside_a_team_is_one_worker) {
    std::atomic<int> largest{0};
    run_team(2, [&](const Worker& outer) {
        if (outer.count < 2) return;  // the runtime granted one thread: nothing is nested
        run_team(2, [&](const Worker& inner) {
            if (inner.count > largest.load()) largest.store(inner.count);
        });
    });
    CHECK(largest.load() <= 1);
}

TEST(default_threads_can_be_set_and_restored) {
    CHECK(available_threads() >= 1);
    set_default_threads(3);
    CHECK_EQ(default_threads(), 3);
    set_default_threads(0);
    CHECK_EQ(default_threads(), available_threads());
}

#if defined(__x86_64__) || defined(_M_X64) || defined(__aarch64__)
// volatile keeps the compiler from doing the division itself.
static float half_of_smallest_normal() {
    volatile float smallest = std::numeric_limits<float>::min();
    volatile float half = smallest / 2.0f;
    return half;
}

TEST(denormals_are_flushed_inside_and_kept_outside) {
    CHECK(half_of_smallest_normal() > 0.0f);
    {
        const FlushDenormals flush;
        CHECK_EQ(half_of_smallest_normal(), 0.0f);
    }
    CHECK(half_of_smallest_normal() > 0.0f);
    for (const int threads : {1, 2}) {
        std::atomic<int> kept{0};
        run_team(threads, [&](const Worker&) {
            if (half_of_smallest_normal() > 0.0f) kept.fetch_add(1);
        });
        CHECK_EQ(kept.load(), 0);
        CHECK(half_of_smallest_normal() > 0.0f);
    }
}
#endif
