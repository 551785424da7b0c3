#include "bindings/program.hpp"

#include "bindings/host.hpp"
#include "core/check.hpp"

namespace steepest {

namespace {

py::object item(const py::dict& from, const char* key) {
    require(from.contains(key), "program: lacks the key '", key, "'");
    return from[key];
}

ParameterSpec parameter_from(const py::dict& from) {
    ParameterSpec spec;
    spec.name = item(from, "name").cast<std::string>();
    spec.shape = item(from, "shape").cast<std::vector<index_t>>();
    const auto number = [&](const char* key, double otherwise) {
        return from.contains(key) ? from[key].cast<double>() : otherwise;
    };
    spec.l1 = number("l1", 0.0);
    spec.l2 = number("l2", 0.0);
    spec.rate_scale = number("rate_scale", 1.0);
    spec.max_norm = number("max_norm", 0.0);
    spec.decay = item(from, "decay").cast<bool>();
    spec.trainable = item(from, "trainable").cast<bool>();
    return spec;
}

StateSpec state_from(const py::dict& from) {
    const auto shape = item(from, "shape").cast<std::vector<index_t>>();
    require(shape.size() == 1, "program: a state has ", shape.size(), " dimensions; 1 is accepted");
    return {item(from, "name").cast<std::string>(), shape[0]};
}

OperationSpec operation_from(const py::dict& from) {
    OperationSpec spec;
    spec.kind = item(from, "kind").cast<std::string>();
    spec.layer = item(from, "layer").cast<std::string>();
    spec.inputs = item(from, "inputs").cast<std::vector<int>>();
    spec.output = item(from, "output").cast<int>();
    spec.parameters = item(from, "parameters").cast<std::vector<int>>();
    spec.states = item(from, "states").cast<std::vector<int>>();
    for (const auto& [key, value] : item(from, "attributes").cast<py::dict>()) {
        if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value))
            spec.lists[key.cast<std::string>()] = value.cast<std::vector<double>>();
        else if (py::isinstance<py::str>(value))
            spec.words[key.cast<std::string>()] = value.cast<std::string>();
        else
            spec.numbers[key.cast<std::string>()] = value.cast<double>();
    }
    if (spec.kind == "host") spec.host = host_function(item(from, "function"));
    return spec;
}

}  // namespace

Program program_from(const py::dict& description) {
    Program program;
    program.values = item(description, "values").cast<std::vector<index_t>>();
    for (const auto& p : item(description, "parameters").cast<py::list>())
        program.parameters.push_back(parameter_from(p.cast<py::dict>()));
    for (const auto& s : item(description, "states").cast<py::list>())
        program.states.push_back(state_from(s.cast<py::dict>()));
    for (const auto& o : item(description, "operations").cast<py::list>())
        program.operations.push_back(operation_from(o.cast<py::dict>()));
    program.output = item(description, "output").cast<int>();
    return program;
}

}  // namespace steepest
