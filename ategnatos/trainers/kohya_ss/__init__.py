"""What sd-scripts and musubi-tuner, programs of one author (kohya-ss), have in common."""
