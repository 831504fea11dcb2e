"""ONNX Runtime from Python with the plain fp32 export, the way fastembed runs it: batches of 256 padded to the longest,
the runtime's own threads, mean pooling in numpy. Speaks JSON, one line a message, on stdin and stdout.

usage: onnxruntime_python.py MODEL_FOLDER TOKENS
"""

import json
import resource
import sys
import time

begun = time.perf_counter()
import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

BATCH = 256
folder, tokens = sys.argv[1], int(sys.argv[2])
tokenizer = Tokenizer.from_file(f'{folder}/tokenizer.json')
tokenizer.enable_truncation(tokens)
tokenizer.enable_padding(pad_id=0, pad_token='[PAD]')
session = ort.InferenceSession(f'{folder}/onnx/model.onnx', providers=['CPUExecutionProvider'])


def embed(texts):
    vectors = []
    for start in range(0, len(texts), BATCH):
        encoded = tokenizer.encode_batch(texts[start:start + BATCH])
        ids = np.array([entry.ids for entry in encoded], np.int64)
        mask = np.array([entry.attention_mask for entry in encoded], np.int64)
        inputs = {'input_ids': ids, 'attention_mask': mask, 'token_type_ids': np.zeros_like(ids)}
        hidden = session.run(['last_hidden_state'], inputs)[0]
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        vectors.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    return np.concatenate(vectors)


def send(**message):
    print(json.dumps(message), flush=True)


embed(['A first text.'])
send(kind='ready', startMs=(time.perf_counter() - begun) * 1000)
for line in sys.stdin:
    texts = json.loads(line)['texts']
    start, cpu = time.perf_counter(), time.process_time()
    first = embed(texts)[0]
    send(kind='round', seconds=time.perf_counter() - start, cpuSeconds=time.process_time() - cpu, stallMs=0,
         peakMB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, first=[float(value) for value in first])
