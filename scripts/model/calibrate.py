"""Writes smoothing.json: how far each input channel of the matrix products is scaled down before it is quantised.

usage: calibrate.py WHEEL

A few channels of a transformer are tens of times larger than the rest, and leave those no precision in eight bits.
SmoothQuant (Xiao et al. 2022) divides such channels and multiplies the matching rows of the weights. A factor is
max(1, peak / (RATIO · median peak)) ^ EXPONENT, with peak the 99.9th percentile of a channel's magnitude over
calibration.txt. Factors are rounded to multiples of 1/STEPS, coarser than the differences between CPUs, and committed,
so that building needs no calibration. Products that do not gain from it are left out.

One or two channels of the feed-forward's second product remain twice as large as all others, at [CLS] only. Their
factor is 0: they are not quantised.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from graph import build
from source import Source
from tokenizers import Tokenizer

HERE = Path(__file__).parent
STEPS, RATIO, EXPONENT, PERCENTILE, MAX_TOKENS = 16, 1.5, 0.75, 99.9, 256
SMOOTHED = ('.qkv', '.feedforward.up', '.feedforward.down')
EXACT, CHANNELS_EXACT = '.feedforward.down', 4


def calibration_texts() -> list[str]:
    return (HERE / 'calibration.txt').read_text('utf-8').strip().split('\n\n')


def reference_tokenizer(source: Source) -> Tokenizer:
    tokenizer = Tokenizer.from_str(source.read('tokenizer.json').decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def peaks(source: Source, texts: list[str]) -> dict[str, np.ndarray]:
    """The largest 99.9th percentile of each channel's magnitude over the texts, by product."""
    model, inputs = build(source.weights(), None, expose=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    tokenizer = reference_tokenizer(source)
    names = sorted(set(inputs.values()))
    peak = {name: np.float32(0) for name in names}
    for text in texts:
        for name, value in zip(names, session.run(names, {'input_ids': [tokenizer.encode(text).ids]})):
            peak[name] = np.maximum(peak[name], np.percentile(np.abs(value[0]), PERCENTILE, axis=0))
    return {product: peak[name] for product, name in inputs.items() if product.endswith(SMOOTHED)}


def main(wheel: str) -> None:
    lines = []
    for product, peak in peaks(Source(Path(wheel)), calibration_texts()).items():
        factors = np.maximum(1, peak / (RATIO * np.median(peak))) ** EXPONENT
        steps = np.rint(factors * STEPS).astype(int)
        if product.endswith(EXACT):
            steps[np.argsort(-peak / factors, kind='stable')[:CHANNELS_EXACT]] = 0
        lines.append(f'    {json.dumps(product)}: {json.dumps({str(i): int(s) for i, s in enumerate(steps) if s != STEPS})}')
    text = '{\n  "steps": %d,\n  "factors": {\n%s\n  }\n}\n' % (STEPS, ',\n'.join(lines))
    (HERE / 'smoothing.json').write_text(text)


if __name__ == '__main__':
    main(sys.argv[1])
