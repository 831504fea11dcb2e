"""Pages of others over the same papers, for reader-tasks.ts: pages.py atlas|bertopic FOLDER

FOLDER has papers.json (id, title, abstract, authors, category, published, url, topic, x, y, neighbors) and vectors.f32.
atlas writes papers.parquet, which its server opens; bertopic writes documents.html and hierarchy.html.
Needs: see setup.
"""
import json
import sys
from pathlib import Path

import pandas as pd

folder = Path(sys.argv[2])
papers = pd.DataFrame(json.loads((folder / "papers.json").read_text()))


def atlas() -> None:
    papers["text"] = papers.title + "\n\n" + papers.abstract
    papers["published"] = pd.to_datetime(papers.published)
    papers.to_parquet(folder / "papers.parquet")


def bertopic() -> None:
    import numpy as np
    from bertopic import BERTopic
    from umap import UMAP

    texts = (papers.title + ". " + papers.abstract).tolist()
    vectors = np.fromfile(folder / "vectors.f32", np.float32).reshape(len(papers), -1)
    # Its defaults are made for thousands: neighbours and the least topic are fitted to the number of papers.
    near = min(15, len(papers) // 5)
    model = BERTopic(
        embedding_model=None,
        umap_model=UMAP(n_neighbors=near, n_components=5, min_dist=0.0, metric="cosine", random_state=1),
        min_topic_size=3,
        calculate_probabilities=False,
    )
    model.fit(texts, vectors)
    places = UMAP(n_neighbors=near, min_dist=0.1, metric="cosine", random_state=1).fit_transform(vectors)
    documents = model.visualize_documents(papers.title.tolist(), reduced_embeddings=places)
    documents.write_html(folder / "documents.html")
    hierarchy = model.visualize_hierarchy(hierarchical_topics=model.hierarchical_topics(texts))
    hierarchy.write_html(folder / "hierarchy.html")
    print(model.get_topic_info().to_string())


{"atlas": atlas, "bertopic": bertopic}[sys.argv[1]]()
