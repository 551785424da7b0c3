#include "engine/names.hpp"

#include "core/check.hpp"

namespace steepest {

namespace {

// The number of `name` among the `count` names that name_of gives.
template <class NameOf>
int find_name(const char* what, const std::string& name, int count, NameOf name_of) {
    std::string known;
    for (int i = 0; i < count; ++i) {
        if (name == name_of(i)) return i;
        known += std::string(i > 0 ? ", " : "") + name_of(i);
    }
    fail(what, ": '", name, "' is unknown; accepted: ", known);
}

template <class Kind, std::size_t n>
Kind find_kind(const char* what, const std::string& name, const char* const (&names)[n]) {
    static_assert(n == std::size_t(Kind::count_), "a kind without a name");
    return Kind(find_name(what, name, int(n), [&](int i) { return names[i]; }));
}

}  // namespace

Activation activation_by_name(const std::string& name) {
    return Activation(
        find_name("activation", name, int(Activation::count_), [](int i) { return activation_name(Activation(i)); }));
}

RowFunction row_function_by_name(const std::string& name) {
    return find_kind<RowFunction>("function", name, {"softmax", "log_softmax", "hardmax"});
}

Loss loss_by_name(const std::string& name) {
    return find_kind<Loss>(
        "loss", name,
        {"softmax_cross_entropy", "sigmoid_cross_entropy", "mse", "mae", "huber", "poisson", "quantile", "hinge"});
}

Optimizer optimizer_by_name(const std::string& name) {
    return find_kind<Optimizer>("optimizer", name,
                                {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "adagrad", "nadam"});
}

bool takes_labels(Loss loss) { return loss == Loss::softmax_cross_entropy || loss == Loss::hinge; }

}  // namespace steepest
