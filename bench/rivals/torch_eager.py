"""PyTorch: tensors made before, rows by index_select, the fused Adam; no DataLoader, no `.item()` inside an epoch."""

import numpy as np
import torch
from torch import nn

from bench.problem import LEARNING_RATE
from bench.rivals.base import Rival


def make_network(spec):
    layers = []
    for n, k in zip(spec.widths[:-2], spec.widths[1:-1], strict=True):
        layers.append(nn.Linear(n, k))
        if spec.batch_norm:
            layers.append(nn.BatchNorm1d(k))
        layers.append(nn.ReLU())
        if spec.dropout:
            layers.append(nn.Dropout(spec.dropout))
    layers.append(nn.Linear(spec.widths[-2], spec.widths[-1]))
    return nn.Sequential(*layers)


class TorchEager(Rival):
    def build(self):
        torch.set_num_threads(self.spec.threads)
        torch.manual_seed(0)
        self.network = make_network(self.spec)
        self.loss = nn.CrossEntropyLoss()
        # Data of another type is converted once, before the clock starts.
        self.x_tensor = torch.from_numpy(np.ascontiguousarray(self.x, dtype=np.float32))
        self.y_tensor = torch.from_numpy(self.labels)

    def start(self):
        dense = [module for module in self.network if isinstance(module, nn.Linear)]
        with torch.no_grad():
            for module, (weight, bias) in zip(dense, self.layers, strict=True):
                module.weight.copy_(torch.from_numpy(weight.T.copy()))
                module.bias.copy_(torch.from_numpy(bias))
            for module in self.network:
                if isinstance(module, nn.BatchNorm1d):
                    module.reset_running_stats()
                    module.weight.fill_(1.0)
                    module.bias.zero_()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE, fused=True)
        self.network.train()

    def forward_loss(self, x, y):
        return self.loss(self.network(x), y)

    def epoch(self, rows=None):
        order = torch.randperm(len(self.x_tensor)) if rows is None else torch.arange(rows)
        rows, batch = len(order), self.spec.batch
        total = torch.zeros(())
        for begin in range(0, rows, batch):
            index = order[begin : begin + batch]
            loss = self.forward_loss(self.x_tensor.index_select(0, index), self.y_tensor.index_select(0, index))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * len(index)
        return total.item() / rows

    def forward(self, x):
        return self.network(x)

    def predict(self, x):
        self.network.eval()
        with torch.inference_mode():
            return self.forward(torch.from_numpy(x)).numpy()

    def versions(self):
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}


RIVAL = TorchEager
