"""JupyterLab with jupyterlab-lsp, in Chromium."""
