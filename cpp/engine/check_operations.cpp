// What each kind of operation needs, checked once when a network is made.
#include <limits>

#include "core/check.hpp"
#include "engine/make_operation.hpp"
#include "engine/names.hpp"

namespace steepest {

namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

struct Counts {
    const char* kind;
    std::size_t most_inputs;
    std::size_t fewest_parameters, most_parameters;
    std::size_t states;
    bool same_width;  // maps (rows, n) to (rows, n)
};

constexpr Counts kCounts[] = {
    {"dense", 1, 1, 2, 0, false},     {"activation", 1, 0, 0, 0, true},      {"row_function", 1, 0, 0, 0, true},
    {"batch_norm", 1, 2, 2, 2, true}, {"layer_norm", 1, 2, 2, 0, true},      {"prelu", 1, 1, 1, 0, true},
    {"maxout", 1, 0, 0, 0, false},    {"dropout", 1, 0, 0, 0, true},         {"noise", 1, 0, 0, 0, true},
    {"sum", kAny, 0, 0, 0, true},     {"concatenate", kAny, 0, 0, 0, false}, {"select", 1, 0, 0, 0, false},
    {"embedding", 1, 1, 1, 0, false}, {"host", kAny, 0, kAny, 0, false},
};

class Checker {
public:
    Checker(const Program& program, const OperationSpec& spec) : program_(program), spec_(spec) {}

    void run() const {
        const Counts& counts = this->counts();
        require(spec_.inputs.size() <= counts.most_inputs, where(), " takes ", counts.most_inputs, " input, got ",
                spec_.inputs.size());
        require(spec_.parameters.size() >= counts.fewest_parameters &&
                    spec_.parameters.size() <= counts.most_parameters && spec_.states.size() == counts.states,
                where(), " got ", spec_.parameters.size(), " parameters and ", spec_.states.size(), " states");
        for (const int v : spec_.inputs)
            require(!counts.same_width || width(v) == out(), where(), " maps width ", width(v), " to ", out(),
                    "; both must be equal");
        numbers();
        tensors();
    }

private:
    const Counts& counts() const {
        std::string known;
        for (const auto& c : kCounts) {
            if (spec_.kind == c.kind) return c;
            known += std::string(known.empty() ? "" : ", ") + c.kind;
        }
        fail("program: unknown operation kind '", spec_.kind, "'; accepted: ", known);
    }
    std::string where() const { return "program: '" + spec_.kind + "' of layer '" + spec_.layer + "'"; }
    index_t width(int value) const { return program_.values[std::size_t(value)]; }
    index_t in() const { return width(spec_.inputs[0]); }
    index_t out() const { return width(spec_.output); }

    void range(const char* key, double low, double high) const {
        const double x = spec_.number(key);
        require(x >= low && x < high, where(), ": ", key, " is ", x, "; [", low, ", ", high, ") is accepted");
    }

    void numbers() const {
        constexpr double large = 1e9;
        const auto& kind = spec_.kind;
        if (kind == "dense" || kind == "activation") {
            const Activation f = activation_by_name(spec_.word("activation"));
            spec_.number("alpha");
            require(kind == "activation" || activation_needs(f) != ActivationNeeds::input, where(), " cannot fuse '",
                    spec_.word("activation"), "', whose derivative needs its input");
        }
        if (kind == "row_function") row_function_by_name(spec_.word("function"));
        if (kind == "batch_norm") {
            range("momentum", 0.0, 1.0 + 1e-12);
            range("epsilon", 1e-300, large);
        }
        if (kind == "batch_norm" || kind == "prelu") {
            const double channels = spec_.number_or("channels", double(in()));
            require(channels >= 1.0 && in() % index_t(channels) == 0, where(), ": ", channels,
                    " channels do not divide ", in(), " columns");
        }
        if (kind == "layer_norm") range("epsilon", 1e-300, large);
        if (kind == "dropout") range("rate", 0.0, 1.0);
        if (kind == "noise") range("sigma", 0.0, large);
        if (kind == "dropout" || kind == "noise") range("stream", 0.0, large);
        if (kind == "maxout") {
            range("pieces", 1.0, 65536.0);
            require(in() == out() * index_t(spec_.number("pieces")), where(), " maps width ", in(), " to ", out());
        }
        if (kind == "host") require(spec_.host != nullptr, where(), " has no function");
    }

    void fits(int parameter, index_t rows, index_t cols) const {
        const auto& p = program_.parameters[std::size_t(parameter)];
        require(p.rows() == rows && p.cols() == cols, "program: parameter '", p.name, "' has shape (", p.rows(), ", ",
                p.cols(), "), layer '", spec_.layer, "' needs (", rows, ", ", cols, ")");
    }

    void tensors() const {
        const auto& kind = spec_.kind;
        if (kind == "dense") {
            fits(spec_.parameters[0], in(), out());
            if (spec_.parameters.size() > 1) fits(spec_.parameters[1], 1, out());
        } else if (kind == "batch_norm" || kind == "layer_norm") {
            const index_t n = kind == "layer_norm" ? in() : index_t(spec_.number_or("channels", double(in())));
            for (const int p : spec_.parameters) fits(p, 1, n);
            for (const int s : spec_.states)
                require(program_.states[std::size_t(s)].size == n, "program: state '",
                        program_.states[std::size_t(s)].name, "' has size ", program_.states[std::size_t(s)].size,
                        ", layer '", spec_.layer, "' needs ", n);
        } else if (kind == "prelu") {
            const auto& p = program_.parameters[std::size_t(spec_.parameters[0])];
            fits(spec_.parameters[0], 1, p.cols() == 1 ? 1 : index_t(spec_.number_or("channels", double(in()))));
        } else if (kind == "embedding") {
            require(in() == 1, where(), " takes one column, got ", in());
            fits(spec_.parameters[0], program_.parameters[std::size_t(spec_.parameters[0])].rows(), out());
        } else if (kind == "concatenate") {
            index_t sum = 0;
            for (const int v : spec_.inputs) sum += width(v);
            require(sum == out(), where(), " joins ", sum, " columns into ", out());
        } else if (kind == "select") {
            const auto found = spec_.lists.find("columns");
            require(found != spec_.lists.end() && index_t(found->second.size()) == out(), where(), " needs ", out(),
                    " columns");
            for (const double c : found->second)
                require(c >= 0.0 && c < double(in()), where(), ": column ", c, " is outside [0, ", in(), ")");
        }
    }

    const Program& program_;
    const OperationSpec& spec_;
};

}  // namespace

void check_operations(const Program& program) {
    for (const auto& spec : program.operations) Checker(program, spec).run();
}

}  // namespace steepest
