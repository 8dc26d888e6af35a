"""What a project keeps: the SQLite catalogue, its lock and inbox, tables of Parquet fragments."""
