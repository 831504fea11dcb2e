// npm run bench -- novelty [--day DATE] [--earlier N] [--draws N] [--size N]: what is new on a day compared with papers
// of the eight weeks before it, with titles to read; and how often something is reported as certain although nothing is
// new: for papers drawn at random from all and called new.
import { parseArgs } from 'node:util'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { toPaper } from '../src/paper.ts'
import { timesAsFrequent, whatIsCompared } from '../src/report/wording.ts'
import { seededRandom } from '../src/runtime/random.ts'
import { loadPapers, saveResult, useData } from './data.ts'

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      set: { type: 'string', default: 'arxiv-cs-2025' },
      day: { type: 'string', default: '2025-05-21' },
      earlier: { type: 'string', default: '3000' },
      draws: { type: 'string', default: '60' },
      size: { type: 'string', default: '150' },
    },
  })
  const first = new Date(Date.parse(values.day) - 56 * 86_400_000).toISOString().slice(0, 10)
  const dated = (await loadPapers(values.set)).map(({ paper }) =>
    toPaper({ ...paper, published: String(paper.extra?.first_seen) }),
  )
  const before = dated.filter(({ published = '' }) => published >= first && published < values.day)
  const step = Math.max(1, before.length / Number(values.earlier))
  const some = before.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step))
  const papers = [...some, ...dated.filter(({ published }) => published === values.day)]
  const library = await PaperLibrary.open()
  await library.add(papers)
  const novelty = await library.novelty()
  const titles = (ids: readonly string[]) =>
    library.getMany(ids.slice(0, 6)).map((paper) => `        ${paper?.title ?? ''}`)
  console.log(`${whatIsCompared(novelty)}`)
  for (const one of [...novelty.areas, ...novelty.terms]) {
    const name = 'term' in one ? `“${one.term}”` : `${one.name} (${one.level})`
    console.log(
      `   ${name}: ${one.count}, before ${one.before}, ${timesAsFrequent(one)}, p ${one.p.toExponential(1)}${one.isTentative ? ', may be chance' : ''}`,
    )
    for (const line of titles(one.papers)) console.log(line)
  }
  for (const { title, nearest, share } of novelty.unlike)
    console.log(`   ${nearest.similarity.toFixed(2)} (${share.toFixed(3)})  ${title}\n        ${nearest.title}`)
  // Without dates, all papers except the new ones are earlier.
  const undated = await PaperLibrary.open()
  await undated.add(
    papers.map(({ title, abstract }, i) => ({ id: `paper-${i}`, title, abstract })),
    { vectors: papers.map(({ id }) => library.vector(id) as Float32Array) },
  )
  const told = { draws: Number(values.draws), size: Number(values.size), withArea: 0, withTerm: 0, unlike: 0 }
  for (let seed = 1; seed <= told.draws; seed++) {
    const random = seededRandom(seed)
    const drawn = papers.map((_, i) => ({ id: `paper-${i}`, order: random() })).sort((a, b) => a.order - b.order)
    const { areas, terms, unlike } = await undated.novelty({ papers: drawn.slice(0, told.size).map(({ id }) => id) })
    if (areas.some(({ isTentative }) => !isTentative)) told.withArea++
    if (terms.some(({ isTentative }) => !isTentative)) told.withTerm++
    told.unlike += unlike.length
  }
  console.log(
    `of ${told.draws} draws of ${told.size} papers ${told.withArea} have an area that is reported as certain, ${told.withTerm} a term; ${(told.unlike / told.draws).toFixed(1)} papers per draw are unlike the others`,
  )
  await library.close()
  await undated.close()
  await saveResult('novelty', { novelty, told })
}
