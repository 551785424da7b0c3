"""Optimisers: one update of one tensor from its gradient, the state being a dict the caller keeps."""

import numpy as np

# What networks offer, and all the kernels there are.
NAMES = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
KERNELS = (*NAMES, "adagrad", "nadam")
STATE_SLOTS = {"sgd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 1, "adam": 2, "adamw": 2, "adagrad": 1, "nadam": 2}


def update(
    name,
    parameter,
    gradient,
    state,
    t,
    learning_rate,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=0.0,
    bias_correction=True,
):
    """Return the new parameter; `state` is changed. t counts the updates from 1.

    momentum: v = mu v + g; p -= lr v.  nesterov: v = mu v + g; p -= lr (g + mu v).
    rmsprop: s = rho s + (1 - rho) g^2; p -= lr g / (sqrt(s) + eps).
    adam (Kingma and Ba 2015): m = b1 m + (1 - b1) g; s = b2 s + (1 - b2) g^2; p -= lr m^ / (sqrt(s^) + eps) with
    m^ = m / (1 - b1^t), s^ = s / (1 - b2^t).  adamw (Loshchilov and Hutter 2019): p *= 1 - lr wd before Adam's update.
    adagrad (Duchi et al. 2011): s += g^2; p -= lr g / (sqrt(s) + eps).  nadam (Dozat 2016): Adam with
    m^ = b1 m / (1 - b1^(t + 1)) + (1 - b1) g / (1 - b1^t).
    """
    if name == "sgd":
        return parameter - learning_rate * gradient
    if name in ("momentum", "nesterov"):
        state["v"] = beta1 * state.get("v", 0.0) + gradient
        direction = state["v"] if name == "momentum" else gradient + beta1 * state["v"]
        return parameter - learning_rate * direction
    if name == "rmsprop":
        state["s"] = beta2 * state.get("s", 0.0) + (1 - beta2) * gradient**2
        return parameter - learning_rate * gradient / (np.sqrt(state["s"]) + epsilon)
    if name == "adagrad":
        state["s"] = state.get("s", 0.0) + gradient**2
        return parameter - learning_rate * gradient / (np.sqrt(state["s"]) + epsilon)
    if name in ("adam", "adamw", "nadam"):
        if name == "adamw":
            parameter = parameter * (1 - learning_rate * weight_decay)
        state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * gradient
        state["s"] = beta2 * state.get("s", 0.0) + (1 - beta2) * gradient**2
        first = state["m"] / (1 - beta1**t) if bias_correction else state["m"]
        if name == "nadam":
            own, following = (1 - beta1**t, 1 - beta1 ** (t + 1)) if bias_correction else (1.0, 1.0)
            first = beta1 * state["m"] / following + (1 - beta1) * gradient / own
        second = state["s"] / (1 - beta2**t) if bias_correction else state["s"]
        return parameter - learning_rate * first / (np.sqrt(second) + epsilon)
    raise KeyError(name)
