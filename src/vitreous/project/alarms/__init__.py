"""Alarms of a session: limits, rules, trends, likely causes, and how people are told."""
