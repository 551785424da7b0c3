#include "bindings/monitor.hpp"

#include <algorithm>

namespace steepest {

std::vector<WatchedLayer> watched_layers(const py::list& layers) {
    std::vector<WatchedLayer> watched;
    for (const auto& item : layers) {
        const auto description = py::cast<py::dict>(item);
        WatchedLayer layer;
        layer.value = description["value"].cast<int>();
        layer.parameters = description["parameters"].cast<std::vector<int>>();
        layer.dies = description["dies"].cast<bool>();
        const py::object ends = description["ends"];
        layer.ends = !ends.is_none();
        if (layer.ends) std::tie(layer.low, layer.high) = ends.cast<std::pair<double, double>>();
        watched.push_back(std::move(layer));
    }
    return watched;
}

static py::array_t<double> layer_fields(const std::vector<LayerRecord>& records) {
    py::array_t<double> fields({index_t(kLayerFields), index_t(records.size())});
    for (std::size_t l = 0; l < records.size(); ++l) {
        const LayerRecord& r = records[l];
        const double values[kLayerFields] = {r.update_ratio, r.gradient_norm, r.gradient_norm_max,
                                             r.weight_norm,  r.mean,          r.std,
                                             r.unit_std,     r.dead,          r.saturated};
        for (int i = 0; i < kLayerFields; ++i) fields.mutable_at(i, index_t(l)) = values[i];
    }
    return fields;
}

py::dict record_to_python(const EpochRecord& record) {
    py::array_t<double> losses({index_t(record.losses.size()), index_t(4)});
    for (std::size_t i = 0; i < record.losses.size(); ++i) {
        const LossSegment& s = record.losses[i];
        const double values[4] = {s.count, s.sum, s.squares, s.most};
        std::copy_n(values, 4, losses.mutable_data(index_t(i), 0));
    }
    py::list spikes;
    for (const auto& spike : record.spikes)
        spikes.append(py::make_tuple(spike.step, spike.loss, spike.usual, spike.peak));
    py::dict result;
    result["samples"] = record.samples;
    result["noise_trace"] = record.noise_trace;
    result["gradient_square"] = record.gradient_square;
    result["descent"] = record.descent;
    result["layers"] = layer_fields(record.layers);
    result["first"] = layer_fields(record.first);
    result["losses"] = losses;
    result["spikes"] = spikes;
    return result;
}

std::vector<double> spike_state(const SpikeDetector::State& s) {
    return {s.count, s.fast, s.slow, s.variance, s.usual, s.usual_variance, s.scale, s.leaping};
}

SpikeDetector::State spike_state(const std::vector<double>& n) {
    require(n.size() == 8, "spike_state: must be 8 numbers, got ", n.size());
    return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
}

}  // namespace steepest
