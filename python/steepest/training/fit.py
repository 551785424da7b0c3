"""From the arguments of `fit` to a trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from steepest.checks import check_bool, check_int, check_items, check_verbose
from steepest.history import History
from steepest.losses import Loss
from steepest.optimizers import Adam, Optimizer
from steepest.registry import LOSSES, OPTIMIZERS
from steepest.training.augment import Augmentation
from steepest.training.callback import Callback
from steepest.training.interrupt import DeferredInterrupt
from steepest.training.progress import make_progress
from steepest.training.requests import drive
from steepest.training.run import Run
from steepest.training.stopping import EarlyStopping
from steepest.training.trainer import Trainer
from steepest.training.training_set import Fold, check_data, split, weigh_classes

if TYPE_CHECKING:
    from steepest.model import Model


def fit(model: Model, X: Any, y: Any, **settings: Any) -> History:
    """Train; see `Model.fit`."""
    with prepared(model, X, y, **settings) as trainer, DeferredInterrupt() as interrupt:
        return drive(trainer.train(interrupt))


@contextmanager
def prepared(
    model: Model,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any,
    epochs: Any,
    batch_size: Any,
    validation_data: Any,
    validation_split: Any,
    shuffle: Any,
    sample_weight: Any,
    class_weight: Any,
    augment: Any,
    callbacks: Sequence[Callback],
    early_stopping: Any,
    verbose: Any,
    fold: Fold | None = None,
) -> Iterator[Trainer]:
    """Check the arguments of `Model.fit` and give the trainer; inside the context the model is its alone."""
    epochs = check_int("epochs", epochs, 0)
    batch_size = check_int("batch_size", batch_size, 1)
    shuffle = shuffle if callable(shuffle) else check_bool("shuffle", shuffle)
    verbose = check_verbose(verbose)
    chosen_loss = _choose_loss(model, loss)
    chosen_optimizer = _choose_optimizer(model, optimizer)
    with model.guard.train():
        x, network = model.receive(X)
        train = check_data(model, chosen_loss, x, y, sample_weight)
        train, validation = split(model, chosen_loss, train, validation_data, validation_split, fold)
        if class_weight is not None:
            train = weigh_classes(train, class_weight, network)
        if augment is not None and chosen_optimizer.full_batch:
            raise ValueError("augment makes every step's data new, and L-BFGS needs the same: use Adam, for instance")
        augmentation = None if augment is None else Augmentation(augment, model.seed, network.program.input_shape)
        chosen_optimizer.bind(model, network.parameter_arena, network.signature)
        model.loss, model.optimizer = chosen_loss, chosen_optimizer
        run = Run(
            model=model,
            optimizer=chosen_optimizer,
            loss=chosen_loss,
            epochs=epochs,
            steps_per_epoch=-(-len(train) // batch_size),
            has_validation=validation is not None,
            data=train,
            batch_size=batch_size,
            shuffle=shuffle,
        )
        hooks = [*_check_callbacks(callbacks, early_stopping), make_progress(verbose)]
        hooks.sort(key=lambda hook: not hook.first)
        with network.training(augmentation, chosen_optimizer.rate_scales(network.parameters)):
            trainer = _trainer_class(chosen_optimizer)
            yield trainer(run, network, train, validation, batch_size, shuffle, augmentation, hooks)


def _trainer_class(optimizer: Optimizer) -> type[Trainer]:
    if not optimizer.full_batch:
        return Trainer
    from steepest.training.full_batch import FullBatchTrainer

    return FullBatchTrainer


def _choose_loss(model: Model, loss: Any) -> Loss:
    if loss is None and model.loss is None:
        raise ValueError(f"loss must be given at the first fit, one of {', '.join(map(repr, LOSSES.names()))}")
    chosen: Loss = LOSSES.create(model.loss if loss is None else loss, "loss")
    return chosen


def _choose_optimizer(model: Model, optimizer: Any) -> Optimizer:
    if optimizer is None:
        return model.optimizer if model.optimizer is not None else Adam()
    chosen: Optimizer = OPTIMIZERS.create(optimizer, "optimizer")
    return chosen


def _check_callbacks(callbacks: Any, early_stopping: Any) -> list[Callback]:
    if isinstance(callbacks, Callback):
        callbacks = [callbacks]
    chosen = check_items("callbacks", callbacks, "a list of objects of steepest.callbacks")
    for callback in chosen:
        if not isinstance(callback, Callback):
            hint = f": write {callback.__name__}(...)" if isinstance(callback, type) else ""
            raise TypeError(f"callbacks must be objects of steepest.callbacks.Callback, got {callback!r}{hint}")
    if early_stopping is not None:
        if not isinstance(early_stopping, EarlyStopping):
            early_stopping = EarlyStopping(patience=check_int("early_stopping", early_stopping, 1))
        chosen.append(early_stopping)
    return chosen
