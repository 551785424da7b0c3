"""JAX: an epoch is one jitted lax.scan over the batches, buffers donated; gather, gradients and Adam are inside."""

import os

import jax
import jax.numpy as jnp
import numpy as np

from bench.problem import LEARNING_RATE
from bench.rivals.base import Rival

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class JaxScan(Rival):
    def build(self):
        self.rng = np.random.default_rng(0)
        self.x_array = jnp.asarray(self.x, dtype=jnp.float32)
        self.y_array = jnp.asarray(self.labels, dtype=jnp.int32)
        self.run_epoch = jax.jit(self.make_epoch(), donate_argnums=(0,))
        self.run_predict = jax.jit(lambda parameters, x: self.network(parameters, x, None)[0])

    def start(self):
        parameters = []
        for i, (weight, bias) in enumerate(self.layers):
            layer = {"weight": jnp.array(weight), "bias": jnp.array(bias)}
            if self.spec.batch_norm and i + 1 < len(self.layers):
                layer |= {"gamma": jnp.ones_like(bias), "beta": jnp.zeros_like(bias)}
            parameters.append(layer)
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        running = [(jnp.zeros(k), jnp.ones(k)) for k in self.spec.widths[1:-1]] if self.spec.batch_norm else []
        # The rbg generator is the fast one on a CPU.
        key = jax.random.key(0, impl="rbg")
        self.state = (
            parameters,
            zeros,
            jax.tree.map(jnp.zeros_like, parameters),
            running,
            jnp.zeros((), jnp.int32),
            key,
        )

    def network(self, parameters, x, key, running=None):
        """Logits and the batch's moments; key None means inference."""
        moments = []
        for i, layer in enumerate(parameters):
            x = x @ layer["weight"] + layer["bias"]
            if i + 1 == len(parameters):
                return x, moments
            if self.spec.batch_norm:
                mean, variance = (x.mean(0), x.var(0)) if key is not None else running[i]
                moments.append((mean, variance * (len(x) / (len(x) - 1))) if key is not None else running[i])
                x = (x - mean) * jax.lax.rsqrt(variance + 1e-5) * layer["gamma"] + layer["beta"]
            x = jax.nn.relu(x)
            if self.spec.dropout and key is not None:
                keep = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - self.spec.dropout, x.shape)
                x = jnp.where(keep, x / (1 - self.spec.dropout), 0)
        raise AssertionError("a network has an output layer")

    def make_epoch(self):
        def loss_of(parameters, x, y, key):
            logits, moments = self.network(parameters, x, key)
            chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
            return -chosen.mean(), moments

        def step(state, rows, x_all, y_all):
            parameters, first, second, running, t, key = state
            t = t + 1
            value = jax.value_and_grad(loss_of, has_aux=True)
            step_key = jax.random.fold_in(key, t) if self.spec.dropout else key
            (loss, moments), gradients = value(parameters, x_all[rows], y_all[rows], step_key)
            first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
            second = jax.tree.map(lambda s, g: BETA2 * s + (1 - BETA2) * g * g, second, gradients)
            rate1, rate2 = 1 / (1 - BETA1**t), 1 / (1 - BETA2**t)
            parameters = jax.tree.map(
                lambda p, m, s: p - LEARNING_RATE * (m * rate1) / (jnp.sqrt(s * rate2) + EPSILON),
                parameters,
                first,
                second,
            )
            running = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, moments)
            return (parameters, first, second, running, t, key), loss

        def epoch(state, order, x_all, y_all):
            state, losses = jax.lax.scan(lambda s, rows: step(s, rows, x_all, y_all), state, order)
            return state, losses.mean()

        return epoch

    def epoch(self, rows=None):
        order = self.rng.permutation(len(self.x_array)) if rows is None else np.arange(rows)
        # All batches are full: a scan has one shape.
        order = order[: len(order) // self.spec.batch * self.spec.batch].reshape(-1, self.spec.batch).astype(np.int32)
        self.state, loss = self.run_epoch(self.state, order, self.x_array, self.y_array)
        return float(loss)

    def predict(self, x):
        return np.asarray(self.run_predict(self.state[0], x))

    def versions(self):
        return {"jax": jax.__version__, "NPROC": os.environ.get("NPROC")}


RIVAL = JaxScan
