#include <csignal>

#include "test.hpp"

namespace {

// Says where the program was when it touched a forbidden page, then dies of it as it would have.
void on_segfault(int signal) {
    std::cerr << "SIGSEGV at " << testing::context() << std::endl;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

// True when the test passed.
bool run(const testing::Test& test) {
    const int before = testing::failed_checks();
    testing::set_context(test.name);
    try {
        test.body();
    } catch (const std::exception& error) {
        testing::report(test.name, 0, std::string("threw ") + error.what());
    }
    return testing::failed_checks() == before;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string part = argc > 1 ? argv[1] : "";
    std::signal(SIGSEGV, on_segfault);
    int ran = 0;
    int failed = 0;
    for (const testing::Test& test : testing::tests()) {
        if (std::string(test.name).find(part) == std::string::npos) continue;
        ++ran;
        const bool passed = run(test);
        failed += passed ? 0 : 1;
        std::cout << (passed ? "ok      " : "FAILED  ") << test.name << std::endl;
    }
    std::cout << ran - failed << " passed, " << failed << " failed\n";
    // A name that matches nothing must not look like success.
    return ran == 0 ? 1 : failed;
}
