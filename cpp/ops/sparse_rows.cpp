#include "ops/sparse_rows.hpp"

#include <algorithm>

#include "kernels/element_type.hpp"

namespace steepest {

namespace {

template <class Index>
struct Layout {
    const Index* starts;   // (rows + 1)
    const Index* columns;  // (entries)
    index_t entries;
    index_t cols;

    index_t begin(std::int64_t row) const { return inside(starts[row]); }
    index_t end(std::int64_t row) const { return std::max(begin(row), inside(starts[row + 1])); }

private:
    index_t inside(Index at) const { return std::clamp<index_t>(index_t(at), 0, entries); }
};

template <class T, class Value, class Index>
void gather_rows(const Layout<Index>& from, const Value* values, const std::int64_t* order, index_t count, T* out,
                 index_t ldo) {
    for (index_t i = 0; i < count; ++i) {
        T* row = out + i * ldo;
        std::fill_n(row, from.cols, T(0));
        for (index_t e = from.begin(order[i]), end = from.end(order[i]); e < end; ++e) {
            const index_t column = index_t(from.columns[e]);
            if (column >= 0 && column < from.cols) row[column] += T(values[e]);
        }
    }
}

template <class T, class Index>
void gather_by_value(const SourceMatrix& s, const std::int64_t* order, index_t count, T* out, index_t ldo) {
    const Layout<Index> from{static_cast<const Index*>(s.row_starts), static_cast<const Index*>(s.columns), s.entries,
                             s.cols};
    with_element_type(s.type, [&](auto zero) {
        gather_rows(from, static_cast<const decltype(zero)*>(s.base), order, count, out, ldo);
    });
}

}  // namespace

template <class T>
void gather_sparse(const SourceMatrix& source, const std::int64_t* order, index_t count, T* out, index_t ldo) {
    if (source.wide_index)
        gather_by_value<T, std::int64_t>(source, order, count, out, ldo);
    else
        gather_by_value<T, std::int32_t>(source, order, count, out, ldo);
}

template void gather_sparse(const SourceMatrix&, const std::int64_t*, index_t, float*, index_t);
template void gather_sparse(const SourceMatrix&, const std::int64_t*, index_t, double*, index_t);

}  // namespace steepest
