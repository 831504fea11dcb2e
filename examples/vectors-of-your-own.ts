// Vectors that you already have, from any model: none is loaded, and the first vectors set the dimensions.
import { PaperLibrary } from 'paperkin'

const library = await PaperLibrary.open({ embedder: 'none' })
const papers = [
  { id: 'a', title: 'Grasping glass', abstract: 'Robots and bottles.' },
  { id: 'b', title: 'Polished lenses', abstract: 'Glass that bends light.' },
  { id: 'c', title: 'Quick pulsars', abstract: 'Stars that spin.' },
]
// One per paper: arrays, or one Float32Array of papers × dimensions. They are scaled to unit length.
const vectors = [
  [4, 1, 0],
  [3, 2, 0],
  [0, 1, 5],
]
await library.add(papers, { vectors })

const kin = await library.related('a', { k: 1 })
console.log(kin.hits.map(({ paper, semantic }) => `${paper.id} ${semantic.toFixed(2)}`)) // [ 'b 0.94' ]

const { hits } = await library.search('', { vector: [0, 0, 1], k: 1 })
console.log(
  hits.map(({ paper }) => paper.title),
  library.dimensions,
  library.vector('c'),
) // [ 'Quick pulsars' ] 3 …

await library.close()
