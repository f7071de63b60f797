"""The official ComfyUI workflows, what their nodes are, and what ComfyUI's own editor sends."""
