// Papers of a digest related to one of them.
import { PaperLibrary, readPapers } from 'paperkin'

const library = await PaperLibrary.open()
const { added, truncated } = await library.add(await readPapers('examples/digest.txt'))
console.log(`${added.length} papers, ${truncated.length} longer than the model reads`)

const [found] = library.find('ledger prompting')
if (found === undefined) throw new Error('The example digest has no such paper.')

const { hits, weights } = await library.related(found.paper.id, { k: 3 })
console.log(`Kin of "${found.paper.title}", ${weights.semantic} meaning and ${weights.lexical} words:`)
for (const { paper, score, semantic, lexical } of hits)
  console.log(`${score.toFixed(2)} (meaning ${semantic.toFixed(2)}, words ${lexical.toFixed(2)})  ${paper.title}`)
// 0.92 (meaning 0.93, words 0.92)  Bounded Memory for Conversational Agents by Keeping a Ledger …

await library.close()
