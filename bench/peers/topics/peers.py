"""Topic peers in Python, driven by bench/topics: reads a job (JSON) named by the only argument, prints a JSON line a run.
Vectors are float32 rows, graphs int32 pairs of ends and float64 weights; a group of -1 is an outlier.
"""
import json, os, resource, sys, time, types, warnings
import numpy as np
warnings.filterwarnings("ignore")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

def load(job):
    vectors = np.fromfile(job["vectors"], np.float32).reshape(-1, job["dimensions"]) if "vectors" in job else None
    texts = json.load(open(job["texts"])) if "texts" in job else None
    return vectors, texts

def kmeans(job, vectors, texts, seed):
    from sklearn.cluster import KMeans
    return KMeans(job["count"], n_init=1, random_state=seed).fit_predict(vectors), None

def bertopic(job, vectors, texts, seed):
    """Everything at its default, which has no seed; then reduced to the number of labels."""
    from bertopic import BERTopic
    begun = time.perf_counter()
    model = BERTopic()
    found, _ = model.fit_transform(texts, vectors)
    seconds = time.perf_counter() - begun
    words = lambda: [[word for word, _ in model.get_topic(t)] for t in sorted(model.get_topics()) if t >= 0]
    yield "BERTopic", np.array(found), seconds, words()
    if len(set(found) - {-1}) > job["count"]:
        # Outliers are a topic of their own in what is counted here.
        model.reduce_topics(texts, nr_topics=job["count"] + (-1 in found))
        yield "BERTopic, reduced", np.array(model.topics_), time.perf_counter() - begun, words()

def top2vec(job, vectors, texts, seed):
    """Its words get random vectors: they name topics, they do not make them."""
    for name in ("torch", "torch.utils", "torch.utils.data", "transformers"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["torch.utils.data"].DataLoader = None
    sys.modules["transformers"].AutoTokenizer = sys.modules["transformers"].AutoModel = None
    from top2vec import Top2Vec
    row = {text: i for i, text in enumerate(texts)}
    random = np.random.default_rng(seed)
    def embed(batch):
        drawn = random.normal(size=(len(batch), vectors.shape[1]))
        return np.stack([vectors[row[t]] if t in row else d / np.linalg.norm(d) for t, d in zip(batch, drawn)])
    model = Top2Vec(list(texts), embedding_model=embed, verbose=False)
    return model.doc_top, None

def leidenalg(job):
    """The reference, on the graph of the job, at each resolution and seed: until nothing improves, or for two rounds."""
    import igraph, leidenalg
    ends = np.fromfile(job["ends"], np.int32).reshape(-1, 2)
    weights = np.fromfile(job["weights"], np.float64)
    graph = igraph.Graph(job["nodes"], edges=ends.tolist())
    for resolution in job["resolutions"]:
        for seed in range(1, job["seeds"] + 1):
            begun = time.perf_counter()
            found = leidenalg.find_partition(graph, leidenalg.RBConfigurationVertexPartition, weights=weights.tolist(),
                                             resolution_parameter=resolution, seed=seed, n_iterations=job["iterations"])
            say({"name": "leidenalg", "resolution": resolution, "seed": seed, "seconds": time.perf_counter() - begun,
                 "groups": found.membership})

def say(answer):
    answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(answer), flush=True)

job = json.load(open(sys.argv[1]))
if job["run"] == "leidenalg":
    leidenalg(job)
else:
    vectors, texts = load(job)
    for name in job["contestants"]:
        # The first run compiles what Numba compiles: it is not counted.
        for seed in range(0 if job.get("warm") and name != "kmeans" else 1, job["seeds"] + 1):
            begun = time.perf_counter()
            if name == "bertopic":
                for title, found, seconds, words in bertopic(job, vectors, texts, seed):
                    if seed > 0: say({"name": title, "seed": seed, "seconds": seconds, "groups": found.tolist(), "words": words})
                continue
            found, words = {"kmeans": kmeans, "top2vec": top2vec}[name](job, vectors, texts, seed)
            title = {"kmeans": "scikit-learn k-means", "top2vec": "Top2Vec"}[name]
            if seed > 0: say({"name": title, "seed": seed, "seconds": time.perf_counter() - begun, "groups": np.asarray(found).tolist()})
