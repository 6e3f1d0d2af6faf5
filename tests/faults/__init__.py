"""The fault campaign: every way a request can fail, for every action, in the editor and in CI."""
