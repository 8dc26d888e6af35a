"""Pools of workers: in this process, on this machine, on a cluster."""
