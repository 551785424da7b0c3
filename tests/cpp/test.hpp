// A test runner in one page: TEST(name) { ... CHECK(x); CHECK_EQ(a, b); }. `steepest_tests` runs all, `steepest_tests part` those whose
// name contains `part`; the exit code is the number of failed tests. A failed check is printed and the test goes on.
#pragma once

#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace testing {

struct Test {
    const char* name;
    void (*body)();
};

inline std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

inline int& failed_checks() {
    static int count = 0;
    return count;
}

// What the test is at when it fails inside loops (instruction set, kernel, sizes): set before each case.
inline std::string& context() {
    static std::string text;
    return text;
}

struct Registration {
    Registration(const char* name, void (*body)()) { tests().push_back({name, body}); }
};

template <class... Parts>
void set_context(const Parts&... parts) {
    std::ostringstream text;
    ((text << parts << ' '), ...);
    context() = text.str();
}

inline void report(const char* file, int line, const std::string& what) {
    // A broken kernel would fail ten thousand checks; the first ones tell.
    if (++failed_checks() <= 20) std::cerr << file << ':' << line << ": " << what << "  " << context() << '\n';
}

template <class A, class B>
void check_equal(const A& a, const B& b, const char* text, const char* file, int line) {
    if (a == b) return;
    std::ostringstream what;
    what << text << ": " << a << " != " << b;
    report(file, line, what.str());
}

}  // namespace testing

#define TEST(name)                                                                 \
    static void test_##name();                                                     \
    static const ::testing::Registration registration_##name{#name, &test_##name}; \
    static void test_##name()
#define CHECK(condition) ((condition) ? void() : ::testing::report(__FILE__, __LINE__, #condition))
#define CHECK_EQ(a, b) ::testing::check_equal((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_THROWS(statement, Error)                                                    \
    do {                                                                                  \
        bool thrown = false;                                                              \
        try {                                                                             \
            statement;                                                                    \
        } catch (const Error&) {                                                          \
            thrown = true;                                                                \
        }                                                                                 \
        if (!thrown) ::testing::report(__FILE__, __LINE__, #statement " throws " #Error); \
    } while (false)
