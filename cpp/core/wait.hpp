// What a worker does while it waits.
#pragma once

#if defined(__unix__) || defined(__APPLE__)
#include <sched.h>
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace steepest {

inline void pause_cpu() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

// Lends the core to others.
inline void yield_cpu() {
#if defined(__unix__) || defined(__APPLE__)
    sched_yield();
#else
    pause_cpu();
#endif
}

// A pause costs up to 140 cycles, so the first looks go without one; all of them take about 20 us.
template <class Ready>
bool look_for(const Ready& ready) {
    for (int look = 0; look < 600; ++look) {
        if (ready()) return true;
        if (look >= 100) pause_cpu();
    }
    return false;
}

}  // namespace steepest
