"""What a simulation leaves in a folder: Parquet tables, `summary.json`, `report.html`."""
