"""steepest: `Sequential.fit`, one call per epoch, nothing switched off."""

import numpy as np

import steepest as st
from bench.problem import LEARNING_RATE
from bench.rivals.base import Rival


class Steepest(Rival):
    def build(self):
        st.set_num_threads(self.spec.threads)
        self.labels = self.labels.astype(np.int32)

    def start(self):
        layers = []
        for width in self.spec.widths[1:-1]:
            if self.spec.batch_norm:
                layers += [st.layers.Dense(width), st.layers.BatchNorm(), st.layers.Activation("relu")]
            else:
                layers.append(st.layers.Dense(width, activation="relu"))
            if self.spec.dropout:
                layers.append(st.layers.Dropout(self.spec.dropout))
        layers.append(st.layers.Dense(self.spec.widths[-1]))
        self.model = st.Sequential(layers, seed=0, dtype=self.spec.dtype, input_shape=self.spec.widths[0])
        dense = [array for name, array in self.model.parameters().items() if name.startswith("dense_")]
        for array, initial in zip(dense, [a for layer in self.layers for a in layer], strict=True):
            array[...] = initial
        self.optimizer = st.optimizers.Adam(LEARNING_RATE)

    def epoch(self, rows=None):
        history = self.model.fit(
            self.x[:rows],
            self.labels[:rows],
            loss="softmax_cross_entropy",
            optimizer=self.optimizer,
            epochs=1,
            batch_size=self.spec.batch,
            shuffle=rows is None,
            verbose=0,
        )
        return history.history["loss"][0]

    def predict(self, x):
        return self.model.predict(x)

    def versions(self):
        return {"steepest": st.__version__, "isa": st.build_info()["isa"]}


RIVAL = Steepest
