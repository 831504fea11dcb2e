// npm run bench -- recommend-lists [--sheet SEED]: ten papers of the copied page for each of three invented readers, by
// paperkin and the references, under grades that were given by reading before any ranking was seen.
// recommend-lists/LIST.jsonl: what a reader likes; only ids and titles, abstracts come from arxiv-cs-2025.
// recommend-lists/grades.jsonl: every paper of the page for each list, 2 fits, 1 is near, 0 does not fit; `first` and
// `second` are two readings in different orders. --sheet prints the papers in random order, to grade.
// recommend-lists/days.jsonl: what fits or is near among the papers of the example and of five days of
// ../shared/cases/digests, read by title among what had .35 or more, so not blind: for the calibration alone.
import { readFileSync } from 'node:fs'
import { createEmbedder } from '../src/embedding/create-embedder.ts'
import { ndcg } from '../src/evaluation/ranking-metrics.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { type Paper, paperText } from '../src/paper.ts'
import { seededRandom, shuffled } from '../src/runtime/random.ts'
import { readPapers } from '../src/sources/read-papers.ts'
import { dataPath, loadPapers, saveResult, useData } from './data.ts'
import { references } from './recommend-references.ts'

const lists = ['robots', 'web-agents-and-forgetting', 'fast-diffusion'] as const

interface Grade {
  readonly list: (typeof lists)[number]
  readonly title: string
  readonly first: number
  readonly second: number
}

const lines = <Record>(name: string): Record[] =>
  readFileSync(new URL(`recommend-lists/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

export async function run(args: readonly string[]): Promise<void> {
  const named = useData(args)
  const page = await readPapers(dataPath('digest/hf-papers-page.txt'))
  const sheet = named.indexOf('--sheet')
  if (sheet >= 0) {
    for (const [i, { title, abstract }] of shuffled(page, seededRandom(Number(named[sheet + 1]))).entries())
      console.log(`${i + 1} ${title}\n    ${abstract.slice(0, 600)}\n`)
    return
  }
  const grades = lines<Grade>('grades')
  agreement(grades)
  const known = new Map((await loadPapers('arxiv-cs-2025')).map(({ paper }) => [paper.id, paper]))
  await using library = await PaperLibrary.open()
  await library.add(page)
  const embedder = await createEmbedder()
  const results: Record<string, unknown> = {}
  for (const list of lists) {
    const liked = lines<{ readonly id: string }>(list).map(({ id }) => known.get(id) as Paper)
    const gradeOf = new Map(
      grades.filter((one) => one.list === list).map(({ title, first, second }) => [title, (first + second) / 2]),
    )
    const both = [...page, ...liked]
    const vectors = await embedder.embed(both.map(paperText), { inputType: 'document' })
    // Five papers and a tenth of them would leave next to no word of a page.
    const methods = references(both, (row) => vectors[row] as Float32Array, { least: 2, most: both.length / 2 })
    const rows = liked.map((_, i) => page.length + i)
    const fitting = [...gradeOf.values()].filter((grade) => grade >= 1).length
    console.log(`\n${list}: ${liked.length} liked; of ${page.length} papers ${fitting} fit or are near`)
    const { hits } = await library.recommend({ liked, k: page.length })
    const rankings: Record<string, readonly string[]> = { paperkin: hits.map(({ paper }) => paper.title) }
    for (const [name, method] of Object.entries(methods)) {
      const scores = await method(rows)
      rankings[name] = [...page.keys()]
        .sort((a, b) => scores[b]! - scores[a]! || a - b)
        .map((row) => (page[row] as Paper).title)
    }
    for (const [name, titles] of Object.entries(rankings)) {
      const relevances = titles.map((title) => gradeOf.get(title) as number)
      const ten = relevances.slice(0, 10)
      const mean = ten.reduce((sum, grade) => sum + grade, 0) / 10
      console.log(
        `  ${name.padEnd(14)} ${ten.join(' ').padEnd(30)} mean ${mean.toFixed(2)}  nDCG@10 ${ndcg(relevances, { k: 10, judged: relevances }).toFixed(3)}`,
      )
    }
    const judged = hits.map(({ paper, score }) => ({
      title: paper.title,
      score,
      grade: gradeOf.get(paper.title) as number,
    }))
    const above = judged.filter(({ score }) => score >= 0.5)
    const fits = (some: typeof judged) => some.filter(({ grade }) => grade >= 1).length
    console.log(
      `  score .5 or more: ${above.length} papers, ${fits(above)} fit or are near; below: ${judged.length - above.length}, ${fits(judged) - fits(above)} fit or are near`,
    )
    for (const { title, score, grade } of judged.slice(0, Math.max(12, above.length + 3)))
      console.log(`    ${score.toFixed(2)}  ${grade}  ${title.slice(0, 90)}`)
    results[list] = { rankings, judged }
  }
  await embedder.close?.()
  await calibration(known)
  await saveResult('recommend-lists', results)
}

/** How many papers of other days have a score of .5 or more, and how many of them fit. */
async function calibration(known: ReadonlyMap<string, Paper>): Promise<void> {
  const fitting = lines<{ readonly set: string; readonly list: string; readonly title: string }>('days')
  let [above, right] = [0, 0]
  for (const set of new Set(fitting.map((one) => one.set))) {
    await using library = await PaperLibrary.open()
    const example = new URL('../examples/digest.txt', import.meta.url).pathname
    await library.add(await readPapers(set === 'example' ? example : dataPath(`../cases/digests/${set}.jsonl`)))
    for (const list of lists) {
      const liked = lines<{ readonly id: string }>(list).map(({ id }) => known.get(id) as Paper)
      const fits = new Set(fitting.filter((one) => one.set === set && one.list === list).map(({ title }) => title))
      const { hits } = await library.recommend({ liked, k: library.size })
      const chosen = hits.filter(({ score }) => score >= 0.5)
      above += chosen.length
      right += chosen.filter(({ paper }) => fits.has(paper.title)).length
    }
  }
  console.log(
    `\nother days, ${fitting.length} papers fit or are near: ${above} papers have .5 or more, ${right} of them fit or are near`,
  )
}

/** Cohen's kappa with linear weights (Cohen 1968) of the two readings. */
function agreement(grades: readonly Grade[]): void {
  const levels = [0, 1, 2]
  const share = (holds: (grade: Grade) => boolean) => grades.filter(holds).length / grades.length
  let observed = 0
  let expected = 0
  for (const a of levels)
    for (const b of levels) {
      observed += Math.abs(a - b) * share(({ first, second }) => first === a && second === b)
      expected += Math.abs(a - b) * share(({ first }) => first === a) * share(({ second }) => second === b)
    }
  const same = share(({ first, second }) => first === second)
  console.log(
    `${grades.length} grades, the same in both readings ${(100 * same).toFixed(0)} %, weighted kappa ${(1 - observed / expected).toFixed(2)}`,
  )
}
