"""How many secrets are found, and how many innocent words are taken for one."""
