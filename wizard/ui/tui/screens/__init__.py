"""What fills the screen, one file each, its style sheet beside it."""
