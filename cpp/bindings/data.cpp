#include "bindings/data.hpp"

#include "bindings/host.hpp"
#include "engine/names.hpp"

namespace steepest {

namespace {

bool native_order(const py::dtype& type) {
    const char order = type.byteorder();
    const std::uint16_t probe = 1;
    const bool little = *reinterpret_cast<const unsigned char*>(&probe) == 1;
    return order == '=' || order == '|' || order == (little ? '<' : '>');
}

bool source_type(const py::dtype& type, Source* source) {
    if (!native_order(type)) return false;
    const auto size = type.itemsize();
    switch (type.kind()) {
        case 'f': *source = size == 4 ? Source::f32 : Source::f64; return size == 4 || size == 8;
        case 'b': *source = Source::boolean; return true;
        case 'u':
            *source = size == 1 ? Source::u8 : size == 2 ? Source::u16 : size == 4 ? Source::u32 : Source::u64;
            return true;
        case 'i':
            *source = size == 1 ? Source::i8 : size == 2 ? Source::i16 : size == 4 ? Source::i32 : Source::i64;
            return true;
        default: return false;
    }
}

const double* sample_weights(const py::object& weights, index_t rows) {
    if (weights.is_none()) return nullptr;
    require(py::isinstance<py::array_t<double>>(weights), "sample_weight: must be a float64 array");
    const auto array = py::reinterpret_borrow<py::array>(weights);
    require(array.ndim() == 1 && array.shape(0) == rows, "sample_weight: must have shape (", rows, ",)");
    require((array.flags() & py::array::c_style) != 0, "sample_weight: must be C-contiguous");
    return static_cast<const double*>(array.data());
}

}  // namespace

SourceMatrix source_matrix(const py::array& array, const std::string& name) {
    SourceMatrix source;
    require(array.ndim() == 2, name, ": has ", array.ndim(), " dimensions, must have 2");
    // The name is made only for the message: NumPy takes microseconds to say it, as long as a small step takes.
    if (!as_source(array, &source))
        fail(name, ": dtype ", std::string(py::str(array.dtype())),
             " is not supported; accepted: float32, float64, bool and integers in native byte order");
    return source;
}

bool as_source(const py::array& matrix, SourceMatrix* source) {
    if (!source_type(matrix.dtype(), &source->type)) return false;
    source->base = matrix.data();
    source->rows = matrix.shape(0);
    source->cols = matrix.shape(1);
    source->row_bytes = matrix.strides(0);
    source->col_bytes = matrix.strides(1);
    return true;
}

SourceMatrix source_samples(const py::object& x, const std::string& name) {
    if (py::isinstance<py::array>(x)) return source_matrix(py::reinterpret_borrow<py::array>(x), name);
    if (!py::hasattr(x, "indptr") || !py::hasattr(x, "indices"))
        throw py::type_error(name + ": must be an array or compressed sparse rows");
    const py::array values = x.attr("data"), columns = x.attr("indices"), starts = x.attr("indptr");
    const auto shape = x.attr("shape").cast<std::pair<index_t, index_t>>();
    SourceMatrix source;
    for (const auto& array : {values, columns, starts})
        require(array.ndim() == 1 && (array.flags() & py::array::c_style) != 0, name,
                ": the arrays of a sparse matrix must be one-dimensional and contiguous");
    require(source_type(values.dtype(), &source.type), name, ": the type of a sparse matrix's values is not supported");
    source.wide_index = py::isinstance<py::array_t<std::int64_t>>(starts);
    require(source.wide_index ? py::isinstance<py::array_t<std::int64_t>>(columns)
                              : py::isinstance<py::array_t<std::int32_t>>(starts) &&
                                    py::isinstance<py::array_t<std::int32_t>>(columns),
            name, ": the indices of a sparse matrix must both be int32 or int64");
    require(starts.size() == shape.first + 1 && columns.size() == values.size(), name,
            ": the arrays of a sparse matrix do not fit its shape; is it in compressed rows?");
    source.base = values.data();
    source.row_starts = starts.data();
    source.columns = columns.data();
    source.entries = values.size();
    source.rows = shape.first;
    source.cols = shape.second;
    return source;
}

Extent extent_of_samples(const py::object& x) {
    const bool dense = py::isinstance<py::array>(x);
    return extent(dense ? py::reinterpret_borrow<py::array>(x) : py::array(x.attr("data")));
}

LossSpec loss_from(const py::dict& description) {
    require(description.contains("kind"), "loss: lacks 'kind'");
    const auto name = description["kind"].cast<std::string>();
    LossSpec spec;
    if (description.contains("alpha")) spec.alpha = description["alpha"].cast<double>();
    if (description.contains("smoothing")) spec.smoothing = description["smoothing"].cast<double>();
    if (description.contains("factor")) spec.factor = description["factor"].cast<double>();
    if (name == "host") {
        require(description.contains("function"), "loss: 'host' lacks 'function'");
        spec.host = host_loss(description["function"]);
    } else {
        spec.kind = loss_by_name(name);
    }
    return spec;
}

DataSet data_set(const py::object& x, const py::array& y, const py::object& sample_weight, index_t input_width,
                 index_t width, const LossSpec& loss) {
    DataSet data;
    data.x = source_samples(x, "x");
    require(data.x.cols == input_width, "x: has ", data.x.cols, " columns, the network takes ", input_width);
    require(data.x.rows > 0, "x: has no rows");
    require(y.ndim() >= 1 && y.shape(0) == data.x.rows, "y: must have as many rows as x (", data.x.rows, ")");
    if (y.ndim() == 1) {
        require(loss.host || takes_labels(loss.kind), "y: class labels do not go with this loss; give a (rows, ", width,
                ") array");
        require(py::isinstance<py::array_t<std::int32_t>>(y) && (y.flags() & py::array::c_style) != 0,
                "y: labels must be a C-contiguous int32 array");
        data.labels = static_cast<const std::int32_t*>(y.data());
    } else {
        data.targets = source_matrix(y, "y");
        require(data.targets.cols == width, "y: has ", data.targets.cols, " columns, the network gives ", width);
    }
    data.weights = sample_weights(sample_weight, data.x.rows);
    return data;
}

DataSet labelled_data_set(const py::object& x, const py::array& y, const py::object& sample_weight, index_t input_width,
                          index_t width, const LossSpec& loss) {
    const DataSet data = data_set(x, y, sample_weight, input_width, width, loss);
    for (index_t r = 0; r < data.x.rows && data.labels != nullptr; ++r)
        require(data.labels[r] >= 0 && data.labels[r] < width, "y: label ", data.labels[r], " of row ", r,
                " is outside [0, ", width, ")");
    return data;
}

}  // namespace steepest
