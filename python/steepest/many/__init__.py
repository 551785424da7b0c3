"""Many networks on one machine: trained side by side, for folds, seeds and settings.

A small network cannot use several cores; many can. `train_many` trains K models in one run over the same data, each
with the bits it would have alone; `cross_validate` is k-fold cross-validation on it, and
`steepest.ensembles.seed_ensemble` trains its members so.
"""

from steepest.many.cross_validation import CrossValidation, cross_validate
from steepest.many.folds import k_fold
from steepest.many.train import train_many

__all__ = ["CrossValidation", "cross_validate", "k_fold", "train_many"]
