import { PaperLibrary } from '../../library/paper-library.ts'
import { type Paper, paperName } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import { readSources } from '../../sources/read-papers.ts'
import type { SourceProblem } from '../../sources/reading.ts'
import { defineCommand, fileHelp, type SourceArguments, sourceOptions } from '../command.ts'
import { reportProblems, sourceReading } from '../open-papers.ts'
import { table } from '../table.ts'

/** Number of queries, spread evenly over the papers. */
const queryCount = 50

export const bench = defineCommand<SourceArguments>({
  name: 'bench',
  summary: 'measure how fast this machine is with your papers',
  description:
    'Reads the files, embeds the papers, runs some searches and finds topics, and prints how long each step took.',
  arguments: [['<file...>', fileHelp]],
  options: [...sourceOptions()],
  examples: ['paperkin bench today.txt'],
  run: async (files, options, context) => {
    const { signal, terminal } = context
    const { sources, read } = sourceReading(files, options, context)
    const papers = new Map<string, Paper>()
    const problems: SourceProblem[] = []
    const reading = await timed(async () => {
      for await (const event of readSources(sources, read)) {
        if ('paper' in event) papers.set(event.paper.id, event.paper)
        else if ('problem' in event) problems.push(event.problem)
      }
    })
    const library = await PaperLibrary.open()
    try {
      const progress = terminal.progress('embedding', 'papers')
      const list = [...papers.values()]
      // The first paper includes the start of the model.
      const start = await timed(() => library.add(list.slice(0, 1), { signal }))
      const embedding = await timed(() =>
        library.add(list, { signal, onProgress: progress.update }).finally(progress.clear),
      )
      const step = Math.max(1, Math.floor(list.length / queryCount))
      const asked = list.filter((_, i) => i % step === 0).slice(0, queryCount)
      const search = await median(asked, (paper) => library.search(paperName(paper), { signal }))
      const related = await median(asked, ({ id }) => library.related(id, { signal }))
      const topics = await timed(() => library.topics({ signal }))
      const data = {
        papers: list.length,
        model: library.embedder?.modelId ?? null,
        readSeconds: reading,
        startSeconds: start,
        embedSeconds: embedding,
        papersPerSecond: list.length > 1 ? (list.length - 1) / embedding : null,
        searchMilliseconds: search * 1000,
        relatedMilliseconds: related * 1000,
        topicsSeconds: topics,
      }
      reportProblems(problems, terminal)
      const row = (name: string, seconds: number) => [
        name,
        seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`,
      ]
      return {
        page: (columns) =>
          `${count(list.length, 'paper')}, ${library.embedder?.modelId ?? 'no model'}\n\n${table(
            [{}, { align: 'right' }],
            [
              row('reading the files', reading),
              row('starting the model', start),
              row('embedding', embedding),
              ...(data.papersPerSecond === null ? [] : [['papers per second', data.papersPerSecond.toFixed(0)]]),
              row('a search (median)', search),
              row('kin of a paper (median)', related),
              row('topics', topics),
            ],
            columns,
          )}`,
        data: () => data,
        records: () => [data],
      }
    } finally {
      await library.close()
    }
  },
})

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

async function median(papers: readonly Paper[], ask: (paper: Paper) => Promise<unknown>): Promise<number> {
  const seconds: number[] = []
  for (const paper of papers) seconds.push(await timed(() => ask(paper)))
  return seconds.sort((a, b) => a - b)[seconds.length >> 1] ?? 0
}
