// Searches by meaning and words, with a filter, and while papers are being added.
import { PaperLibrary, readPapers } from 'paperkin'

const library = await PaperLibrary.open()
await library.add(await readPapers('examples/digest.txt'))

for (const query of ['planets around other stars', 'church bells', 'robots that learn from few demonstrations']) {
  const { hits } = await library.search(query, { k: 2 })
  console.log(query)
  for (const { paper, score } of hits) console.log(`  ${score.toFixed(2)}  ${paper.title}`)
}

const adding = library.add([
  { title: 'Ringing the changes', abstract: 'How church bells are rung in every order.', categories: ['music'] },
])
const before = await library.search('church bells', { k: 1 })
await adding
const after = await library.search('church bells', {
  k: 1,
  filter: ({ categories }) => categories?.includes('music') ?? false,
})
console.log(`${before.hits[0]?.paper.title} → ${after.hits[0]?.paper.title}`)

await library.close()
