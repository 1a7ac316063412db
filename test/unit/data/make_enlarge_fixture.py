"""Makes enlarge-pillow.json: images of noise as Pillow enlarges them. Usage: python make_enlarge_fixture.py (needs Pillow)."""

import base64
import json
import pathlib
import random

import PIL
from PIL import Image

SIZES = [(3, 2, 5, 4), (5, 7, 32, 45), (1, 1, 4, 4), (20, 20, 32, 32), (2, 9, 3, 13), (31, 32, 32, 33), (7, 5, 7, 6), (10, 10, 11, 30)]

random.seed(3)
cases = []
for width, height, to_width, to_height in SIZES:
    pixels = bytes(random.randint(0, 255) for _ in range(width * height * 3))
    image = Image.frombytes("RGB", (width, height), pixels)
    enlarged = image.resize((to_width, to_height), Image.BILINEAR).tobytes()
    cases.append(
        {
            "from": [width, height],
            "to": [to_width, to_height],
            "pixels": base64.b64encode(pixels).decode(),
            "enlarged": base64.b64encode(enlarged).decode(),
        }
    )
path = pathlib.Path(__file__).parent / "enlarge-pillow.json"
path.write_text(json.dumps({"pillow": PIL.__version__, "cases": cases}) + "\n")
