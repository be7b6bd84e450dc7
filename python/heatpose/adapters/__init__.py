"""Drop-in replacements for the decoders of other pose projects, one module per project.

Each has the names and signatures of what it replaces; ``docs/adapters`` says of each what is equal
to the bit and what is better on purpose. None imports the project that it replaces.
"""
