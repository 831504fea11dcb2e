"""Compares the bundled model with the fp32 weights that it was built from.

usage: check_cosine.py WHEEL MODEL.onnx DATA

Fails if the mean cosine over 500 abstracts is below .998, or the smallest below .995.
"""

import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from calibrate import calibration_texts, reference_tokenizer
from graph import EPSILON, HEADS, LAYERS, WIDTH, build
from source import Source

COUNT, LEAST_MEAN, LEAST = 500, 0.998, 0.995


def text_sets(data: Path) -> dict[str, list[str]]:
    """500 abstracts of each collection, evenly spaced over the file; without collections, the project's own digest."""
    sets = {}
    for path in sorted(data.glob('scale/*.jsonl.gz')):
        with gzip.open(path, 'rt', encoding='utf-8') as lines:
            papers = [json.loads(line) for line in lines]
        papers = papers[:: max(1, len(papers) // COUNT)][:COUNT]
        sets[path.name] = [f"{paper['title']}\n{paper['abstract']}" for paper in papers]
    if not sets:
        paragraphs = Path('examples/digest.txt').read_text('utf-8').split('\n\n')
        sets['examples/digest.txt'] = [text.strip() for text in paragraphs if len(text.split()) >= 60]
    else:
        sets |= {f'titles of {name}': [text.split('\n')[0] for text in texts[:200]] for name, texts in sets.items()}
    return sets


def plain(weights: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """A reference implementation (Devlin et al. 2019; sentence-transformers' mean pooling), apart from the graph."""
    take = {name: array.astype(np.float64) for name, array in weights.items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)
        return x * take[f'{name}.weight'] + take[f'{name}.bias']

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ take[f'{name}.weight'].T + take[f'{name}.bias']

    x = sum(
        take[f'embeddings.{kind}_embeddings.weight'][rows]
        for kind, rows in (('word', ids), ('position', range(len(ids))), ('token_type', [0] * len(ids)))
    )
    x = norm(x, 'embeddings.LayerNorm')
    for layer in (f'encoder.layer.{number}' for number in range(LAYERS)):
        q, k, v = (linear(x, f'{layer}.attention.self.{part}') for part in ('query', 'key', 'value'))
        q, k, v = (part.reshape(len(ids), HEADS, -1).transpose(1, 0, 2) for part in (q, k, v))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS)
        chances = np.exp(scores - scores.max(-1, keepdims=True))
        y = (chances / chances.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), WIDTH)
        x = norm(x + linear(y, f'{layer}.attention.output.dense'), f'{layer}.attention.output.LayerNorm')
        y = linear(x, f'{layer}.intermediate.dense')
        y = y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2
        x = norm(x + linear(y, f'{layer}.output.dense'), f'{layer}.output.LayerNorm')
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def main(wheel: str, model: str, data: str) -> None:
    source = Source(Path(wheel))
    tokenizer = reference_tokenizer(source)
    reference = onnxruntime.InferenceSession(build(source.weights(), None)[0].SerializeToString())
    bundled = onnxruntime.InferenceSession(model)

    def embed(session: onnxruntime.InferenceSession, text: str) -> np.ndarray:
        return session.run(['sentence_embedding'], {'input_ids': [tokenizer.encode(text).ids]})[0][0].astype(np.float64)

    weights = source.weights()
    texts = calibration_texts()[:5]
    difference = max(np.abs(embed(reference, text) - plain(weights, tokenizer.encode(text).ids)).max() for text in texts)
    print(f'fp32 graph against BERT written out in float64: largest difference {difference:.1e}')
    failed = difference > 1e-6
    for name, texts in text_sets(Path(data)).items():
        cosines = np.array([embed(reference, text) @ embed(bundled, text) for text in texts])
        print(f'{name}: {len(texts)} texts, cosine mean {cosines.mean():.5f}, minimum {cosines.min():.5f}')
        failed |= cosines.mean() < LEAST_MEAN or cosines.min() < LEAST
    if failed:
        raise SystemExit(f'Expected a mean of at least {LEAST_MEAN} and a minimum of at least {LEAST}.')


if __name__ == '__main__':
    main(*sys.argv[1:])
