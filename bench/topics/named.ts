// npm run bench -- topics-named [--set NAME]… [--papers N] [--trials N]: how well papers are assigned to named topics.
// Half of the labels of a set are named: by name only, with terms, and with three examples. Papers of the other labels
// belong to none of them, and no paper belongs to 25 names that do not occur in the sets.
import { parseArgs } from 'node:util'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { loadPapers, loadVectors, saveResult, useData } from '../data.ts'
import { absentNames, setNames } from './set-names.ts'

const ways = ['name', 'name, terms', 'name, 3 papers', 'name, terms, 3 papers'] as const

interface Row {
  readonly set: string
  readonly way: string
  /** Share of the papers in named topics that belong there. */
  readonly precision: number
  /** Share of the papers that belong to a named topic that are in it. */
  readonly recall: number
  /** Share of the set's named topics that have papers. */
  readonly found: number
  /** Share of all papers that are in topics absent from the set. */
  readonly pulled: number
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      set: { type: 'string', multiple: true, default: Object.keys(setNames) },
      papers: { type: 'string', default: '1000' },
      trials: { type: 'string', default: '3' },
    },
  })
  const embedder = await createEmbedder()
  const rows: Row[] = []
  for (const set of values.set) {
    const names = setNames[set]
    if (names === undefined) throw new Error(`Expected one of ${Object.keys(setNames).join(', ')}, got ${set}.`)
    const { vectors, dimensions } = await loadVectors(set)
    const random = seededRandom(7)
    const shuffled = <Item>(items: readonly Item[]) =>
      items
        .map((item) => ({ item, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item)
    const all = (await loadPapers(set)).map(({ paper, label }, row) => ({ paper, label, row }))
    const chosen = shuffled(all).slice(0, Number(values.papers))
    const library = await PaperLibrary.open({ embedder })
    await library.add(
      chosen.map(({ paper }) => paper),
      { vectors: chosen.map(({ row }) => vectors.subarray(row * dimensions, (row + 1) * dimensions)) },
    )
    const sums = new Map(ways.map((way) => [way, { right: 0, placed: 0, due: 0, named: 0, found: 0, pulled: 0 }]))
    for (let trial = 0; trial < Number(values.trials); trial++) {
      const half = shuffled(Object.entries(names)).slice(0, Math.ceil(Object.keys(names).length / 2))
      const examples = new Map(
        half.map(([label]) => [label, shuffled(chosen.filter((one) => one.label === label)).slice(0, 3)]),
      )
      for (const way of ways) {
        const isShown = way.includes('papers')
        const named = half.map(([label, { name, terms }]) => ({
          name,
          ...(way.includes('terms') && { terms }),
          ...(isShown && { papers: (examples.get(label) ?? []).map(({ paper }) => paper.id) }),
        }))
        const absent = absentNames.map((name) => ({ name }))
        const { topics } = await library.topics({ named: [...named, ...absent], count: 1, outlierShare: 0 })
        const shown = new Set(isShown ? [...examples.values()].flat().map(({ paper }) => paper.id) : [])
        const labelOf = new Map(chosen.map(({ paper, label }) => [paper.id, label]))
        const nameOf = new Map(half.map(([label, { name }]) => [label, name]))
        const sum = sums.get(way) as NonNullable<ReturnType<typeof sums.get>>
        sum.named += half.length
        sum.due += chosen.filter(({ paper, label = '' }) => nameOf.has(label) && !shown.has(paper.id)).length
        for (const { label, isNamed, papers } of topics) {
          if (!isNamed) continue
          if (absentNames.includes(label)) sum.pulled += papers.length / chosen.length / Number(values.trials)
          else sum.found++
          for (const { id } of papers) {
            if (shown.has(id)) continue
            sum.placed++
            if (nameOf.get(labelOf.get(id) ?? '') === label) sum.right++
          }
        }
      }
    }
    await library.close()
    for (const [way, { right, placed, due, named, found, pulled }] of sums) {
      const row = { set, way, precision: right / placed, recall: right / due, found: found / named, pulled }
      rows.push(row)
      const [precision, recall, share] = [row.precision, row.recall, row.found].map((value) => value.toFixed(2))
      console.log(
        `${set.padEnd(13)} ${way.padEnd(22)} precision ${precision}  recall ${recall}  names that found papers ${share}  papers under absent names ${(100 * pulled).toFixed(1)} %`,
      )
    }
  }
  await embedder.close?.()
  await saveResult('topics-named', { rows })
}
