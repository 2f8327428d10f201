"""Where the weights of VGG-19 come from, and the proof that they are what they claim to be."""
