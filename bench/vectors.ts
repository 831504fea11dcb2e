// npm run bench -- index  [--set NAME[+NAME]] [--vectors FILE.f32] [--rows N] [--queries 200] [--rounds 3]
//                         [--part search] [--part memory] [--part graph] [--part growth]: default all but the last
// npm run bench -- kmeans [--set NAME[+NAME]] [--vectors FILE.f32] [--rows 20000] [--k 50] [--iterations 20]
//                         [--rounds 3]
// Vectors are the bundled model's for the given sets (cached in .cache/), or float32 rows of 384 values in a file.
// Contestants alternate, query by query and round by round; recall is against float64 brute force. Peers that are not
// installed are skipped: in bench/peers/vectors, run npm install, and python -m venv .venv && .venv/bin/pip install -r
// requirements.txt.
export { index } from './vectors/index.ts'
export { kmeans } from './vectors/kmeans.ts'
