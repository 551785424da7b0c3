"""The tables by name, each `measure(options) -> Table`."""

from bench.tables import data, estimators, footprint, kernels, many, norm_dropout, predict, shapes, threads

TABLES = {
    "shapes": shapes.measure,
    "threads": threads.measure,
    "predict": predict.measure,
    "kernels": kernels.measure,
    "footprint": footprint.measure,
    "norm_dropout": norm_dropout.measure,
    "data": data.measure,
    "estimators": estimators.measure,
    "many": many.measure,
}
