// Forced inlining. Code of an instruction-set unit must never be left behind as a shared (weak) inline function: the linker keeps
// one copy of those, possibly the AVX-512 one, and a machine without AVX-512 would run it.
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#define STEEPEST_INLINE __forceinline
#define STEEPEST_NOINLINE __declspec(noinline)
#define STEEPEST_INLINE_LAMBDA
#define STEEPEST_RESTRICT __restrict
#else
#define STEEPEST_INLINE inline __attribute__((always_inline))
#define STEEPEST_NOINLINE __attribute__((noinline))
#define STEEPEST_INLINE_LAMBDA __attribute__((always_inline))  // behind a lambda's parameters
#define STEEPEST_RESTRICT __restrict__
#endif

// A hint to bring the line at p into the caches; any address is allowed.
#if defined(__GNUC__) || defined(__clang__)
#define STEEPEST_PREFETCH(p) __builtin_prefetch(p)
#define STEEPEST_PREFETCH_L2(p) __builtin_prefetch(p, 0, 2)
#else
#define STEEPEST_PREFETCH(p) ((void)(p))
#define STEEPEST_PREFETCH_L2(p) ((void)(p))
#endif
