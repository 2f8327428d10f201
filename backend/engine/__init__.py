"""Gatys' method as pure computation on tensors: no files, no sockets, no prints."""
