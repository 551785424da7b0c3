"""Layers: small declarative objects that lower themselves to operations of a program."""

from steepest.layers.activation import Activation, PReLU
from steepest.layers.base import Layer
from steepest.layers.columns import Columns, Embedding
from steepest.layers.custom import Custom
from steepest.layers.dense import Dense, Maxout
from steepest.layers.noise import Dropout, GaussianNoise
from steepest.layers.normalization import BatchNorm, Flatten, LayerNorm, Standardize
from steepest.layers.residual import Residual

__all__ = [
    "Activation",
    "BatchNorm",
    "Columns",
    "Custom",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "Maxout",
    "PReLU",
    "Residual",
    "Standardize",
]
