"""The studio room: the place itself: making it, looking after it, knowing its machine."""
