"""torch.compile: forward, loss and backward compiled; the optimiser stays the fused one, already a single kernel."""

import torch

from bench.rivals.torch_eager import TorchEager


class TorchCompiled(TorchEager):
    def build(self):
        super().build()
        self.forward_loss = torch.compile(super().forward_loss)
        self.forward = torch.compile(super().forward)


RIVAL = TorchCompiled
