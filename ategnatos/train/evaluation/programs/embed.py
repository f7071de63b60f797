"""Vectors of pictures by a vision model of transformers: run as a program, never imported.

    python embed.py MODEL_FOLDER < paths.json > vectors.json

Reads a JSON list of picture files, writes ``{"model": ..., "vectors": [[...], ...]}``: vectors of
length 1, in their order. Nothing is fetched: the folder holds the model, as ``save_pretrained``
writes it (CLIP, SigLIP, DINOv2 and others that AutoModel knows).
"""

import json
import sys

BATCH = 8


def main() -> None:
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModel

    folder, paths = sys.argv[1], json.load(sys.stdin)
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    vectors: list[list[float]] = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            pictures = []
            for path in paths[start : start + BATCH]:
                with Image.open(path) as opened:
                    shown = opened.convert("RGBA")
                ground = Image.new("RGBA", shown.size, "white")
                ground.alpha_composite(shown)
                pictures.append(ground.convert("RGB"))
            inputs = processor(images=pictures, return_tensors="pt").to(device)
            if hasattr(model, "get_image_features"):
                found = model.get_image_features(**inputs)
            else:
                found = model(**inputs)
            pooled = getattr(found, "pooler_output", found)
            if pooled is None:
                pooled = found.last_hidden_state.mean(dim=1)
            unit = torch.nn.functional.normalize(pooled.float(), dim=-1)
            vectors += unit.cpu().tolist()
    json.dump({"model": type(model).__name__, "vectors": vectors}, sys.stdout)


if __name__ == "__main__":
    main()
