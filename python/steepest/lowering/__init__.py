"""From layers to the core: a flat program of operations, the passes that rewrite it, the network with names."""
