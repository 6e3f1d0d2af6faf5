"""Where the module that an import names is found, one module per language.

Each finder is a function of the workspace's places, the importing file and the module as it is
written there; it returns the files that are the module, nothing for what lies outside of the
workspace.
"""
