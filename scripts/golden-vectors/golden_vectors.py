"""Embeds texts as sentence-transformers does with MiniLM-L6-papers: the original tokenizer (Rust), truncated at 256
word pieces; the tuned weights in fp32, in standard operators on ONNX Runtime; mean over all tokens, unit length.

usage: golden_vectors.py TEXTS.json MODEL_FOLDER OUT.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

TOKENS = 256


def main(texts_path, folder, out):
    texts = json.loads(Path(texts_path).read_text())
    tokenizer = Tokenizer.from_file(f'{folder}/tokenizer.json')
    tokenizer.no_padding()
    session = ort.InferenceSession(f'{folder}/onnx/model.onnx', providers=['CPUExecutionProvider'])
    rows = []
    for text in texts:
        tokenizer.no_truncation()
        whole = len(tokenizer.encode(text).ids)
        tokenizer.enable_truncation(TOKENS)
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        inputs = {'input_ids': ids, 'attention_mask': np.ones_like(ids), 'token_type_ids': np.zeros_like(ids)}
        mean = session.run(['last_hidden_state'], inputs)[0][0].astype(np.float64).mean(0)
        vector = mean / np.linalg.norm(mean)
        rows.append({'text': text, 'tokens': whole, 'vector': [round(float(value), 5) for value in vector]})
    lines = ',\n'.join(json.dumps(row, ensure_ascii=False, separators=(',', ':')) for row in rows)
    Path(out).write_text(f'[\n{lines}\n]\n')
    print(f'{out}: {len(rows)} texts, {Path(out).stat().st_size:,} bytes')


main(*sys.argv[1:])
