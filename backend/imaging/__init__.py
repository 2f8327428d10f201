"""Pictures to tensors and back: files, bit depth, alpha, colour, size."""
