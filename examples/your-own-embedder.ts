// Any function from texts to vectors can replace the bundled model. This one counts letters.
import { PaperLibrary } from 'paperkin'

const letters = async (texts: readonly string[]) =>
  texts.map((text) =>
    Float32Array.from('abcdefghijklmnopqrstuvwxyz', (letter) => 1 + text.toLowerCase().split(letter).length),
  )

const library = await PaperLibrary.open({ embedder: letters })
await library.add([
  { id: 'a', title: 'Grasping glass', abstract: 'Robots and bottles.' },
  { id: 'b', title: 'Grass and glass', abstract: 'Bottles on the lawn.' },
  { id: 'c', title: 'Quick pulsars', abstract: 'Stars that spin.' },
])
const { hits } = await library.related('a')
console.log(hits.map(({ paper, score }) => `${paper.id} ${score.toFixed(2)}`))

await library.close()
