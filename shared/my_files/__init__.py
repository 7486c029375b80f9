"""A person's own page: what became of their files, and a way to send one without any right to the storage account."""
