import { Option } from 'commander'
import { fetchArxiv } from '../../sources/fetch-arxiv.ts'
import { defineCommand, integer } from '../command.ts'
import { type FetchArguments, fetched, fetchOptions, politeness } from '../fetched.ts'

interface ArxivOptions extends FetchArguments {
  readonly from?: string
  readonly to?: string
  readonly max: number
}

export const fetchArxivCommand = defineCommand<ArxivOptions>({
  name: 'fetch arxiv',
  summary: 'papers of arXiv that match a query, the newest first',
  description:
    'The query is in arXiv’s own language: cat:cs.CL, ti:"large language", abs:retrieval, au:moss, joined by AND, OR and ANDNOT. A file that was broken off is gone on with when the same is asked again.',
  arguments: [['<query...>', 'what to look for']],
  options: [
    new Option('--from <day>', 'first day of submission'),
    new Option('--to <day>', 'last day of submission'),
    new Option('--max <count>', 'how many papers at most').argParser(integer('--max', 1)).default(100),
    ...fetchOptions(),
  ],
  examples: [
    "paperkin fetch arxiv 'cat:cs.CL AND abs:retrieval' --max 5",
    'paperkin fetch arxiv cat:cs.CL --from 2025-03-01 --max 3 --out cl.jsonl',
    'paperkin fetch arxiv cat:cs.CL --from 2025-03-01 --to 2025-03-07 --library papers',
  ],
  run: (words, options, context) => {
    const { from, to, max } = options
    const query = words.join(' ')
    const days = `${from === undefined ? '' : ` from ${from}`}${to === undefined ? '' : ` to ${to}`}`
    return fetched(options, context, {
      of: `arXiv ${query}${days}, at most ${max}`,
      fetch: (start, tell) =>
        fetchArxiv(query, {
          ...politeness(options, context),
          ...tell,
          start,
          max: Math.max(1, max - start),
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
        }),
    })
  },
})
