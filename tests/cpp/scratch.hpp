// The matrices of one call of a kernel, each in guarded memory of its own. Inputs hold finite numbers, outputs NaN, and the gap between
// the last column and the next row a mark; check() finds an input that changed, an output element that was not written, and a
// gap that was.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "core/types.hpp"
#include "guarded.hpp"
#include "kernels/table.hpp"
#include "test.hpp"

namespace testing {

using steepest::index_t;
using steepest::Isa;

enum class Role { input, output, updated };

template <class T>
class Scratch {
public:
    static constexpr T gap_mark() { return T(-12345); }

    // Starts the next call: all matrices handed out before are void.
    void start(Edge edge) {
        edge_ = edge;
        used_ = 0;
    }

    T* input(index_t rows, index_t cols, index_t ld) { return matrix(Role::input, rows, cols, ld); }
    T* output(index_t rows, index_t cols, index_t ld) { return matrix(Role::output, rows, cols, ld); }
    T* updated(index_t rows, index_t cols, index_t ld) { return matrix(Role::updated, rows, cols, ld); }

    // An input of another element type, filled by the caller before the call.
    template <class U>
    U* other(index_t count) {
        Block& block = next(std::size_t(count) * sizeof(U));
        block = Block{block.data, 0, 0, 0, Role::input, {}};
        return reinterpret_cast<U*>(block.data);
    }

    void check() const {
        for (std::size_t b = 0; b < used_; ++b) check(blocks_[b], b);
    }

private:
    struct Block {
        char* data;
        index_t rows, cols, ld;
        Role role;
        std::vector<T> before;
    };

    Block& next(std::size_t bytes) {
        if (used_ == blocks_.size()) {
            memory_.push_back(std::make_unique<Guarded>(std::size_t(1) << 18));
            blocks_.emplace_back();
        }
        Block& block = blocks_[used_];
        block.data = memory_[used_++]->place(bytes, edge_);
        return block;
    }

    T* matrix(Role role, index_t rows, index_t cols, index_t ld) {
        const index_t size = rows > 0 && cols > 0 ? (rows - 1) * ld + cols : 0;
        Block& block = next(std::size_t(size) * sizeof(T));
        block.rows = rows;
        block.cols = cols;
        block.ld = ld;
        block.role = role;
        T* data = reinterpret_cast<T*>(block.data);
        for (index_t i = 0; i < size; ++i) {
            const bool gap = ld > 0 && i % ld >= cols;
            // Quarters between 1/4 and 13/4: positive, exact, and different enough for a mean and a variance.
            const T number = T(1 + (i * 7 + index_t(used_)) % 13) / T(4);
            data[i] = gap ? gap_mark() : role == Role::output ? std::numeric_limits<T>::quiet_NaN() : number;
        }
        block.before.assign(data, data + size);
        return data;
    }

    static void check(const Block& block, std::size_t number) {
        const T* data = reinterpret_cast<const T*>(block.data);
        for (std::size_t i = 0; i < block.before.size(); ++i) {
            const bool gap = index_t(i) % block.ld >= block.cols;
            if (block.role == Role::input || gap) {
                if (std::memcmp(&data[i], &block.before[i], sizeof(T)) == 0) continue;
                return report_block(gap ? "wrote between cols and ld" : "changed an input", number, i);
            }
            if (std::isnan(data[i])) return report_block("left NaN in an output", number, i);
        }
    }

    static void report_block(const char* what, std::size_t number, std::size_t i) {
        std::ostringstream text;
        text << what << ": matrix " << number << " of the call, element " << i;
        report("scratch.hpp", 0, text.str());
    }

    Edge edge_ = Edge::end;
    std::size_t used_ = 0;
    std::vector<Block> blocks_;
    std::vector<std::unique_ptr<Guarded>> memory_;
};

inline std::vector<Isa> usable_isas() {
    std::vector<Isa> usable;
    for (int i = 0; i < int(Isa::count_); ++i)
        if (steepest::available_isas() & (1u << i)) usable.push_back(Isa(i));
    return usable;
}

template <class T>
const char* type_name() {
    return sizeof(T) == 4 ? "float32" : "float64";
}

// Calls body(table, scratch, rows, cols, pad) for every instruction set of this machine, both edges, and sizes around every vector
// width: pad elements lie between the columns and the next row.
template <class T, class Body>
void for_sizes(const char* kernel, index_t least_rows, index_t least_cols, Body body) {
    Scratch<T> scratch;
    for (const Isa isa : usable_isas()) {
        const steepest::KernelTable<T>& table = steepest::kernels<T>(isa);
        CHECK_EQ(std::string(table.isa), std::string(steepest::isa_name(isa)));
        for (const Edge edge : {Edge::end, Edge::begin}) {
            for (index_t cols = least_cols; cols <= 67; ++cols) {
                for (const index_t rows : {0, 1, 2, 5, 17}) {
                    for (const index_t pad : {0, 3}) {
                        if (rows < least_rows) continue;
                        set_context(kernel, type_name<T>(), table.isa, "rows", rows, "cols", cols, "ld = cols +", pad,
                                    "page at", edge == Edge::end ? "end" : "begin");
                        scratch.start(edge);
                        body(table, scratch, rows, cols, pad);
                        scratch.check();
                    }
                }
            }
        }
    }
}

}  // namespace testing
