// npm run bench -- topics-days [--from DATE] [--days N] [--base N] [--resolution R]: topics of a library that grows day
// by day, each day continuing the topics of the day before: which keep their number, are born, split, merge and fade,
// with their typical papers.
import { parseArgs } from 'node:util'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { toPaper } from '../../src/paper.ts'
import type { TopicChange, Topics } from '../../src/topics/find-topics.ts'
import { loadPapers, loadVectors, saveResult, useData } from '../data.ts'

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      set: { type: 'string', default: 'arxiv-cs-2025' },
      from: { type: 'string', default: '2025-09-01' },
      days: { type: 'string', default: '30' },
      /** Days of papers in the library before the first day. */
      base: { type: 'string', default: '10' },
      /** Resolution on the first day, which later days keep. @default found automatically */
      resolution: { type: 'string' },
    },
  })
  const { vectors, dimensions } = await loadVectors(values.set)
  const all = (await loadPapers(values.set)).map(({ paper }, row) => ({
    paper: toPaper({ ...paper, published: String(paper.extra?.first_seen) }),
    row,
  }))
  const dates = [...new Set(all.map(({ paper }) => paper.published as string))].sort()
  const first = dates.findIndex((date) => date >= values.from)
  const library = await PaperLibrary.open({ embedder: 'none' })
  const addDay = async (date: string) => {
    const papers = all.filter(({ paper }) => paper.published === date)
    const rows = new Float32Array(papers.length * dimensions)
    for (const [i, { row }] of papers.entries())
      rows.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
    await library.add(
      papers.map(({ paper }) => paper),
      { vectors: rows },
    )
    return papers.length
  }
  for (const date of dates.slice(first, first + Number(values.base))) await addDay(date)
  let topics = await library.topics(values.resolution === undefined ? {} : { resolution: Number(values.resolution) })
  const begin = topics
  console.log(`${library.size} papers before the first day: ${topics.count} topics`)
  for (const { id, label, size } of topics.topics) console.log(`   ${String(id).padStart(3)}  ${label} (${size})`)
  const days: { date: string; papers: number; topics: number; seconds: number; changes: readonly TopicChange[] }[] = []
  for (const date of dates.slice(first + Number(values.base)).slice(0, Number(values.days))) {
    const added = await addDay(date)
    const begun = performance.now()
    topics = await library.topics({ previous: topics })
    const seconds = (performance.now() - begun) / 1000
    days.push({ date, papers: library.size, topics: topics.count, seconds, changes: topics.changes })
    const number = (kind: TopicChange['change']) => topics.changes.filter(({ change }) => change === kind).length
    const same = number('kept') + number('grew') + number('shrank')
    console.log(
      `${date}  +${added} papers  ${topics.count} topics: ${same} the same, ${number('born')} born, ${number('split')} split off, ${number('returned')} returned, ${number('merged')} merged, ${number('faded')} faded  ${seconds.toFixed(1)} s`,
    )
    for (const { change, topic, label, size, before, other } of topics.changes)
      if (change !== 'kept' && change !== 'grew') {
        console.log(`   ${change} ${topic}${other === undefined ? '' : ` (${other})`}: ${label}, ${before} → ${size}`)
        for (const id of topics.topics.find((one) => one.id === topic)?.representatives ?? [])
          console.log(`        ${library.get(id)?.title}`)
      }
  }
  const survived = begin.topics.filter(({ id }) => topics.topics.some((topic) => topic.id === id)).length
  const times = (kind: TopicChange['change']) =>
    days.reduce((sum, { changes }) => sum + changes.filter(({ change }) => change === kind).length, 0)
  console.log(
    `\nin all ${times('born')} born, ${times('split')} split off, ${times('returned')} returned, ${times('merged')} merged, ${times('faded')} faded`,
  )
  console.log(`of ${begin.count} topics of the first day ${survived} are there on the last, with the same number`)
  await printTimes(topics)
  await library.close()
  await saveResult('topics-days', days)
}

async function printTimes(topics: Topics): Promise<void> {
  const overTime = await topics.overTime('week')
  for (const { topic, label, counts, rising } of overTime.topics)
    console.log(
      `${String(topic).padStart(3)}  ${label}: ${counts.join(' ')}; rising: ${rising.map(({ term, since, before, after }) => `${term} since ${since} (${(100 * before).toFixed(0)} → ${(100 * after).toFixed(0)} %)`).join(', ')}`,
    )
}
