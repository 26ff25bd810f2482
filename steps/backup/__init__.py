"""A backup of everything that a cluster can be brought back from, in one encrypted file; and its way back."""
