"""Layers: small declarative objects that lower themselves to operations of a program."""

from steepest.layers.activation import Activation
from steepest.layers.base import Layer
from steepest.layers.batch_norm import BatchNorm
from steepest.layers.dense import Dense
from steepest.layers.dropout import Dropout

__all__ = ["Activation", "BatchNorm", "Dense", "Dropout", "Layer"]
