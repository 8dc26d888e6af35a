"""The engine of projects: job types, graph, planner, states, executors; it knows nothing of microscopy."""
