"""Every event of a Dropbox team in your warehouse, exactly once."""
