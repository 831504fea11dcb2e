"""Vector peers in Python, driven by bench/vectors.ts: one JSON line in, one JSON line out, until end of input.
Rows and queries are float32 files. python -m venv .venv && .venv/bin/pip install -r requirements.txt
"""
import json, sys, time
import faiss, hnswlib, numpy as np
from sklearn.cluster import KMeans

state = {}

def load(command):
    d = command["dimensions"]
    state["rows"] = np.fromfile(command["rows"], np.float32).reshape(-1, d)
    state["queries"] = np.fromfile(command["queries"], np.float32).reshape(-1, d) if "queries" in command else None
    return {"faiss": faiss.__version__, "threads": faiss.omp_get_max_threads()}

def build(command):
    rows, kind = state["rows"], command["kind"]
    n, d = rows.shape
    begun = time.perf_counter()
    if kind == "faiss-flat":
        index = faiss.IndexFlatIP(d); index.add(rows)
    elif kind == "faiss-hnsw":
        index = faiss.IndexHNSWFlat(d, command["m"], faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = command["efConstruction"]; index.add(rows)
    else:
        index = hnswlib.Index("ip", d)
        index.init_index(n, M=command["m"], ef_construction=command["efConstruction"], random_seed=0)
        index.add_items(rows)
    state[kind] = index
    return {"seconds": time.perf_counter() - begun}

def search(command):
    """One query after the other, each timed; then all in one call."""
    kind, k, ef = command["kind"], command["k"], command.get("efSearch")
    index, queries = state[kind], state["queries"]
    if kind == "faiss-hnsw": index.hnsw.efSearch = ef
    if kind == "hnswlib": index.set_ef(max(ef, k))
    ask = (lambda q: index.knn_query(q, k=k)[0]) if kind == "hnswlib" else (lambda q: index.search(q, k)[1])
    milliseconds, found = [], []
    if command.get("oneByOne", True):
        for i in range(len(queries)):
            begun = time.perf_counter(); rows = ask(queries[i:i + 1]); milliseconds.append(1e3 * (time.perf_counter() - begun))
            found.append(rows[0].tolist())
    begun = time.perf_counter(); ask(queries); bulk = time.perf_counter() - begun
    return {"milliseconds": milliseconds, "found": found, "bulkSeconds": bulk}

def graph(command):
    rows, k = state["rows"], command["k"]
    begun = time.perf_counter()
    index = faiss.IndexFlatIP(rows.shape[1]); index.add(rows); index.search(rows, k + 1)
    return {"seconds": time.perf_counter() - begun}

def kmeans(command):
    rows, kind, k, iterations = state["rows"], command["kind"], command["k"], command["iterations"]
    start = np.array(command["start"], np.float32).reshape(k, -1)
    begun = time.perf_counter()
    if kind == "scikit-learn":
        result = KMeans(k, init=start, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd").fit(rows)
        return {"seconds": time.perf_counter() - begun, "assignments": result.labels_.tolist(), "iterations": int(result.n_iter_)}
    # min and max points: no sampling of the rows, as the others have none.
    model = faiss.Kmeans(rows.shape[1], k, niter=iterations, seed=1, min_points_per_centroid=1, max_points_per_centroid=10 ** 9,
                         spherical=command.get("spherical", False))
    model.train(rows, init_centroids=start)
    labels = model.index.search(rows, 1)[1][:, 0]
    return {"seconds": time.perf_counter() - begun, "assignments": labels.tolist(), "iterations": iterations}

for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(globals()[command["run"]](command)), flush=True)
