"""From the arguments of `fit` to steps of the core: requests, rows, the loop, what sees it and what ends it."""
