// The polynomials of math.hpp, computed by cpp/simd/math_coefficients.py (which see for what each one stands for).
#pragma once

namespace steepest {
namespace {

template <class T>
struct MathConstants;

template <>
struct MathConstants<float> {
    using T = float;
    // exp is 0 below and inf above; expm1 is -1 below expm1_low; erf is 1 above erf_high.
    static constexpr T exp_low = -104.5f, exp_high = 89.0f, expm1_low = -20.0f, erf_high = 4.0f;
    static constexpr T log2_e = 1.44269504f, sqrt_half = 0.707106781f;
    // ln 2 in two parts; the high one has so few bits that its product with an exponent is exact.
    static constexpr T ln2_high = 0.693145751953125f, ln2_low = 1.4286068203094172321e-6f;
    // error 6.4e-08
    static constexpr T exp_rest[] = {0.5f, 0.166665763f, 0.0416665561f, 0.00836317893f, 0.0013926184f};
    // error 2.2e-08
    static constexpr T log_rest[] = {0.666666687f, 0.400001228f, 0.285508156f, 0.233305827f};
    // error 7.8e-09
    static constexpr T erf_small[] = {0.128379166f,    -0.376126379f,    0.112837911f,
                                      -0.0268661324f,  0.00522378366f,   -0.000854263781f,
                                      0.000119565622f, -1.39093399e-05f, 1.0589381e-06f};
    // error 9.0e-09
    static constexpr T erfcx[] = {0.255395681f,   -0.427185833f,  0.241658211f,     -0.0789785236f,
                                  0.00373214134f, 0.00699485559f, -0.000836589956f, -0.000944159634f};
};

template <>
struct MathConstants<double> {
    using T = double;
    static constexpr T exp_low = -746.0, exp_high = 710.0, expm1_low = -40.0, erf_high = 6.0;
    static constexpr T log2_e = 1.4426950408889634, sqrt_half = 0.70710678118654752;
    static constexpr T ln2_high = 0.69314718055989033, ln2_low = 5.4979230187083711747e-14;
    // error 1.2e-16
    static constexpr T exp_rest[] = {0.50000000000000011,    0.16666666666666669,    0.041666666666624129,
                                     0.0083333333333300615,  0.0013888888917213717,  0.00019841269863053618,
                                     2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
                                     2.510038549551032e-08};
    // error 3.7e-17
    static constexpr T log_rest[] = {0.66666666666666663, 0.40000000000000879, 0.28571428570803231,
                                     0.2222222239180047,  0.18181795630884753, 0.15386240205813478,
                                     0.13268759668560612, 0.13086767009948175};
    // error 1.2e-17
    static constexpr T erf_small[] = {0.12837916709551259,     -0.37612638903183754,    0.11283791670955126,
                                      -0.026866170645131252,   0.0052239776254421879,   -0.00085483270234508176,
                                      0.00012055332981786873,  -1.4925650358250584e-05, 1.6462114359638961e-06,
                                      -1.636584450650579e-07,  1.4807188745599973e-08,  -1.2290488135612006e-09,
                                      9.421931953721263e-11,   -6.7038645696110264e-12, 4.4143876160686014e-13,
                                      -2.5657563083250449e-14, 1.0234910735667391e-15};
    // error 1.2e-17
    static constexpr T erfcx[] = {
        0.25539567631050575,     -0.42718584741395838,    0.24165819424246635,     -0.078978581015733115,
        0.0037328924043450165,   0.0069974617392940574,   -0.00084714325201339308, -0.00098197703026027213,
        4.3555637774879728e-05,  0.00017436123530124899,  2.7524819609205997e-05,  -2.7580465027982318e-05,
        -1.3960863250756434e-05, 1.393439667993715e-06,   3.7443735332653078e-06,  1.1995052231035317e-06,
        -3.9035732044924439e-07, -5.4941441041245587e-07, -1.632065834667942e-07,  1.8927635062490272e-07};
};

}  // namespace
}  // namespace steepest
