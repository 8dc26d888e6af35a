"""What a project contains: frozen records and typed columns, no pixels."""
