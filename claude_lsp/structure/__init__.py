"""Review without a model: facts about a project's structure, as findings. Pure, no I/O."""
