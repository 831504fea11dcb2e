// npm run bench -- recommend [cora|ijcai …]: `library.recommend` for readers with known interests, compared with the
// references of recommend-references.ts, and with lit-monitor if it is installed (bench/peers/recommend/setup).
// ijcai: a reader follows one, two or three independently drawn sub-areas; the truth is their other papers. A single
// sub-area has 100 liked papers and more to find only for "deep learning" (163 papers; the next has 107), so a reader of
// 100 papers also follows as many sub-areas of 20 papers or more as give 120 papers together.
// cora: papers that one paper cites or is cited by; with 20 and 100 liked papers, those reachable by citations, nearest
// first.
// Settings were chosen on every other profile; --chosen shows those, otherwise the other half is shown.
// --profiles COUNT: most profiles per setting (40). --setting TEXT: only settings whose name contains it, such as "100
// liked". --latency: 500 liked papers and 200 new ones.
import { averagePrecision, ndcg } from '../src/evaluation/ranking-metrics.ts'
import { bootstrapInterval, comparePaired } from '../src/evaluation/significance.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import type { Paper } from '../src/paper.ts'
import { seededRandom, shuffled } from '../src/runtime/random.ts'
import { loadGroups, loadPapers, loadQrels, loadVectors, saveResult, useData } from './data.ts'
import { litMonitor } from './lit-monitor.ts'
import { type Method, references } from './recommend-references.ts'

interface Profile {
  readonly liked: readonly number[]
  readonly truth: ReadonlySet<number>
}

const sizes = [5, 20, 100]

export async function run(args: readonly string[]): Promise<void> {
  const named = useData(args)
  const at = named.indexOf('--profiles')
  const most = at < 0 ? 40 : Number(named.splice(at, 2)[1])
  const settingAt = named.indexOf('--setting')
  const wanted = settingAt < 0 ? '' : (named.splice(settingAt, 2)[1] ?? '')
  const isChosen = named.includes('--chosen')
  const isLatency = named.includes('--latency')
  const sets = named.filter((arg) => !arg.startsWith('--'))
  const results: Record<string, unknown> = {}
  for (const set of sets.length > 0 ? sets : ['ijcai', 'cora']) {
    const papers = (await loadPapers(set)).map(({ paper }) => paper)
    const { vectors, dimensions } = await loadVectors(set)
    const rowOf = (row: number) => vectors.subarray(row * dimensions, (row + 1) * dimensions)
    await using library = await PaperLibrary.open({ embedder: 'none' })
    await library.add(papers, { vectors: papers.map((_, row) => rowOf(row)) })
    if (isLatency) {
      await latency(library, papers, set)
      continue
    }
    const peer = await litMonitor(set, papers)
    const methods = { ...methodsOf(papers, { rowOf, library }), ...(peer && { 'lit-monitor': peer.method }) }
    const profiles = set === 'cora' ? await cited(papers) : await followed(set, papers)
    console.log(`${set}: ${papers.length} papers; nDCG@10 and average precision, 95 % intervals over the profiles`)
    for (const [setting, all] of profiles) {
      if (!setting.includes(wanted)) continue
      const shown = all.filter((_, i) => i % 2 === (isChosen ? 0 : 1)).slice(0, most)
      if (shown.length > 0) results[setting] = await measure(setting, shown, methods)
    }
    peer?.close()
  }
  if (!isChosen && !isLatency && wanted === '') await saveResult('recommend', results)
}

async function measure(setting: string, profiles: readonly Profile[], methods: Readonly<Record<string, Method>>) {
  const figures: Record<string, { ndcg: number[]; precision: number[] }> = {}
  for (const [name, scoresOf] of Object.entries(methods)) {
    const its = { ndcg: [] as number[], precision: [] as number[] }
    figures[name] = its
    for (const { liked, truth } of profiles) {
      const scores = await scoresOf(liked)
      const isLiked = new Set(liked)
      const order = [...scores.keys()]
        .filter((row) => !isLiked.has(row))
        .sort((a, b) => scores[b]! - scores[a]! || a - b)
      const relevances = order.map((row) => (truth.has(row) ? 1 : 0))
      its.ndcg.push(ndcg(relevances, { k: 10, judged: relevances }))
      its.precision.push(averagePrecision(relevances, { relevant: truth.size }))
    }
  }
  console.log(`\n${setting}, ${profiles.length} profiles`)
  const own = figures.paperkin as (typeof figures)[string]
  for (const [name, { ndcg, precision }] of Object.entries(figures)) {
    const cell = (values: readonly number[], mine: readonly number[]) => {
      const { mean, low, high } = bootstrapInterval(values, { samples: 2000 })
      const shown = `${mean.toFixed(3)} (${low.toFixed(3)} – ${high.toFixed(3)})`
      if (values === mine) return shown
      const { difference, pValue } = comparePaired(mine, values, { samples: 2000 })
      return `${shown}, d ${difference.mean.toFixed(3)} (${difference.low.toFixed(3)} – ${difference.high.toFixed(3)}) p ${pValue.toFixed(3)}`
    }
    console.log(`  ${name.padEnd(16)} nDCG ${cell(ndcg, own.ndcg)}  AP ${cell(precision, own.precision)}`)
  }
  return figures
}

function methodsOf(
  papers: readonly Paper[],
  { rowOf, library }: { readonly rowOf: (row: number) => Float32Array; readonly library: PaperLibrary },
): Record<string, Method> {
  const placeOf = new Map(papers.map(({ id }, row) => [id, row]))
  return {
    ...references(papers, rowOf),
    paperkin: async (liked) => {
      const ids = liked.map((row) => (papers[row] as Paper).id)
      const { hits } = await library.recommend({ liked: ids, k: papers.length })
      const scores = new Float64Array(papers.length).fill(-1)
      for (const [rank, { paper }] of hits.entries()) scores[placeOf.get(paper.id) as number] = papers.length - rank
      return scores
    },
  }
}

/** Readers of one, two and three sub-areas, with equally many liked papers from each. */
async function followed(set: string, papers: readonly Paper[]): Promise<Map<string, Profile[]>> {
  const groups = await loadGroups(set)
  const placeOf = new Map(papers.map(({ id }, row) => [id, row]))
  const areas = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, ids]) => ids.map((id) => placeOf.get(id) as number))
  const random = seededRandom(7)
  const profiles = new Map<string, Profile[]>()
  for (const size of sizes)
    for (const count of [1, 2, 3]) {
      const share = size / count
      const large = areas.filter((rows) => rows.length >= Math.ceil(share) + Math.max(5, share / 4))
      if (large.length < count) continue
      const list: Profile[] = []
      const wanted = count > 1 ? 160 : large.length * (size === 100 ? 6 : size === 20 ? 2 : 1)
      for (let i = 0; i < wanted; i++) {
        const parts = count === 1 ? [large[i % large.length] as number[]] : shuffled(large, random).slice(0, count)
        const liked = new Set<number>()
        for (const [part, rows] of parts.entries()) {
          const fresh = shuffled(rows, random).filter((row) => !liked.has(row))
          for (const row of fresh.slice(0, Math.floor((size + part) / count))) liked.add(row)
        }
        list.push({ liked: [...liked], truth: new Set(parts.flat().filter((row) => !liked.has(row))) })
      }
      // Fewer than five large ones would be the same reader time and again.
      if (large.length >= 5) profiles.set(`ijcai, ${count} sub-area${count > 1 ? 's' : ''}, ${size} liked`, list)
    }
  // Drawn last, so that the readers above stay the same.
  const joined = Array.from({ length: 160 }, () => {
    const found = new Set<number>()
    for (const rows of shuffled(areas, random))
      if (rows.length >= 20 && found.size < 120) for (const row of rows) found.add(row)
    const mixed = shuffled([...found], random)
    return { liked: mixed.slice(0, 100), truth: new Set(mixed.slice(100)) }
  })
  profiles.set('ijcai, joined sub-areas, 100 liked', joined)
  return profiles
}

/** Readers of the papers around one paper in the citation graph. */
async function cited(papers: readonly Paper[]): Promise<Map<string, Profile[]>> {
  const judgements = await loadQrels('cora')
  const placeOf = new Map(papers.map(({ id }, row) => [id, row]))
  const links = papers.map(({ id }) =>
    [...(judgements.get(id)?.keys() ?? [])].map((other) => placeOf.get(other) as number),
  )
  const random = seededRandom(7)
  const profiles = new Map<string, Profile[]>()
  for (const size of sizes) {
    const wanted = size + Math.max(2, Math.ceil(size / 4))
    const list: Profile[] = []
    for (const paper of shuffled([...papers.keys()], random)) {
      const seen = new Set([paper])
      const found: number[] = []
      for (let ring = [paper]; ring.length > 0 && found.length < wanted; ) {
        ring = [...new Set(ring.flatMap((row) => links[row] as number[]))].filter((row) => !seen.has(row))
        for (const row of ring) seen.add(row)
        found.push(...ring)
        if (size === 5) break
      }
      if (found.length < wanted || (size > 5 && found.length > 4 * wanted)) continue
      const mixed = shuffled(found, random)
      list.push({ liked: mixed.slice(0, size), truth: new Set(mixed.slice(size)) })
      if (list.length === 240) break
    }
    profiles.set(`cora, ${size} liked`, list)
  }
  return profiles
}

async function latency(library: PaperLibrary, papers: readonly Paper[], set: string): Promise<void> {
  const ids = papers.map(({ id }) => id)
  const asked = { liked: ids.slice(0, 500), among: ids.slice(-200), why: true }
  const times: number[] = []
  for (let i = 0; i < 21; i++) {
    // CPU time of this process, independent of other load; nothing here waits for threads or disks.
    const start = process.cpuUsage()
    await library.recommend(asked)
    const { user, system } = process.cpuUsage(start)
    times.push((user + system) / 1000)
  }
  const [first, ...others] = times
  others.sort((a, b) => a - b)
  console.log(
    `${set}: 500 liked, 200 new, of ${papers.length}: processor time first ${first?.toFixed(0)} ms, then ${others[10]?.toFixed(0)} in the median, ${others[18]?.toFixed(0)} at the 95th percentile`,
  )
}
