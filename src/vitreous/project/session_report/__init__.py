"""The report of a session: one content, written as a self-contained HTML file or as PDF."""
