"""The training room: from pictures to a dataset, from a dataset to a LoRA on the record."""
