// A zeroed array on a cache-line boundary that owns its memory. Large ones ask the kernel for 2 MiB pages: a column of a
// wide matrix touches a new 4 KiB page in every row, and the first-level TLB holds 64 to 96 of them.
#pragma once

#include <cstring>
#include <new>
#include <utility>

#include "core/types.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace steepest {

template <class T>
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(index_t count) : size_(count) {
        if (count <= 0) return;
        const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
        data_ = static_cast<T*>(::operator new(bytes, std::align_val_t(alignment(count))));
#if defined(__linux__)
        // Advice only: where it is refused the pages are small and the arithmetic is the same.
        if (alignment(count) == kHugePage) madvise(data_, bytes, MADV_HUGEPAGE);
#endif
        std::memset(static_cast<void*>(data_), 0, bytes);
    }
    ~AlignedBuffer() {
        if (data_ != nullptr) ::operator delete(data_, std::align_val_t(alignment(size_)));
    }
    AlignedBuffer(AlignedBuffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;

    T* data() const { return data_; }
    index_t size() const { return size_; }

private:
    static constexpr std::size_t kHugePage = std::size_t(2) << 20;
    static std::size_t alignment(index_t count) {
        return static_cast<std::size_t>(count) * sizeof(T) >= 2 * kHugePage ? kHugePage : std::size_t(kAlignment);
    }

    T* data_ = nullptr;
    index_t size_ = 0;
};

}  // namespace steepest
