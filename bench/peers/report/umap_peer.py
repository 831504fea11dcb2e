"""umap-learn with its defaults, for bench/report.ts: umap_peer.py ROWS DIMENSIONS OUT prints the seconds of two runs.
The first compiles; only the second is quoted. ROWS and OUT are float32 files.
Needs: see setup.
"""
import json, sys, time
import numpy as np
import umap

rows = np.fromfile(sys.argv[1], np.float32).reshape(-1, int(sys.argv[2]))
seconds = []
for _ in range(2):
    begun = time.perf_counter()
    places = umap.UMAP().fit_transform(rows)
    seconds.append(time.perf_counter() - begun)
places.astype(np.float32).tofile(sys.argv[3])
print(json.dumps({"seconds": seconds, "version": umap.__version__}))
