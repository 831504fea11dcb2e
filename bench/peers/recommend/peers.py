"""lit-monitor's ranking, driven by bench/lit-monitor.ts: reads a job (JSON) named by the only argument, then a line with
the rows of liked papers a question, and prints a line with the score of every paper for each. Vectors take the place of
those that it asks an Ollama server for; no language model is called, as no rationale is asked for (top_k=0)."""
import json, sys, tempfile
import numpy as np
from lit_monitor.llm.ranker import _paper_query_text, rank_papers
from lit_monitor.output.embeddings import EmbeddingsDB

job = json.load(open(sys.argv[1]))
papers = json.load(open(job["papers"]))
# What its pipelines embed: of a paper of the library title and abstract, of a candidate their first 500 characters.
library_text = [" ".join(filter(None, [paper["title"], paper["abstract"]])) for paper in papers]
rows = lambda name: np.fromfile(job[name], np.float32).reshape(-1, job["dimensions"])
vectors = dict(zip(map(_paper_query_text, papers), rows("shortened").tolist()))
vectors.update(zip(library_text, rows("whole").tolist()))

class GivenVectors(EmbeddingsDB):
    def _embed_call(self, text):
        return vectors[text]

with tempfile.TemporaryDirectory() as folder:
    for question, line in enumerate(sys.stdin):
        liked = json.loads(line)
        library = GivenVectors(folder, papers_collection=f"reader-{question}")
        for row in liked:
            library.add_paper(str(row), library_text[row], {"title": papers[row]["title"], "year": 0})
        known = set(liked)
        ranked = rank_papers([{"doi": str(row), **paper} for row, paper in enumerate(papers) if row not in known], library, None, top_k=0)
        scores = [-1.0] * len(papers)
        for paper in ranked:
            scores[int(paper["doi"])] = paper["similarity_score"]
        print(json.dumps(scores), flush=True)
        library._client.delete_collection(f"reader-{question}")
