#include "test.hpp"

namespace {

// True when the test passed.
bool run(const testing::Test& test) {
    const int before = testing::failed_checks();
    testing::context().clear();
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
    int ran = 0;
    int failed = 0;
    for (const testing::Test& test : testing::tests()) {
        if (std::string(test.name).find(part) == std::string::npos) continue;
        ++ran;
        const bool passed = run(test);
        failed += passed ? 0 : 1;
        std::cout << (passed ? "ok      " : "FAILED  ") << test.name << '\n';
    }
    std::cout << ran - failed << " passed, " << failed << " failed\n";
    // A name that matches nothing must not look like success.
    return ran == 0 ? 1 : failed;
}
