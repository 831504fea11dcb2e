import { sentences } from '../src/library/asking/why.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import type { PaperInput } from '../src/paper.ts'
import { seededRandom } from '../src/runtime/random.ts'
import { loadPapers, saveResult } from './data.ts'

const set = 'arxiv-cs-2025'
const each = 250

/** Plants four kinds of copies among the papers and reports what `duplicates()` finds of them at several thresholds. */
export async function duplicates([limit]: readonly string[]): Promise<void> {
  const papers = (await loadPapers(set, Number(limit ?? Number.POSITIVE_INFINITY))).map(({ paper }) => paper)
  const random = seededRandom(1)
  const order = papers.map((paper) => ({ paper, key: random() })).sort((a, b) => a.key - b.key)
  const long = order.map(({ paper }) => paper).filter(({ abstract }) => sentences(abstract).length >= 4)
  const kinds: Record<string, (paper: PaperInput, other: PaperInput) => PaperInput> = {
    same: (paper) => ({ ...paper }),
    'one word changed': (paper) => {
      const words = (paper.abstract as string).split(' ')
      words[Math.floor(random() * words.length)] = 'otherwise'
      return { ...paper, abstract: words.join(' ') }
    },
    'half the sentences': (paper) => {
      const all = sentences(paper.abstract as string)
      return { ...paper, abstract: all.filter((_, i) => i % 2 === 0).join(' ') }
    },
    'another title': (paper, other) => ({ ...paper, title: other.title }),
    'half, another title': (paper, other) => ({
      title: other.title,
      abstract: sentences(paper.abstract as string)
        .filter((_, i, all) => i < all.length / 2)
        .join(' '),
    }),
  }
  const planted: PaperInput[] = []
  const truth = new Map<string, string>()
  for (const [place, [kind, copy]] of Object.entries(kinds).entries())
    for (let i = 0; i < each; i++) {
      const original = long[place * each + i]
      const other = long[(place + 20) * each + i] ?? original
      if (original === undefined || other === undefined) continue
      const id = `planted-${place}-${i}`
      planted.push({ ...copy(original, other), id, url: undefined })
      truth.set([original.id, id].join(' '), kind)
    }
  const library = await PaperLibrary.open({ embedder: 'none' })
  const all = [...papers, ...planted]
  // Only words matter here; the vectors are placeholders.
  await library.add(all, { vectors: new Float32Array(all.length * 2).fill(1) })
  const results: Record<string, unknown> = {}
  for (const threshold of [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]) {
    let pause = 0
    let last = performance.now()
    const watch = setInterval(() => {
      pause = Math.max(pause, performance.now() - last - 1)
      last = performance.now()
    }, 1)
    const began = performance.now()
    const { pairs } = await library.duplicates({ threshold })
    const seconds = (performance.now() - began) / 1000
    clearInterval(watch)
    const found = new Map<string, number>()
    const others: string[] = []
    for (const { ids, score, isSameTitle } of pairs) {
      const kind = truth.get(ids.join(' '))
      if (kind !== undefined) found.set(kind, (found.get(kind) ?? 0) + 1)
      else
        others.push(
          `${score.toFixed(2)}${isSameTitle ? ' same title' : ''}  ${ids.map((id) => library.get(id)?.title).join('  |  ')}`,
        )
    }
    const shares = Object.keys(kinds).map((kind) => `${kind} ${((found.get(kind) ?? 0) / each).toFixed(3)}`)
    console.log(
      `threshold ${threshold}: ${shares.join(', ')}; ${others.length} pairs that were not planted; ${seconds.toFixed(2)} s, longest pause ${pause.toFixed(0)} ms`,
    )
    if (threshold === 0.5) for (const line of others) console.log(`    ${line}`)
    results[threshold] = { found: Object.fromEntries(found), others: others.length, seconds, pause }
  }
  await library.close()
  await saveResult('related-duplicates', results)
}
