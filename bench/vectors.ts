// npm run bench -- index  [--set NAME[+NAME]] [--vectors FILE.f32] [--rows N] [--queries 200] [--rounds 3]
//                         [--part search] [--part memory] [--part graph] [--part growth]: all but the last unless named
// npm run bench -- kmeans [--set NAME[+NAME]] [--vectors FILE.f32] [--rows 20000] [--k 50] [--iterations 20] [--rounds 3]
// Vectors are the bundled model's of the named sets (made once, kept in .cache/), or float32 rows of 384 values in a file.
// Contestants take turns, query by query and round by round; recall is against brute force in float64. Peers that are not
// installed are left out: npm install, and python -m venv .venv && .venv/bin/pip install -r requirements.txt, in
// bench/peers/vectors.
export { index } from './vectors/index.ts'
export { kmeans } from './vectors/kmeans.ts'
