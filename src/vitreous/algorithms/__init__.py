"""Pure mathematics on torch tensors: arrays and small frozen values in, new arrays out."""
