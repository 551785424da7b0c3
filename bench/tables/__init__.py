"""The tables by name, each `measure(options) -> Table`."""

from bench.tables import data, footprint, kernels, norm_dropout, predict, shapes, threads

TABLES = {
    "shapes": shapes.measure,
    "threads": threads.measure,
    "predict": predict.measure,
    "kernels": kernels.measure,
    "footprint": footprint.measure,
    "norm_dropout": norm_dropout.measure,
    "data": data.measure,
}
